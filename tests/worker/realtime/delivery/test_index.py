"""The topic index: who shares a group, and what happens when the catalog moves."""

from __future__ import annotations

import itertools
import json
from urllib.parse import quote

import pytest

from shared.messages.changes import Change
from tests.sse import options
from tests.worker.realtime.listening import IP, topic
from tests.worker.realtime.place import ID, Place, created, message
from worker.realtime.clients.client import Admission, Client
from worker.realtime.clients.encoders import EVENT_STREAM
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery import index as index_module
from worker.realtime.delivery.index import TopicIndex
from worker.realtime.principal import Principal
from worker.realtime.topics.text import read_topic, read_topics
from worker.realtime.topics.topic import Topic
from worker.realtime.views.viewpoint import Views

ROOT = Principal("pbc_3142635823", "root", "key", True)
ROOT_TOO = Principal("pbc_3142635823", "other", "key", True)
USER = Principal("c_users", "user", "key", False)
CHANGE = created()
SENT: list[dict[str, dict[str, str]]] = [
    {},
    {"query": {"tag": "a"}},
    {"query": {"tag": "b"}},
    {"query": {"tag": "b"}},
    {"headers": {"X_Tag": "b"}},
    {"headers": {"x-tag": "b"}},
]


class Index:
    """A topic index with clients of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.index = TopicIndex(Views())
        self._numbers = itertools.count()

    def client(self, principal: Principal | None = None) -> Client:
        """A client that listens to nothing."""
        number = f"{next(self._numbers):040x}"
        client = Client(Admission(number, IP, EVENT_STREAM, "", lambda _client: None))
        client.principal = principal
        return client

    def add(self, client: Client, *topics: str | Topic) -> list[Subscription]:
        """Live at once, as the hub does it."""
        made = []
        for one in topics:
            topic = one if isinstance(one, Topic) else read_topic(one)
            subscription = Subscription(client, topic)
            client.subscriptions[subscription.name] = subscription
            self.index.ask(topic)
            self.index.add(subscription, self.place.reader.catalog.current())
            made.append(subscription)
        return made

    def remove(self, client: Client) -> None:
        """All that it listens to."""
        for subscription in client.subscriptions.values():
            self.index.remove(subscription)
            self.index.forget(subscription.topic)
        client.subscriptions.clear()

    def refresh(self) -> None:
        """Follow the catalog."""
        while not self.index.refresh(self.place.reader.catalog.current()):
            pass

    def found(self, change: Change) -> list[Subscription]:
        """Who is asked about a change."""
        groups = self.index.groups(change)
        return [member for group in groups for member in group.members]

    def sizes(self, change: Change = CHANGE) -> list[int]:
        """Of the groups that a change concerns."""
        return sorted(len(group.members) for group in self.index.groups(change))

    @property
    def empty(self) -> bool:
        """Nothing is left of anybody."""
        index = self.index
        return (
            not (index.count or index._by_table or index._custom or index._asked or index._chars)
            and not index.clients()
        )


@pytest.fixture
def index(place: Place) -> Index:
    """An empty index."""
    return Index(place)


def test_listeners_with_the_same_rights_share_a_group(index: Index) -> None:
    """Guests and users do when the rule asks nobody's name; each superuser is its own."""
    for who in (None, None, USER, ROOT, ROOT, ROOT_TOO):
        index.add(index.client(who), "posts/*")
    assert index.sizes() == [1, 2, 3]


def test_a_rule_about_the_caller_parts_the_groups(place: Place, index: Index) -> None:
    """Then each principal is judged for itself."""
    place.store("posts", list_rule="title != @request.auth.id")
    for who in (None, None, USER):
        index.add(index.client(who), "posts/*")
    assert index.sizes() == [1, 2]


def test_a_rule_about_the_request_parts_the_groups(place: Place, index: Index) -> None:
    """Those that sent the same are one; where no rule asks, it makes no difference."""
    topics = [f"posts?options={quote(json.dumps(sent))}" for sent in SENT]
    for one in topics:
        index.add(index.client(), one)
    assert index.sizes() == [len(SENT)]
    place.store("posts", list_rule="@request.query.tag = title || @request.headers.x_tag = title")
    index.refresh()
    assert index.sizes() == [1, 1, 2, 2]


