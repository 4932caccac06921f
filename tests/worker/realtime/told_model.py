"""What each subscription must have been told: a plain model of log, rules and listeners.

A change is judged when it is told, which is some time between its commit, or the subscription, and
the moment when everything has settled. So of each change the model knows which verdicts are
possible: those under each rule and as each listener that was in force in that time. Where all of
them are for telling, it has to be told; and whatever is told is told once, in order, and by the
rule and to the listener of that very moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.worker.realtime.listening import Message
from worker.realtime.position import Position, read_position

RULES: tuple[str | None, ...] = (
    "",
    None,
    "size < 3",
    "title = @request.auth.id",
    "title != @request.auth.id && size != 4",
)
CHAT = "chat/room"


class Row(NamedTuple):
    """A record without its id."""

    title: str
    size: int


class Fact(NamedTuple):
    """One row of the log. `step`: when it was committed.  `act`: as in events, or `reset`."""

    n: int
    act: str
    key: str
    before: Row | None
    after: Row | None
    key_only: bool
    step: int


class History:
    """A value that changes over time."""

    def __init__(self, value: Any) -> None:
        self._values: list[tuple[int, Any]] = [(0, value)]
        self._exact = 0

    @property
    def now(self) -> Any:
        """The value."""
        return self._values[-1][1]

    def put(self, step: int, value: Any, *, exact: bool) -> None:
        """Another one from now on. `exact`: nothing is told by an older one any more."""
        self._values.append((step, value))
        if exact:
            self._exact = len(self._values) - 1

    def current(self) -> list[Any]:
        """The values by which something may be told now."""
        return [value for _, value in self._values[self._exact :]]

    def since(self, step: int) -> list[Any]:
        """All values that were in force at some time from `step` on."""
        ends = [began for began, _ in self._values[1:]]
        return [
            value
            for (_, value), end in zip(self._values, [*ends, None], strict=True)
            if end is None or end >= step
        ]

    def settle(self) -> None:
        """Nobody asks about the past any more."""
        del self._values[:-1]
        self._exact = 0


class Log:
    """One log. `states[n]`: the records after row n.  `kept`: rows up to this one are gone."""

    def __init__(self, feed: int, records: dict[str, Row]) -> None:
        self.feed = feed
        self.facts: list[Fact] = []
        self.states = [dict(records)]
        self.kept = 0

    @property
    def head(self) -> int:
        """The last n."""
        return len(self.facts)

    def add(self, fact: Fact) -> None:
        """It was committed."""
        self.facts.append(fact)
        state = dict(self.states[-1])
        if fact.act == "delete":
            del state[fact.key]
        elif fact.after is not None:
            state[fact.key] = fact.after
        self.states.append(state)


def sees(rule: str | None, who: str | None, row: Row) -> bool:
    """Whether a listener may see a record in this state."""
    if who is not None and who.startswith("root"):
        return True
    if rule is None:
        return False
    asker = who or ""
    return {
        "": True,
        "size < 3": row.size < 3,
        "title = @request.auth.id": row.title == asker,
        "title != @request.auth.id && size != 4": row.title != asker and row.size != 4,
    }[rule]


_Eye = tuple[str | None, str | None]
Verdict = tuple[str, str, Row | None] | None
"""Type of the message, id and state of the record; None where nothing is told."""


class Listener:
    """One subscription in the model.

    `who`: of its client.  `pos`: it was told everything up to there.  `may`: reasons for which a
    resync would be in order.  `must_be_gone`: the position that it began at was not there.
    """

    def __init__(
        self, name: str, target: str, who: History, rules: History, step: int, *, leave: bool
    ) -> None:
        self.name = name
        self.target = target
        self.leave = leave
        self.began = step
        self.live = False
        self.pos: Position | None = None
        self.may: set[str] = set()
        self.must_be_gone = False
        self.lists = False
        self._listed: list[dict[str, Any]] = []
        self._who = who
        self._rules = rules

    def _eyes(self, step: int) -> Iterator[_Eye]:
        since = max(step, self.began)
        return ((rule, who) for rule in self._rules.since(since) for who in self._who.since(since))

    def _open_eyes(self) -> Iterator[_Eye]:
        return ((rule, who) for rule in self._rules.current() for who in self._who.current())

    def _verdicts(self, log: Log, fact: Fact, eyes: Iterable[_Eye]) -> set[Verdict]:
        """What may be told of a change to these eyes."""
        if fact.act == "message":
            return {("message", fact.key, None)} if self.target == CHAT else {None}
        if self.target == CHAT:
            return {None}
        if fact.act == "reset":
            return {("reset", "", None)}
        if self.target not in ("*", fact.key):
            return {None}
        if not fact.key_only:
            return {self._verdict(fact, *eye) for eye in eyes}
        later = [state.get(fact.key) for state in log.states[fact.n :]]
        return {
            (fact.act, fact.key, row) if row is not None and sees(*eye, row) else None
            for eye in eyes
            for row in later
        }

    def _verdict(self, fact: Fact, rule: str | None, who: str | None) -> Verdict:
        row = fact.before if fact.act == "delete" else fact.after
        assert row is not None
        if sees(rule, who, row):
            return fact.act, fact.key, row
        if fact.act == "update" and self.leave and fact.before and sees(rule, who, fact.before):
            return "leave", fact.key, None
        return None

    # --- What it is told ------------------------------------------------------------------------

    def hear(self, log: Log, message: Message) -> None:
        """Check one message."""
        kind, position = message["type"], read_position(message["position"])
        if kind == "resync":
            self._resync(log, message["reason"], position)
        elif kind == "snapshot":
            self._list(log, message, position)
        elif kind == "live":
            assert not self.live, "live twice"
            self.live = True
            if position.feed == log.feed:
                self._nothing_missed(log, position.n + 1, "before it was live")
                self.pos = position
        else:
            self._event(log, message, position)

    def _event(self, log: Log, message: Message, position: Position) -> None:
        if position.feed != log.feed:
            assert "reset" in self.may, f"an event of an old log: {message}"
            return
        assert self.pos is not None
        assert self.pos < position, f"told again, or too late, after {self.pos}: {message}"
        self._nothing_missed(log, position.n, message)
        fact = log.facts[position.n - 1]
        possible = self._verdicts(log, fact, self._open_eyes())
        assert _heard(message) in possible, (message, fact, self.__dict__)
        self.pos = position

    def _nothing_missed(self, log: Log, before: int, what: object) -> None:
        """Nothing had to be told between what was told last and this n."""
        if self.pos is None or self.pos.feed != log.feed:
            return
        for fact in log.facts[self.pos.n : max(before - 1, self.pos.n)]:
            possible = self._verdicts(log, fact, self._eyes(fact.step))
            if fact.act == "reset" and self._deaf(fact):
                continue
            assert None in possible, (f"{self.name} missed", fact, "before", what, self.__dict__)

    def _deaf(self, fact: Fact) -> bool:
        """A live listener that a rule locks out is not told of a reset either."""
        return any(
            rule is None and not (who or "").startswith("root")
            for rule, who in self._eyes(fact.step)
        )

    def _resync(self, log: Log, reason: str, position: Position) -> None:
        fact = None
        if position.feed == log.feed and 0 < position.n <= log.head:
            fact = log.facts[position.n - 1]
        if reason not in self.may:  # where it is in it, anything may be missing
            of_the_table = reason == "reset" and fact is not None and fact.act == "reset"
            assert of_the_table, f"{self.name}: an unexplained {reason}: {self.__dict__}"
            assert self.target != CHAT
            self._nothing_missed(log, position.n, "a reset")
        self.must_be_gone = False
        self.pos = position

    def _list(self, log: Log, message: Message, position: Position) -> None:
        assert self.lists, "a list that nobody asked for"
        assert self.pos is None or self.pos == position, "pages of different lists"
        self.pos = position
        self._listed += message["records"]
        if message["more"]:
            return
        self.lists = False
        if position.feed == log.feed:
            shown = {record["id"]: _row(record) for record in self._listed}
            assert len(shown) == len(self._listed)
            assert shown in self._lists(log.states[position.n]), (shown, position)

    def _lists(self, state: dict[str, Row]) -> list[dict[str, Row]]:
        return [
            {
                key: row
                for key, row in state.items()
                if self.target in ("*", key) and sees(*eye, row)
            }
            for eye in self._open_eyes()
        ]

    def settle(self, log: Log) -> None:
        """Everything was told by now."""
        assert self.live, f"{self.name} never became live"
        assert not self.must_be_gone, f"{self.name} was not told that its position is gone"
        assert not self.lists, "no list"
        assert self.pos is not None
        assert self.pos.feed == log.feed, f"{self.name} was not told of the new log"
        self._nothing_missed(log, log.head + 1, "the end")
        self.pos = Position(log.feed, max(log.head, self.pos.n))
        self.may.clear()
        self.began = 0


def _heard(message: Message) -> Verdict:
    kind = message["type"]
    if kind == "message":
        return kind, message["topic"], None
    if kind == "leave":
        return kind, message["id"], None
    record = message["record"]
    return kind, record["id"], _row(record)


def _row(record: dict[str, Any]) -> Row:
    return Row(record["title"], record["size"])
