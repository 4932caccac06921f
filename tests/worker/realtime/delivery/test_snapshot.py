"""The list that a subscription begins with: exact, paged, bounded, and under the rules of a read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from shared.limits import CLIENT_CHUNK_BYTES, CLIENT_QUEUE_BYTES
from tests.worker.realtime.listening import (
    Message,
    messages,
    read_slowly,
    settle,
    socket,
    subscribe,
    topic,
)
from tests.worker.realtime.place import ID, Place, created, deleted, message, run_hub, updated
from worker.engine.snapshot import Snapshot
from worker.realtime.delivery import snapshot as snapshot_module
from worker.realtime.hub import Hub
from worker.realtime.principal import Principal
from worker.realtime.topics.text import with_options

GHOST = Principal("pbc_3142635823", "nobody", "key", superuser=True)


@pytest.fixture
def place(place: Place) -> Place:
    """With a table, and a log that is a little older than the list."""
    place.make_table("posts")
    place.commit(created("a", size=1), created("b", size=2), created("c", size=3), message("chat"))
    return place


def _told(
    place: Place, path: str, query: dict[str, object] | None = None, who: Principal | None = None
) -> list[Message]:
    """All that a subscription with a list is told."""
    told: list[Message] = []

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(
            hub, client, with_options(topic(path, snapshot=True), query or {}, {}), principal=who
        )
        await settle(hub)
        told.extend(messages(client))

    run_hub(place, scenario)
    return told


def _ids(told: list[Message]) -> list[str]:
    return [record["id"] for one in told if one["type"] == "snapshot" for record in one["records"]]


def test_a_list_is_of_its_position(place: Place) -> None:
    """One page, one position, and live from there."""
    told = _told(place, "posts")
    assert [(one["type"], one["position"]) for one in told] == [
        ("snapshot", str(place.position)),
        ("live", str(place.position)),
    ]
    assert told[0]["more"] is False
    assert told[0]["records"][0] == {
        "collectionId": "c_posts", "collectionName": "posts", "id": "a", "size": 1, "title": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "query", "rules", "expected"),
    [
        ("posts", {}, {}, ["a", "b", "c"]),
        ("posts/*", {"filter": "size > 1"}, {}, ["b", "c"]),
        ("posts/b", {}, {}, ["b"]),
        ("posts/b", {"filter": "size = 1"}, {}, []),
        ("posts/nosuch", {}, {}, []),
        ("posts", {}, {"list_rule": None}, []),
        ("posts/b", {}, {"list_rule": None}, ["b"]),
        ("posts/b", {}, {"view_rule": None}, []),
        ("posts", {}, {"list_rule": "size = 3"}, ["c"]),
        ("posts", {"filter": "size != 3"}, {"list_rule": "size > 1"}, ["b"]),
        ("posts", {"tag": "2"}, {"list_rule": "size = @request.query.tag"}, ["b"]),
        ("posts", {}, {"list_rule": "nosuch = 1"}, []),
        ("posts", {"filter": "nosuch = 1"}, {}, []),
        ("nosuch", {}, {}, []),
        ("chat", {}, {}, []),
    ],
)
def test_a_list_is_under_the_rules_of_a_read(
    place: Place,
    path: str,
    query: dict[str, object],
    rules: dict[str, str | None],
    expected: list[str],
) -> None:
    """Rule and filter of the target; where nothing may be seen, the list is empty and it is live."""
    place.store("posts", **rules)
    told = _told(place, path, query)
    assert _ids(told) == expected
    assert [one["type"] for one in told] == ["snapshot", "live"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [("id", {"id": "b"}), ("size,title:excerpt(1)", {"size": 2, "title": ""})],
)
def test_fields_are_those_of_a_read(place: Place, fields: str, expected: dict[str, object]) -> None:
    """Whether SQL leaves the others out or they are cut."""
    for path in ("posts", "posts/b"):
        told = _told(place, path, {"fields": fields, "filter": "size = 2"})
        assert told[0]["records"] == [expected]


def test_a_long_list_comes_in_pages_of_one_position(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each about as large as a chunk; only the last has no more behind it."""
    monkeypatch.setattr(snapshot_module, "CLIENT_CHUNK_BYTES", 200)
    place.commit(*(created(f"r{n:03}") for n in range(100)))
    told = _told(place, "posts")
    pages = [one for one in told if one["type"] == "snapshot"]
    assert len(pages) > 30
    assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {page["position"] for page in pages} == {str(place.position)}
    assert _ids(told) == ["a", "b", "c", *(f"r{n:03}" for n in range(100))]


