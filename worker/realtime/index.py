"""The topic index: from a changed record to the views that somebody listens with.

collection id → record id or `*` → (view, principal where it matters) → subscriptions. It is
compiled against one version of the catalog and rebuilt when that moves, which is rare; so a rule
change, a rename, or a collection that appears later takes effect for streams that are open. That
is done in slices, and nothing is delivered before the last. Lives on the event loop only.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from shared.access.identity import GUEST, Identity
from shared.language.errors import LanguageError
from shared.limits import (
    REALTIME_FILTER_CHARS_PER_WORKER,
    REALTIME_SLICE_SECONDS,
    REALTIME_VIEWS_PER_WORKER,
)
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from worker.realtime import sse
from worker.realtime.client import Client
from worker.realtime.principal import Principal
from worker.realtime.topics import EVERY_RECORD, Question, Topic, questions
from worker.realtime.views import View, ViewKey, compile_view

_AUTH_NAMES = "@request.auth."
_GroupKey = tuple[ViewKey, Principal | None]
_Place = tuple[str, str, _GroupKey]


class Subscription:
    """One topic of one client, with the first lines of its events ready."""

    __slots__ = ("client", "gone", "place", "prefix", "topic")

    def __init__(self, client: Client, topic: Topic) -> None:
        self.client = client
        self.topic = topic
        self.prefix = sse.prefix(client.id, topic.subscription)
        self.place: _Place | None = None
        self.gone = False

    @property
    def key(self) -> tuple[Client, str]:
        """What stays the same when the client sets its topics again."""
        return self.client, self.topic.subscription


class Group:
    """Subscriptions that see the same bytes. `principal` is None where it does not matter."""

    __slots__ = ("members", "principal", "view")

    def __init__(self, view: View, principal: Principal | None) -> None:
        self.view = view
        self.principal = principal
        self.members: dict[Subscription, None] = {}


class TopicIndex:
    """All subscriptions of one worker.

    `count`: of subscriptions.  `edits`: how often any client's were set.
    """

    def __init__(self) -> None:
        self.catalog_version = -1
        self._subscriptions: dict[Client, list[Subscription]] = {}
        self._groups: dict[str, dict[str, dict[_GroupKey, Group]]] = {}
        self._views: dict[ViewKey, View | None] = {}
        self._unplaced: deque[Subscription] = deque()
        self._asked: Counter[Question] = Counter()
        self._filter_chars = 0
        self.count = 0
        self.edits = 0

    def refresh(self, catalog: Catalog) -> bool:
        """Compile again what an older catalog was for, for one slice of time.

        False when there is more to do: until then the groups are not all.
        """
        self._begin(catalog)
        until = time.monotonic() + REALTIME_SLICE_SECONDS
        while self._unplaced:
            subscription = self._unplaced.popleft()
            if not subscription.gone:
                self._place(subscription, catalog)
            if time.monotonic() > until:
                break
        return not self._unplaced

    def _begin(self, catalog: Catalog) -> None:
        """Take everything from its place if the catalog has moved."""
        if catalog.version == self.catalog_version:
            return
        self.catalog_version = catalog.version
        self._groups.clear()
        self._views.clear()
        self._unplaced = deque(
            subscription
            for subscriptions in self._subscriptions.values()
            for subscription in subscriptions
        )
        for subscription in self._unplaced:
            subscription.place = None

    def has_room(self, topics: Iterable[Topic]) -> bool:
        """Whether what the client wrote itself still fits: the views of all, and their text."""
        new = [question for question in questions(topics) if question not in self._asked]
        chars = sum(len(question.filter) for question in new)
        return not new or (
            len(self._asked) + len(new) <= REALTIME_VIEWS_PER_WORKER
            and self._filter_chars + chars <= REALTIME_FILTER_CHARS_PER_WORKER
        )

    def replace(self, client: Client, topics: Iterable[Topic], catalog: Catalog) -> None:
        """Make `topics` all that `client` listens to."""
        self._begin(catalog)
        self.edits += 1
        self.remove(client)
        subscriptions = [Subscription(client, topic) for topic in topics]
        if subscriptions:
            self._subscriptions[client] = subscriptions
            self.count += len(subscriptions)
        for subscription in subscriptions:
            self._ask(subscription.topic)
            self._place(subscription, catalog)

    def remove(self, client: Client) -> None:
        """Forget all that `client` listens to."""
        for subscription in self._subscriptions.pop(client, ()):
            self.count -= 1
            subscription.gone = True
            self._forget(subscription.topic)
            self._displace(subscription)

    def groups(self, collection_id: str, record_id: str) -> Iterator[Group]:
        """The groups that hear of a change of this record."""
        targets = self._groups.get(collection_id)
        if targets is not None:
            yield from targets.get(EVERY_RECORD, {}).values()
            yield from targets.get(record_id, {}).values()

    def clients(self) -> list[Client]:
        """The clients that listen to anything at all."""
        return list(self._subscriptions)

    def listeners(self, collection_id: str) -> set[Client]:
        """The clients that listen to anything in a collection."""
        return {
            subscription.client
            for groups in self._groups.get(collection_id, {}).values()
            for group in groups.values()
            for subscription in group.members
        }

    def _ask(self, topic: Topic) -> None:
        question = topic.question
        if question is not None:
            self._asked[question] += 1
            if self._asked[question] == 1:
                self._filter_chars += len(question.filter)

    def _forget(self, topic: Topic) -> None:
        question = topic.question
        if question is not None:
            self._asked[question] -= 1
            if not self._asked[question]:
                del self._asked[question]
                self._filter_chars -= len(question.filter)

    def _place(self, subscription: Subscription, catalog: Catalog) -> None:
        """Put a subscription where changes find it; nowhere if it can never hear anything."""
        subscription.place = None
        topic, principal = subscription.topic, subscription.client.principal
        key = view_key(topic, principal, catalog)
        view = None if key is None else self._view(key, catalog, principal)
        if key is None or view is None:
            return
        matters = view.personal or key.superuser
        group_key = (key, principal if matters else None)
        targets = self._groups.setdefault(key.collection_id, {})
        groups = targets.setdefault(topic.record, {})
        group = groups.get(group_key)
        if group is None:
            group = groups[group_key] = Group(view, group_key[1])
        group.members[subscription] = None
        subscription.place = (key.collection_id, topic.record, group_key)

    def _view(self, key: ViewKey, catalog: Catalog, principal: Principal | None) -> View | None:
        if key in self._views:
            return self._views[key]
        collection = catalog.by_id(key.collection_id)
        assert collection is not None
        try:
            view = compile_view(key, collection, catalog, asker_of(principal, catalog))
        except LanguageError:
            view = None  # a rule at fault denies, and so does a filter that the schema outgrew
        if len(self._views) >= 2 * REALTIME_VIEWS_PER_WORKER:
            self._views.clear()
        self._views[key] = view
        return view

    def _displace(self, subscription: Subscription) -> None:
        if subscription.place is None:
            return
        collection_id, record_id, group_key = subscription.place
        targets = self._groups[collection_id]
        groups = targets[record_id]
        del groups[group_key].members[subscription]
        if not groups[group_key].members:
            del groups[group_key]
        if not groups:
            del targets[record_id]
        if not targets:
            del self._groups[collection_id]


def view_key(topic: Topic, principal: Principal | None, catalog: Catalog) -> ViewKey | None:
    """The view that a topic asks for; None when there is no such collection."""
    collection = catalog.find(topic.collection)
    if collection is None:
        return None
    superuser = principal is not None and principal.superuser
    single = topic.record != EVERY_RECORD
    caller_id = principal.collection_id if principal and asks_who(collection, topic) else ""
    return ViewKey(collection.id, single, topic.filter, topic.fields, superuser, caller_id)


def asks_who(collection: Collection, topic: Topic) -> bool:
    """Whether the listener's collection can matter: in a rule, a filter, or for emails shown."""
    texts = (collection.list_rule, collection.view_rule, topic.filter)
    return collection.type == AUTH or any(_AUTH_NAMES in text for text in texts if text)


def asker_of(principal: Principal | None, catalog: Catalog) -> Identity:
    """An identity with the principal's rights, good for choosing a rule and nothing else."""
    if principal is None:
        return GUEST
    collection = catalog.by_id(principal.collection_id)
    name = "" if collection is None else collection.name
    return Identity(principal.collection_id, name, {}, principal.superuser)
