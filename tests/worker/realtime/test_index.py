"""The topic index: who shares a group, and what happens when the catalog moves."""

from __future__ import annotations

import pytest

from tests.sse import options
from tests.worker.realtime.place import ID, Place
from worker.realtime import index as index_module
from worker.realtime.client import Client
from worker.realtime.index import TopicIndex
from worker.realtime.principal import Principal
from worker.realtime.topics import read_topics

ROOT = Principal("pbc_3142635823", "root", "key", True)
ROOT_TOO = Principal("pbc_3142635823", "other", "key", True)
USER = Principal("c_users", "user", "key", False)


def _client(number: int, principal: Principal | None = None) -> Client:
    client = Client(f"{number:040x}", "127.0.0.1", 0.0, lambda _client: None)
    client.principal = principal
    return client


def _add(index: TopicIndex, place: Place, client: Client, *topics: str) -> None:
    index.replace(client, read_topics(list(topics)), place.reader.catalog.current())


def _refresh(index: TopicIndex, place: Place) -> None:
    while not index.refresh(place.reader.catalog.current()):
        pass


def _sizes(index: TopicIndex) -> list[int]:
    return sorted(len(group.members) for group in index.groups("c_posts", ID))


def test_listeners_with_the_same_rights_share_a_group(place: Place) -> None:
    """Guests and users do when the rule asks nobody's name; each superuser is its own."""
    index = TopicIndex()
    for number, who in enumerate((None, None, USER, ROOT, ROOT, ROOT_TOO)):
        _add(index, place, _client(number, who), "posts/*")
    assert _sizes(index) == [1, 2, 3]


def test_a_rule_about_the_caller_parts_the_groups(place: Place) -> None:
    """Then each principal is judged for itself."""
    place.store("posts", list_rule="title = @request.auth.id")
    index = TopicIndex()
    for number, who in enumerate((None, None, USER)):
        _add(index, place, _client(number, who), "posts/*")
    assert _sizes(index) == [1, 2]


def test_nothing_is_left_behind(place: Place) -> None:
    """Replaced and removed subscriptions leave no empty shelves."""
    index = TopicIndex()
    client = _client(1)
    _add(index, place, client, "posts/*", f"posts/{ID}", "nosuch")
    assert (index.count, _sizes(index)) == (3, [1, 1])
    _add(index, place, client, f"posts/{ID}")
    assert (index.count, _sizes(index)) == (1, [1])
    index.remove(client)
    index.remove(client)
    assert (index.count, index._groups, index.clients()) == (0, {}, [])


def test_a_moved_catalog_places_everything_anew(place: Place) -> None:
    """A locked collection loses its listeners, an opened or new one gains them."""
    index = TopicIndex()
    _add(index, place, _client(1), "posts/*", "later/*")
    place.store("posts", list_rule=None)
    place.store("later")
    _refresh(index, place)
    assert _sizes(index) == []
    assert len(index.listeners("c_later")) == 1
    place.store("posts")
    _refresh(index, place)
    assert _sizes(index) == [1]


def test_a_moved_catalog_is_followed_in_slices(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between them clients may come and go; in the end each that is there has its place."""
    monkeypatch.setattr(index_module, "REALTIME_SLICE_SECONDS", -1.0)
    index = TopicIndex()
    clients = [_client(number) for number in range(5)]
    for number, client in enumerate(clients):
        _add(index, place, client, f"posts{options(filter=f'size = {number}')}")
    place.store("posts")
    assert not index.refresh(place.reader.catalog.current())
    assert _sizes(index) == [1]
    index.remove(clients[4])
    _add(index, place, clients[3], "posts/*")
    _refresh(index, place)
    assert _sizes(index) == [1, 1, 1, 1]
    for client in clients:
        index.remove(client)
    assert (index.count, index._groups, index._asked) == (0, {}, {})


def test_what_clients_ask_themselves_is_bounded_for_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by text; what somebody asks already, and what asks nothing, is free."""
    monkeypatch.setattr(index_module, "REALTIME_VIEWS_PER_WORKER", 2)
    monkeypatch.setattr(index_module, "REALTIME_FILTER_CHARS_PER_WORKER", 20)
    one, two, three = (f"posts{options(filter=f'size = {n}')}" for n in range(3))
    wide = f"posts{options(filter='size = 10 || size = 20')}"
    index = TopicIndex()
    client = _client(1)
    assert not index.has_room(read_topics([wide]))
    _add(index, place, client, one, two)
    assert not index.has_room(read_topics([three]))
    assert index.has_room(read_topics([one, two, "posts/*", f"posts/{ID}"]))
    index.remove(client)
    assert index.has_room(read_topics([three]))