def test_leaves_and_custom_topics_stand_apart(index: Index) -> None:
    """A listener that wants leaves is judged by the old row as well; a custom topic by nothing."""
    index.add(index.client(), "posts", topic("posts", leave=True, subscription="too"))
    (chat,) = index.add(index.client(), "chat/room")
    assert index.sizes() == [1, 1]
    assert list(index.index.custom(message("chat/room"))) == [chat]
    assert list(index.index.custom(message("chat"))) == []
    assert list(index.index.custom(message("chat/room/1"))) == []
    assert list(index.index.custom(created("chat/room", table="@topics"))) == []
    index.remove(chat.client)
    assert list(index.index.custom(message("chat/room"))) == []


def test_a_custom_topic_becomes_a_collection_and_the_reverse(place: Place, index: Index) -> None:
    """As soon as the catalog knows its first part, and as long as it does."""
    (one,) = index.add(index.client(), "later/one")
    change = created("one", table="c_later")
    place.store("later")
    index.refresh()
    assert index.found(change) == [one]
    assert list(index.index.custom(message("later/one"))) == []
    place.forget("later")
    index.refresh()
    assert index.found(change) == []
    assert list(index.index.custom(message("later/one"))) == [one]


def test_nothing_is_left_behind(index: Index) -> None:
    """Removed subscriptions leave no empty by_target."""
    client = index.client()
    made = index.add(client, "posts/*", f"posts/{ID}", "nosuch", f"posts{options(filter='size=1')}")
    assert (index.index.count, index.sizes()) == (4, [1, 1, 1])
    index.index.remove(made[0])
    index.index.remove(made[0])
    assert (index.index.count, index.sizes()) == (3, [1, 1])
    index.remove(client)
    assert index.empty


def test_a_listener_that_becomes_somebody_else_moves(place: Place, index: Index) -> None:
    """Also one that is not live yet, which has no place; and it is counted."""
    place.store("posts", list_rule="title = @request.auth.id", view_rule="")
    client = index.client(USER)
    (one,) = index.add(client, "posts/*")
    joining = Subscription(client, read_topic("posts"))
    assert index.found(created(title="user")) == [one]
    client.principal = None
    edits = index.index.edits
    for subscription in (one, joining):
        index.index.move(subscription, place.reader.catalog.current())
    assert index.index.edits > edits
    assert index.found(created(title="user")) == []
    assert index.found(created(title="")) == [one]
    index.remove(client)
    assert index.empty


def test_a_moved_catalog_places_everything_anew(place: Place, index: Index) -> None:
    """A locked collection loses its listeners, an opened or new one gains them."""
    index.add(index.client(), "posts/*", "later/*")
    place.store("posts", list_rule=None)
    place.store("later")
    index.refresh()
    assert index.sizes() == []
    assert len(index.index.listeners("c_later")) == 1
    place.store("posts")
    index.refresh()
    assert index.sizes() == [1]


def test_a_moved_catalog_is_followed_in_slices(
    place: Place, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between them clients may come and go; in the end each that is there has its place."""
    monkeypatch.setattr(index_module, "REALTIME_SLICE_SECONDS", -1.0)
    clients = [index.client() for _ in range(5)]
    for number, client in enumerate(clients):
        index.add(client, f"posts{options(filter=f'size = {number}')}")
    place.store("posts")
    assert not index.index.refresh(place.reader.catalog.current())
    assert index.sizes() == [1]
    index.remove(clients[4])
    index.remove(clients[3])
    index.add(clients[3], "posts/*")
    index.refresh()
    assert index.sizes() == [1, 1, 1, 1]
    for client in clients:
        index.remove(client)
    assert index.empty


def test_what_clients_ask_themselves_is_bounded_for_all(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by text; what somebody asks already, and what asks nothing, is free."""
    monkeypatch.setattr(index_module, "REALTIME_VIEWS_PER_WORKER", 2)
    monkeypatch.setattr(index_module, "REALTIME_FILTER_CHARS_PER_WORKER", 26)
    one, two, three = (f"posts{options(filter=f'size = {n}')}" for n in range(3))
    wide = f"posts{options(filter='size = 10 || size = 20')}"
    client = index.client()
    has_room = index.index.has_room
    assert not has_room(read_topics([wide]))
    assert not has_room(read_topics([f"posts{options(fields='id,' * 7)}"]))
    assert not has_room(read_topics([f"posts{options(expand='a.b,' * 7)}"]))
    index.add(client, one, two)
    assert not has_room(read_topics([three]))
    assert has_room(read_topics([one, two, "posts/*", f"posts/{ID}"]))
    index.remove(client)
    assert has_room(read_topics([three]))
