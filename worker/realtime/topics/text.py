"""Topics as PocketBase's dialect spells them: a path with `?options=…`, a JSON object, behind it.

The options hold `query` (of which `filter`, `expand` and `fields` mean something to us, and all of
it may be read by rules) and `headers` (for rules alone).
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl

import msgspec

from shared.errors import invalid
from worker.realtime.topics.topic import (
    NO_SOURCE,
    Pairs,
    Topic,
    TopicSource,
    check_count,
    check_number,
    topic_of,
)


class _Options(msgspec.Struct):
    """What `?options=` may hold; unknown keys mean nothing to us."""

    query: dict[str, object] = {}
    headers: dict[str, object] = {}


def read_topics(subscriptions: list[str]) -> tuple[Topic, ...]:
    """The distinct topics of a request. Raises INVALID beyond the limits or for a malformed one."""
    distinct = dict.fromkeys(subscriptions)
    check_number(len(distinct))  # before any is read: a body holds tens of thousands
    topics = tuple(map(read_topic, distinct))
    check_count(topics)
    return topics


def read_topic(subscription: str) -> Topic:
    """Read one subscription. Raises INVALID."""
    path, _, options = subscription.partition("?")
    topic = topic_of(path, subscription)
    read = _read_options(options)
    return topic if read is None else with_options(topic, read.query, read.headers)


def with_options(topic: Topic, query: dict[str, object], headers: dict[str, object]) -> Topic:
    """The topic with what was asked for beside its path. Raises INVALID for what is no text."""
    texts = {name: _text(value) for name, value in query.items()}
    sent = _pairs(texts)
    heads = _pairs({name.lower().replace("_", "-"): _text(text) for name, text in headers.items()})
    return replace(
        topic,
        filter=texts.get("filter", "").strip(),
        expand=texts.get("expand", "").strip(),
        fields=texts.get("fields", "").strip(),
        source=TopicSource(sent, heads) if sent or heads else NO_SOURCE,
    )


def _read_options(text: str) -> _Options | None:
    """The options, None for none; clients write spaces as `%20` or as `+`."""
    raw = dict(parse_qsl(text)).get("options", "")
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw, type=_Options)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("The options of a subscription are not readable JSON.") from None


def _pairs(texts: dict[str, str]) -> Pairs:
    return tuple(sorted(texts.items()))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):  # SDKs pass on what their caller gave
        return msgspec.json.encode(value).decode()
    raise invalid("The options of a subscription take text.")
