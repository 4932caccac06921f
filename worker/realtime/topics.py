"""Subscription strings, taken apart: `posts/*`, `posts/ID`, `posts`, each with `?options=…`.

Pure text: whether the collection exists and what the filter means is decided when the topic is
compiled against a catalog. A topic of a shape that means nothing here (`@oauth2`, an application's
own) is kept and matches nothing, as the dialect wants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from shared.errors import invalid
from shared.limits import (
    REALTIME_VIEWS_PER_CLIENT,
    SUBSCRIPTION_CHARS_MAX,
    SUBSCRIPTIONS_PER_CLIENT,
)

EVERY_RECORD = "*"
_CONTROL_CHARS = frozenset(map(chr, range(0x20))) | {"\x7f"}


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription.

    `subscription`: the client's own string, which names its events verbatim.
    `collection`: id or name, as written.  `record`: an id, or `*`.
    `filter`: expression text, "" for none.  `fields`: names to show, None for all.
    """

    subscription: str
    collection: str
    record: str = EVERY_RECORD
    filter: str = ""
    fields: frozenset[str] | None = None

    @property
    def question(self) -> Question | None:
        """What the client wrote itself, which has to be judged apart; None if it wrote nothing."""
        if not self.filter and self.fields is None:
            return None
        return Question(self.collection, self.record != EVERY_RECORD, self.filter, self.fields)


class Question(NamedTuple):
    """The text of a view: topics that share it are judged and shaped together."""

    collection: str
    single: bool
    filter: str
    fields: frozenset[str] | None


def questions(topics: Iterable[Topic]) -> dict[Question, None]:
    """The distinct questions of some topics, in their order."""
    asked = (topic.question for topic in topics)
    return dict.fromkeys(question for question in asked if question is not None)


class _Options(msgspec.Struct):
    """What `?options=` may hold; headers and unknown keys mean nothing to us yet."""

    query: dict[str, object] = {}


def read_topics(subscriptions: list[str]) -> tuple[Topic, ...]:
    """The distinct topics of a request. Raises INVALID beyond the limits or for a malformed one."""
    if len(subscriptions) > SUBSCRIPTIONS_PER_CLIENT:
        raise invalid(f"At most {SUBSCRIPTIONS_PER_CLIENT} subscriptions are allowed.")
    topics = tuple(map(parse_topic, dict.fromkeys(subscriptions)))
    if len(questions(topics)) > REALTIME_VIEWS_PER_CLIENT:
        raise invalid(
            f"At most {REALTIME_VIEWS_PER_CLIENT} different filters and field lists are allowed."
        )
    return topics


def parse_topic(subscription: str) -> Topic:
    """Read one subscription. Raises INVALID.

    Control characters are refused because the string becomes the `event:` line of a stream, where
    a line break would let a client forge lines.
    """
    if not 0 < len(subscription) <= SUBSCRIPTION_CHARS_MAX:
        raise invalid(f"A subscription has 1 to {SUBSCRIPTION_CHARS_MAX} characters.")
    if not _CONTROL_CHARS.isdisjoint(subscription):
        raise invalid("A subscription may not contain control characters.")
    path, _, options = subscription.partition("?")
    collection, _, record = path.partition("/")
    query = _read_options(options)
    return Topic(
        subscription,
        collection,
        record or EVERY_RECORD,
        _text(query.get("filter")),
        _names(_text(query.get("fields"))),
    )


def _read_options(text: str) -> dict[str, object]:
    """The `query` part of the options; clients write spaces as `%20` or as `+`."""
    raw = dict(parse_qsl(text)).get("options", "")
    if not raw:
        return {}
    try:
        return msgspec.json.decode(raw, type=_Options).query
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("The options of a subscription are not readable JSON.") from None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    raise invalid("The options of a subscription take text.")


def _names(fields: str) -> frozenset[str] | None:
    """Top-level names of a `fields` list; `*` and an empty list mean all."""
    names = frozenset(name.strip() for name in fields.split(",") if name.strip())
    return None if not names or "*" in names else names
