"""Sight: what the topics of an exchange name, who may see it, and how it is shown.

The index, the delivery and the clients know topics, tables of a log and views, and nothing of what
these mean. A sight says it: for collections, whose rules are expressions (`collection_sight.py`),
or for record APIs, whose rules are SQL (`worker/apis/events/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from shared.messages.changes import Change
from shared.sql.plan import Value
from worker.realtime.principal import Principal
from worker.realtime.topics.topic import Topic
from worker.realtime.views.judge import Case, Verdicts
from worker.realtime.views.viewpoint import Seen


class State(Protocol):
    """All definitions at one moment; another version is another state."""

    @property
    def version(self) -> object:
        """Compared by `==` with that of another state."""


class Rows(NamedTuple):
    """The values that a change is judged by, None when only its key was logged; those before."""

    row: tuple[Value, ...] | None
    old: tuple[Value, ...] | None


class Placing(Protocol):
    """Says where topics belong."""

    def place(
        self,
        topic: Topic,
        principal: Principal | None,
        state: Any,
    ) -> tuple[str, Seen | None] | None:
        """The table (`Change.table`) of a topic, and how it is heard; None: not to be told now.

        TOPICS is the table of a topic that names none. Where nothing can be heard, `Seen` is None.
        """


class Sight(Placing, Protocol):
    """Says all of it. Nothing here waits but what is async."""

    def current(self) -> State:
        """The state of the moment."""

    async def settled(self) -> State:
        """The state of the moment, with all that `place` needs."""

    def name(self, table: str, state: Any) -> str:
        """How clients call a table of the log, "" where it is none of theirs."""

    def rows(self, change: Change, state: Any) -> Rows:
        """The values of a change, in the order in which the views of its table take them."""

    async def judge(
        self,
        state: Any,
        cases: list[Case],
        verdicts: Verdicts,
    ) -> Verdicts | None:
        """Judge in one read: `verdicts`, filled, or None when the state has moved.

        Raises QuillError and SQLError; what was judged before stands in `verdicts`.
        """

    async def ended(self, principals: Iterable[Principal]) -> set[Principal]:
        """Those whose tokens are no longer good. Raises as `judge`."""
