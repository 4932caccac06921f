"""The topic index: from a changed record to the views that somebody listens with.

table → record id or `*` → viewpoint → subscriptions. Custom topics stand beside it under their
path. It is compiled against one state of the definitions and rebuilt when that moves, which is
rare; so a rule change, a rename, or a table that appears later takes effect for connections
that are open. That is done in slices, and nothing is delivered before the last. Lives on the event
loop only.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from shared.limits import (
    REALTIME_FILTER_CHARS_PER_WORKER,
    REALTIME_SLICE_SECONDS,
    REALTIME_VIEWS_PER_WORKER,
)
from shared.messages.changes import TOPICS, Act, Change
from shared.sql.plan import Value
from worker.engine.feed import EVERY_TABLE
from worker.realtime.clients.client import Client
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.groups import Group, TargetGroups
from worker.realtime.topics.topic import EVERY_RECORD, Question, Topic, questions
from worker.realtime.views.sight import Placing, State
from worker.realtime.views.viewpoint import Viewpoint


class Place:
    """Where a subscription is: under a viewpoint of a target, or under a custom topic's path."""

    __slots__ = ("table", "target", "viewpoint")

    def __init__(self, table: str, target: str, viewpoint: Viewpoint | None) -> None:
        self.table = table
        self.target = target
        self.viewpoint = viewpoint


class TopicIndex:
    """All live subscriptions of one worker.

    `count`: of subscriptions.  `edits`: how often one that was live got another place.
    """

    def __init__(self, placing: Placing) -> None:
        self._placing = placing
        self._version: object = None
        self._live: dict[Subscription, None] = {}
        self._by_table: dict[str, dict[str, TargetGroups]] = {}
        self._custom: dict[str, dict[Subscription, None]] = {}
        self._unplaced: deque[Subscription] = deque()
        self._asked: Counter[Question] = Counter()
        self._chars = 0
        self.edits = 0

    @property
    def count(self) -> int:
        """Live subscriptions."""
        return len(self._live)

    # --- What clients may ask -------------------------------------------------------------------

    def has_room(self, topics: Iterable[Topic]) -> bool:
        """Whether what the client wrote itself still fits: the views of all, and their text."""
        new = [question for question in questions(topics) if question not in self._asked]
        chars = sum(question.chars for question in new)
        return not new or (
            len(self._asked) + len(new) <= REALTIME_VIEWS_PER_WORKER
            and self._chars + chars <= REALTIME_FILTER_CHARS_PER_WORKER
        )

    def ask(self, topic: Topic) -> None:
        """Somebody has this topic from now on, live or soon."""
        question = topic.question
        if question is not None:
            self._asked[question] += 1
            if self._asked[question] == 1:
                self._chars += question.chars

    def forget(self, topic: Topic) -> None:
        """The reverse of `ask`."""
        question = topic.question
        if question is not None:
            self._asked[question] -= 1
            if not self._asked[question]:
                del self._asked[question]
                self._chars -= question.chars

    # --- Coming, moving, going ------------------------------------------------------------------

    def add(self, subscription: Subscription, state: State) -> None:
        """Make it live: from now on it is found."""
        self._begin(state)
        subscription.live = True
        self._live[subscription] = None
        self._place(subscription, state)

    def move(self, subscription: Subscription, state: State) -> None:
        """Find its place anew: its client is somebody else now."""
        self._begin(state)
        self.edits += 1
        if subscription.live:
            self._displace(subscription)
            self._place(subscription, state)

    def remove(self, subscription: Subscription) -> None:
        """It is gone."""
        subscription.gone = True
        if subscription.live:
            del self._live[subscription]
            self._displace(subscription)
            subscription.live = False

    def refresh(self, state: State) -> bool:
        """Compile again what an older state was for, for one slice of time.

        False when there is more to do: until then the groups are not all.
        """
        self._begin(state)
        until = time.monotonic() + REALTIME_SLICE_SECONDS
        while self._unplaced:
            subscription = self._unplaced.popleft()
            if not subscription.gone and subscription.place is None:
                self._place(subscription, state)
            if time.monotonic() > until:
                break
        return not self._unplaced

    def _begin(self, state: State) -> None:
        """Take everything from its place if the state has moved."""
        if state.version == self._version:
            return
        self._version = state.version
        self._by_table.clear()
        self._custom.clear()
        self._unplaced = deque(self._live)
        for subscription in self._unplaced:
            subscription.place = None

    # --- Finding --------------------------------------------------------------------------------

    def hears(self, table: str, key: Value, state: State) -> bool:
        """Whether anybody may have to hear of a change of that key; of any while it is moving."""
        if self._version != state.version or self._unplaced:
            return bool(self._live)
        if table == TOPICS:
            return str(key) in self._custom
        by_target = self._by_table.get(table)
        if by_target is None:
            return table == EVERY_TABLE
        return key is None or EVERY_RECORD in by_target or str(key) in by_target

    def groups(self, change: Change) -> Iterator[Group]:
        """The groups that may have to hear of a change."""
        by_target = self._by_table.get(change.table)
        if by_target is None:
            return
        for target in (EVERY_RECORD, str(change.key)):
            at_target = by_target.get(target)
            if at_target is not None:
                yield from at_target.groups(change)

    def custom(self, change: Change) -> Iterable[Subscription]:
        """Who hears what was published under a topic."""
        if change.act is not Act.MESSAGE:
            return ()
        return self._custom.get(str(change.key), ())

    def all(self) -> list[Subscription]:
        """Every live subscription."""
        return list(self._live)

    def clients(self) -> set[Client]:
        """The clients that listen to anything at all."""
        return {subscription.client for subscription in self._live}

    def listeners(self, table: str) -> list[Subscription]:
        """What is listened to in one table, whoever may hear it now."""
        return [
            subscription
            for at_target in self._by_table.get(table, {}).values()
            for group in at_target.every_group()
            for subscription in group.members
        ]

    # --- Places ---------------------------------------------------------------------------------

    def _place(self, subscription: Subscription, state: State) -> None:
        """Put a subscription where changes find it; nowhere if it can never hear anything."""
        subscription.place = None
        topic, client = subscription.topic, subscription.client
        placed = self._placing.place(topic, client.principal, state)
        if placed is None:
            self._unplaced.append(subscription)
            return
        table, seen = placed
        if table == TOPICS:
            self._custom.setdefault(topic.path, {})[subscription] = None
            subscription.place = Place(TOPICS, topic.path, None)
            return
        if seen is None:
            client.denied()
            return
        at_target = self._by_table.setdefault(table, {}).setdefault(topic.record, TargetGroups())
        at_target.group(*seen).members[subscription] = None
        subscription.place = Place(table, topic.record, seen.viewpoint)

    def _displace(self, subscription: Subscription) -> None:
        place = subscription.place
        subscription.place = None
        if place is None:
            return
        if place.viewpoint is None:
            members = self._custom[place.target]
            del members[subscription]
            if not members:
                del self._custom[place.target]
            return
        by_target = self._by_table[place.table]
        at_target = by_target[place.target]
        at_target.remove(place.viewpoint, subscription)
        if at_target.empty:
            del by_target[place.target]
        if not by_target:
            del self._by_table[place.table]
