"""The topic index: who shares a group, and what happens when the catalog moves."""

from __future__ import annotations

from tests.worker.realtime.place import ID, Place
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
    index.refresh(place.reader.catalog.current())
    assert _sizes(index) == []
    assert len(index.listeners("c_later")) == 1
    place.store("posts")
    index.refresh(place.reader.catalog.current())
    assert _sizes(index) == [1]
