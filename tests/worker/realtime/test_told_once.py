"""Everything once and in order, whatever happens meanwhile: a state machine over the real hub.

Commits, feeds that lag, joins from the past, from a list, from now, rules and people that change,
resets, trimmed logs, other logs, slow clients. After each settling the model (`told_model`) knows
what each subscription must have heard.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared.messages.changes import Change
from shared.sql.plan import Value
from tests.worker.realtime.listening import Message, messages, topic
from tests.worker.realtime.place import created, deleted, message, reset, updated
from tests.worker.realtime.told_model import CHAT, RULES, Fact, History, Listener, Log, Row
from tests.worker.realtime.told_world import World
from worker.realtime.clients.client import Client
from worker.realtime.position import Position

KEYS = tuple(f"record{n:09}" for n in range(5))
TITLES = ("", "ann", "bob")
PEOPLE = (None, "ann", "bob", "root1", "root2")
TARGETS = ("*", "*", "*", KEYS[0], KEYS[1], CHAT)
CLIENTS = 3
TOPICS_PER_CLIENT = 4
PATIENCE_SECONDS = 30.0
_rows = st.builds(Row, st.sampled_from(TITLES), st.integers(0, 5))
_clients = st.integers(0, CLIENTS - 1)
_saves = st.tuples(st.sampled_from(KEYS), _rows)
_given = st.fixed_dictionaries(
    {"target": st.sampled_from(TARGETS), "leave": st.booleans(), "replace": st.booleans()}
)


class Person:
    """A client in the model."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.who = History(None)
        self.listeners: dict[str, Listener] = {}