@pytest.mark.parametrize("kind", ["records", "bytes"])
def test_a_list_that_is_too_long_is_told_instead(
    place: Place, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It goes on live from where it says; at the limit itself there is a list."""
    if kind == "records":
        monkeypatch.setattr(snapshot_module, "SNAPSHOT_RECORDS_MAX", 3)
    else:
        monkeypatch.setattr(snapshot_module, "_BYTES_MAX", 400)
    assert _ids(_told(place, "posts")) == ["a", "b", "c"]
    place.commit(*(created(f"r{n}") for n in range(3)))
    assert [(one["type"], one.get("reason")) for one in _told(place, "posts")] == [
        ("resync", "large"),
        ("live", None),
    ]


def test_writes_during_the_list_are_told_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the list shows is not told again, what it does not show is told once."""
    real, hubs = snapshot_module._read, list[Hub]()

    def read(snapshot: Snapshot, *args: Any) -> Any:
        listed = real(snapshot, *args)
        hubs[0].on_changes(place.commit(created("late"), deleted("a", size=1)))
        return listed

    monkeypatch.setattr(snapshot_module, "_read", read)

    async def scenario(hub: Hub) -> None:
        hubs.append(hub)
        client = socket(hub)
        subscribe(hub, client, "posts", topic("posts", snapshot=True, subscription="listed"))
        await settle(hub)
        told = messages(client)
        listed = [one for one in told if one["sub"] == "listed"]
        assert [one["type"] for one in listed] == ["snapshot", "create", "delete", "live"]
        assert _ids(listed) == ["a", "b", "c"]
        live = [one for one in told if one["sub"] == "posts"]
        assert [one["type"] for one in live] == ["live", "create", "delete"]

    run_hub(place, scenario)


def _during(place: Place, monkeypatch: pytest.MonkeyPatch, what: Callable[[], object]) -> None:
    """Have something happen once, in a read of the list, after its last statement."""
    real, left = snapshot_module._read, [what]

    def read(snapshot: Snapshot, *args: Any) -> Any:
        listed = real(snapshot, *args)
        if left:
            left.pop()()
        return listed

    monkeypatch.setattr(snapshot_module, "_read", read)


def test_who_becomes_somebody_else_during_the_list_is_read_for_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that only the former identity may see is told."""
    place.store("posts", list_rule=None)
    root = place.person("root")

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        _during(place, monkeypatch, lambda: hub.become(client, None))
        subscribe(hub, client, topic("posts", snapshot=True), principal=root)
        await settle(hub)
        assert _ids(messages(client)) == []
        subscribe(hub, client, topic("posts", snapshot=True), principal=root)
        await settle(hub)
        assert _ids(messages(client)) == ["a", "b", "c"]

    run_hub(place, scenario)


def test_who_unsubscribes_during_the_list_is_told_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list was read for nobody."""

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        _during(place, monkeypatch, lambda: hub.unsubscribe(client, ["posts"]))
        subscribe(hub, client, topic("posts", snapshot=True))
        await settle(hub)
        assert messages(client) == []

    run_hub(place, scenario)


def test_a_rule_that_moves_during_the_list_is_obeyed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is read again."""
    _during(place, monkeypatch, lambda: place.store("posts", list_rule="size = 3"))
    assert _ids(_told(place, "posts")) == ["c"]


def test_a_token_that_is_no_longer_good_lists_for_a_guest(place: Place) -> None:
    """And the client is told that it is one now."""
    place.store("posts", list_rule="size = 3")
    told = _told(place, "posts", who=GHOST)
    assert told[0] == {"type": "auth", "record": None, "reason": "revoked"}
    assert _ids(told) == ["c"]


@pytest.mark.parametrize("lists", [1, 8])
def test_lists_of_one_client_share_its_room(
    place: Place, monkeypatch: pytest.MonkeyPatch, lists: int
) -> None:
    """However many it asks for at once, and however slowly it reads: nothing overflows."""
    size = CLIENT_QUEUE_BYTES // 2 // 12
    assert size < CLIENT_CHUNK_BYTES
    for n in range(10):
        place.commit(updated(f"r{n}", title="x" * size))

    async def scenario(hub: Hub) -> None:
        read_slowly(hub, monkeypatch)
        client = socket(hub)
        for n in range(lists):
            subscribe(hub, client, topic("posts", subscription=f"s{n}", snapshot=True))
        told: list[Message] = []
        async with asyncio.timeout(60):
            while hub._joins.count:
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert client._bytes <= CLIENT_QUEUE_BYTES
                told += messages(client)
        told += messages(client)
        assert not client.closed
        for n in range(lists):
            own = [one for one in told if one["sub"] == f"s{n}"]
            assert len(_ids(own)) == 13
            assert own[-1]["type"] == "live"

    run_hub(place, scenario)


def test_a_record_that_is_one_alone_may_be_of_any_size(place: Place) -> None:
    """A record larger than a page is a page."""
    text = "x" * (CLIENT_CHUNK_BYTES + 1)
    place.commit(created(ID, title=text), key_only=True)
    told = _told(place, f"posts/{ID}")
    assert told[0]["records"][0]["title"] == text
