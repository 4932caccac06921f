"""What a client wants to hear of: a topic and its options. Pure data, and what it may cost.

Whether the collection exists and what the filter means is decided when the topic is compiled
against a catalog. One whose first part names no collection is a custom topic: it hears what is
published under its whole path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from shared.errors import invalid
from shared.limits import (
    REALTIME_VIEWS_PER_CLIENT,
    SUBSCRIPTION_CHARS_MAX,
    SUBSCRIPTIONS_PER_CLIENT,
)
from worker.realtime.position import Position

EVERY_RECORD: Final = "*"
CONTROL_CHARS: Final = frozenset(map(chr, range(0x20))) | {"\x7f"}
Pairs = tuple[tuple[str, str], ...]


class TopicSource:
    """The query and the headers that a topic came with, for rules that ask about the request.

    Equal ones are one key: listeners that sent the same are judged together.
    """

    __slots__ = ("__dict__", "_headers", "_query")
    method: Final = "GET"

    def __init__(self, query: Pairs, headers: Pairs) -> None:
        self._query = query
        self._headers = headers

    @cached_property
    def chars(self) -> int:
        """Length of it all."""
        return sum(len(name) + len(text) for name, text in (*self._query, *self._headers))

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The parameters, by name."""
        return dict(self._query)

    def header(self, name: bytes) -> str | None:
        """The value of a header; `name` in lower case."""
        return dict(self._headers).get(name.decode("latin-1"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TopicSource) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Pairs, Pairs]:
        return self._query, self._headers


NO_SOURCE: Final = TopicSource((), ())


@dataclass(frozen=True, slots=True)
class Topic:
    """One subscription, as its client asked for it.

    `subscription`: the client's own name for it, by which its events are named.
    `path`: the topic without options.  `collection`: id or name, as written.
    `record`: an id, or `*`.  `filter`, `expand`, `fields`: "" for none.
    `source`: what rules may read of the request.
    `since`: told from this position on.  `snapshot`: the present list first.
    `leave`: told when a record no longer passes.
    """

    subscription: str
    path: str
    collection: str
    record: str = EVERY_RECORD
    filter: str = ""
    expand: str = ""
    fields: str = ""
    source: TopicSource = NO_SOURCE
    since: Position | None = None
    snapshot: bool = False
    leave: bool = False

    @property
    def question(self) -> Question | None:
        """What the client wrote itself, which has to be judged apart; None if it wrote nothing."""
        if not (self.filter or self.expand or self.fields or self.source.chars):
            return None
        single = self.record != EVERY_RECORD
        return Question(self.collection, single, self.filter, self.expand, self.fields, self.source)


class Question(NamedTuple):
    """The text of a view: topics that share it are judged and shaped together.

    The source belongs to it, since a rule or a filter may ask about the request.
    """

    collection: str
    single: bool
    filter: str
    expand: str
    fields: str
    source: TopicSource = NO_SOURCE

    @property
    def chars(self) -> int:
        """Length of what has to be kept."""
        return max(len(self.filter) + len(self.expand) + len(self.fields), self.source.chars)


def topic_of(path: str, subscription: str = "") -> Topic:
    """The topic `COLLECTION`, `COLLECTION/*`, `COLLECTION/ID` or anything else. Raises INVALID."""
    name = subscription or path
    _check_text(path)
    _check_text(name)
    collection, _, record = path.partition("/")
    return Topic(name, path, collection, record or EVERY_RECORD)


def questions(topics: Iterable[Topic]) -> dict[Question, None]:
    """The distinct questions of some topics, in their order."""
    asked = (topic.question for topic in topics)
    return dict.fromkeys(question for question in asked if question is not None)


def check_count(topics: Iterable[Topic]) -> None:
    """Raises INVALID when these are more than one client may have."""
    kept = tuple(topics)
    check_number(len(kept))
    if len(questions(kept)) > REALTIME_VIEWS_PER_CLIENT:
        raise invalid(f"At most {REALTIME_VIEWS_PER_CLIENT} different sets of options are allowed.")


def check_number(count: int) -> None:
    """Raises INVALID for more topics than one client may have."""
    if count > SUBSCRIPTIONS_PER_CLIENT:
        raise invalid(f"At most {SUBSCRIPTIONS_PER_CLIENT} subscriptions are allowed.")


def _check_text(text: str) -> None:
    """Control characters are refused because the text becomes the `event:` line of a stream.

    A line break there would let a client forge lines.
    """
    if not 0 < len(text) <= SUBSCRIPTION_CHARS_MAX:
        raise invalid(f"A subscription has 1 to {SUBSCRIPTION_CHARS_MAX} characters.")
    if not CONTROL_CHARS.isdisjoint(text):
        raise invalid("A subscription may not contain control characters.")