class ToldOnce(RuleBasedStateMachine):
    """The world beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = itertools.count(1)
        self.step = 0
        self.names = itertools.count()
        self.texts = History("")
        self.world: World | None = None
        self.anew = False

    @initialize(seed=st.integers(0, 1_000_000), old=st.lists(_saves))
    def begin(self, seed: int, old: list[tuple[str, Row]]) -> None:
        """A world with some past."""
        self.world = World(seed)
        self.people = [Person(self.world.connect()) for _ in range(CLIENTS)]
        for person in self.people:
            messages(person.client)
        self.log = Log(self.world.place.words.feed, {})
        self.others = [Position(self.log.feed + 1, 1)]
        for key, row in old * 4:
            self._save(key, row)
        self.world.advance()

    def teardown(self) -> None:
        """Settle once more."""
        if self.world is not None:
            try:
                self.settle()
            finally:
                self.world.close()

    @invariant()
    def count(self) -> None:
        """Each rule is a step of time."""
        self.step = next(self.steps)

    # --- Writing --------------------------------------------------------------------------------

    def _commit(self, change: Change, fact: Fact, *, key_only: bool = False) -> None:
        assert self.world is not None
        self.world.place.commit(change, key_only=key_only)
        self.log.add(fact)

    def _fact(self, act: str, key: str, before: Row | None, after: Row | None) -> Fact:
        return Fact(self.log.head + 1, act, key, before, after, False, self.step)

    def _save(self, key: str, row: Row, *, key_only: bool = False) -> None:
        before = self.log.states[-1].get(key)
        if before is None:
            change, act = created(key, **row._asdict()), "create"
        else:
            old: dict[str, Value] = {
                name: value
                for name, value in before._asdict().items()
                if value != getattr(row, name)
            }
            change, act = updated(key, old, **row._asdict()), "update"
        fact = self._fact(act, key, before, row)._replace(key_only=key_only)
        self._commit(change, fact, key_only=key_only)

    @rule(rows=st.lists(_saves, min_size=1, max_size=3))
    def save(self, rows: list[tuple[str, Row]]) -> None:
        """Create or update."""
        for key, row in rows:
            self._save(key, row)

    @rule(key=st.sampled_from(KEYS), row=_rows)
    def save_large(self, key: str, row: Row) -> None:
        """Only the key is logged."""
        self._save(key, row, key_only=True)

    @rule(key=st.sampled_from(KEYS))
    def delete(self, key: str) -> None:
        """If it is there."""
        before = self.log.states[-1].get(key)
        if before is not None:
            fact = self._fact("delete", key, before, None)
            self._commit(deleted(key, **before._asdict()), fact)

    @rule()
    def publish(self) -> None:
        """To the custom topic."""
        self._commit(message(CHAT, "1"), self._fact("message", CHAT, None, None))

    @rule()
    def reset(self) -> None:
        """Too much to tell."""
        self._commit(reset(), self._fact("reset", "", None, None))

    # --- The clock and the feed -----------------------------------------------------------------

    @rule(turns=st.integers(1, 12), advance=st.booleans())
    def go_on(self, turns: int, advance: bool) -> None:
        """Let time pass."""
        assert self.world is not None
        if advance:
            self.world.advance()
        self.world.run(turns)

    @rule(part=st.floats(0, 1))
    def trim(self, part: float) -> None:
        """What retention does, also to rows that the feed has not read."""
        assert self.world is not None
        upto = self.log.kept + int((self.log.head - self.log.kept) * part)
        self.log.kept = upto
        self.world.place.trim(upto)
        for listener in self._listeners():
            if not listener.live:
                listener.may.add("gone")
            if upto > self.world.feed.position:
                listener.may.add("reset")
        self.anew = self.anew or upto > self.world.feed.position

    @precondition(lambda self: self.log.head)
    @rule()
    def begin_anew(self) -> None:
        """Another log, as after a restore, with the same records."""
        assert self.world is not None
        self.others.append(Position(self.log.feed, self.log.head))
        self.log = Log(self.log.feed + 1, self.log.states[-1])
        self.world.place.begin_anew(self.log.feed)
        for listener in self._listeners():
            listener.may |= {"gone", "reset"}
        self.anew = True

    # --- Rules and people -----------------------------------------------------------------------

    @rule(text=st.sampled_from(RULES))
    def change_rule(self, text: str | None) -> None:
        """For lists and records alike."""
        assert self.world is not None
        for person in self.people:
            self._take(person)
        self.world.place.store("posts", list_rule=text, view_rule=text)
        self.texts.put(self.step, text, exact=True)

    @rule(number=_clients, name=st.sampled_from(PEOPLE))
    def become(self, number: int, name: str | None) -> None:
        """Authenticate, or sign out."""
        assert self.world is not None
        world, person = self.world, self.people[number]
        principal = None if name is None else world.place.person(name)
        self._take(person)
        world.hub.become(person.client, principal)
        person.who.put(self.step, name, exact=True)

    @rule(name=st.sampled_from(PEOPLE[1:]))
    def revoke(self, name: str) -> None:
        """Where it matters who listens, it is noticed; where not, it makes no difference."""
        assert self.world is not None
        self.world.place.revoke(name)
        for person in self.people:
            if person.who.now == name:
                person.who.put(self.step, None, exact=False)

    # --- Subscriptions --------------------------------------------------------------------------

    def _listeners(self) -> list[Listener]:
        return [one for person in self.people for one in person.listeners.values()]

    def _subscribe(self, number: int, given: dict[str, Any], **more: Any) -> Listener:
        """Under a new name, or in place of another one."""
        assert self.world is not None
        world, person = self.world, self.people[number]
        self._take(person)
        name = f"{number}.{next(self.names)}"
        if given["replace"] and person.listeners:
            name = next(iter(person.listeners))
        elif len(person.listeners) >= TOPICS_PER_CLIENT:
            self._unsubscribe(person, next(iter(person.listeners)))
        target, leave = given["target"], given["leave"]
        listener = Listener(name, target, person.who, self.texts, self.step, leave=leave)
        listener.pos = Position(self.log.feed, self.log.head)
        if self.anew:
            listener.may |= {"gone", "reset"}
        path = CHAT if target == CHAT else f"posts/{target}"
        wanted = topic(path, subscription=name, leave=leave, **more)

        def swap() -> None:  # in one turn
            self._take(person)
            person.listeners[name] = listener
            world.hub.subscribe(person.client, [wanted])

        world.call(swap)
        return listener

    @rule(number=_clients, given=_given)
    def from_now(self, number: int, given: dict[str, Any]) -> None:
        """What comes after this moment."""
        self._subscribe(number, given)

    @rule(number=_clients, given=_given, part=st.floats(0, 1.1))
    def since(self, number: int, given: dict[str, Any], part: float) -> None:
        """From a position of the past, or of the future."""
        n = int(self.log.head * part)
        position = Position(self.log.feed, n)
        kept, head = self.log.kept, self.log.head
        listener = self._subscribe(number, given, since=position)
        listener.pos = position
        if n > head:
            listener.may.add("gone")
        if n < kept and n < head:
            listener.may.add("gone")
            listener.must_be_gone = True

    @rule(number=_clients, given=_given)
    def since_elsewhere(self, number: int, given: dict[str, Any]) -> None:
        """From a position of another log."""
        listener = self._subscribe(number, given, since=self.others[-1])
        listener.pos = None
        listener.may.add("gone")
        listener.must_be_gone = True

    @rule(number=_clients, given=_given)
    def from_list(self, number: int, given: dict[str, Any]) -> None:
        """The list first."""
        listener = self._subscribe(number, {**given}, snapshot=True)
        listener.pos = None
        listener.lists = True

    @rule(number=_clients)
    def unsubscribe(self, number: int) -> None:
        """The oldest; nothing of it comes after that."""
        person = self.people[number]
        if person.listeners:
            self._unsubscribe(person, next(iter(person.listeners)))

    def _unsubscribe(self, person: Person, name: str) -> None:
        assert self.world is not None
        self._take(person)
        ended = self.world.hub.unsubscribe(person.client, [name])
        assert ended == [name]
        del person.listeners[name]

    @rule(number=_clients)
    def hang_up(self, number: int) -> None:
        """And another client comes."""
        assert self.world is not None
        self.world.call(self.people[number].client.abandon)
        self.people[number] = Person(self.world.connect())
        messages(self.people[number].client)

    # --- What was told --------------------------------------------------------------------------

    @rule(number=_clients)
    def take(self, number: int) -> None:
        """A client reads."""
        self._take(self.people[number])

    def _take(self, person: Person) -> None:
        assert self.world is not None
        for told in messages(person.client):
            self._hear(person, told)

    def _hear(self, person: Person, told: Message) -> None:
        assert told["type"] != "bye", "a client was closed"
        if told["type"] == "auth":
            return
        assert told["sub"] in person.listeners, f"nobody listens to that any more: {told}"
        person.listeners[told["sub"]].hear(self.log, told)

    @rule()
    def settle(self) -> None:
        """Until there is nothing left to tell."""
        assert self.world is not None
        until = (
            time.monotonic() + PATIENCE_SECONDS
        )  # a read may be in a thread, and that in a queue
        while time.monotonic() < until:
            self.world.advance()
            self.world.run(3)
            for person in self.people:
                self._take(person)
            if self.world.settled():
                break
        else:
            raise AssertionError("it never settles")
        for person in self.people:
            self._take(person)
            for listener in person.listeners.values():
                listener.settle(self.log)
            person.who.settle()
        self.texts.settle()
        self.anew = False
        assert self.world.hub.told_upto() == self.log.head


_SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_everything_is_told_once() -> None:
    """A few hundred commits among joins, moves and resets."""
    run_state_machine_as_test(ToldOnce, settings=_SETTINGS)


@pytest.mark.long
def test_everything_is_told_once_for_long() -> None:
    """New histories each time."""
    chance = settings(_SETTINGS, max_examples=1_500, derandomize=False)
    run_state_machine_as_test(ToldOnce, settings=chance)
