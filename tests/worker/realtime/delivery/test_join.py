"""Joins: from a position or a list to the live stream, and what happens on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.limits import CLIENT_QUEUE_BYTES, LOG_PAGE_ROWS
from tests.worker.realtime.listening import (
    Message,
    events,
    listen,
    messages,
    read_slowly,
    settle,
    socket,
    stream,
    subscribe,
    topic,
)
from tests.worker.realtime.place import (
    ID,
    Place,
    created,
    deleted,
    message,
    reset,
    run_hub,
    updated,
)
from worker.engine.change_log import PageLimits
from worker.realtime import collection_sight as sight_module
from worker.realtime.clients.encoders import RESUMABLE_STREAM
from worker.realtime.delivery import join as join_module
from worker.realtime.hub import Hub
from worker.realtime.position import Position, read_position
from worker.realtime.principal import Principal
from worker.realtime.views.judge import judge

GHOST = Principal("pbc_3142635823", "nobody", "key", superuser=True)


def _numbers(told: list[Message]) -> list[int]:
    """The n of what was told, control messages included."""
    return [read_position(one["position"]).n for one in told]


def _kinds(told: list[Message]) -> list[str]:
    return [one["type"] for one in told]


class Meanwhile:
    """The real judging of joins; `at[number]` is called during the read with that number."""

    def __init__(self) -> None:
        self.reads = 0
        self.at: dict[int, Callable[[], None]] = {}

    def judge(self, *args: Any) -> Any:
        """As the real one."""
        self.reads += 1
        verdicts = judge(*args)
        self.at.pop(self.reads, lambda: None)()
        return verdicts


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meanwhile]:
    """Watch the joins' reads."""
    made = Meanwhile()
    monkeypatch.setattr(sight_module, "judge", made.judge)
    yield made
    assert not made.at


def test_many_pages_are_told_in_order_and_once(place: Place) -> None:
    """What is committed on the way is told by whoever comes to it first, and by nobody else."""
    rows = 3 * LOG_PAGE_ROWS
    place.commit(*(created(f"r{n}", size=n) for n in range(rows)))

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=place.at(10)))
        told: list[Message] = []
        for n in range(5):
            hub.on_changes(place.commit(created(f"new{n}")))
            await asyncio.sleep(0)
            told += messages(client)
        async with asyncio.timeout(10):
            while hub._joins.count:
                told += messages(client)
                await asyncio.sleep(0)
        hub.on_changes(place.commit(created("last")))
        await settle(hub)
        told += messages(client)
        assert [
            n for n, one in zip(_numbers(told), told, strict=True) if one["type"] != "live"
        ] == [*range(11, rows + 7)]
        assert _kinds(told).count("live") == 1
        assert told[-1]["type"] == "create"

    run_hub(place, scenario)


def test_topics_with_one_position_are_told_in_the_order_of_the_log(place: Place) -> None:
    """As if they had been there: collections, records and custom topics by turns."""
    place.store("notes")
    place.commit(
        created(),
        message("chat", '"a"'),
        created("x", table="c_notes"),
        updated(before={"size": 0}, size=1),
        message("other"),
        created("y", table="unknown"),
        deleted(),
    )

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, "notes", "posts", f"posts/{ID}", "chat", since=place.at(0))
        await settle(hub)
        told = messages(client)
        assert [(one["sub"], n) for one, n in zip(told, _numbers(told), strict=True)] == [
            ("posts", 1),
            (f"posts/{ID}", 1),
            ("chat", 2),
            ("notes", 3),
            ("posts", 4),
            (f"posts/{ID}", 4),
            ("posts", 7),
            (f"posts/{ID}", 7),
            *((name, 7) for name in ("notes", "posts", f"posts/{ID}", "chat")),
        ]

    run_hub(place, scenario)


@pytest.mark.parametrize("kind", ["future", "another log", "trimmed"])
def test_a_position_that_is_not_there_is_told_as_gone(place: Place, kind: str) -> None:
    """And it goes on live from where it says."""
    place.commit(*(created(f"r{n}") for n in range(10)))
    place.trim(5)
    since = {
        "future": place.at(11),
        "another log": Position(place.words.feed + 1, 3),
        "trimmed": place.at(4),
    }[kind]

    async def scenario(hub: Hub) -> None:
        hub.mark = lambda: 6  # the feed is still reading
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=since))
        await settle(hub)
        told = messages(client)
        assert [(one["type"], one.get("reason")) for one in told] == [
            ("resync", "gone"),
            ("live", None),
        ]
        assert {one["position"] for one in told} == {str(place.position)}
        hub.on_changes(place.commit(created("new")))
        await settle(hub)
        assert _numbers(messages(client)) == [11]

    run_hub(place, scenario)


def test_the_oldest_position_that_is_there_is_no_gap(place: Place) -> None:
    """Everything after it is still in the log; the head needs nothing of it at all."""
    place.commit(*(created(f"r{n}") for n in range(10)))
    place.trim(5)

    async def scenario(hub: Hub) -> None:
        for since, expected in ((5, [6, 7, 8, 9, 10, 10]), (10, [10])):
            client = socket(hub)
            subscribe(hub, client, topic("posts", since=place.at(since)))
            await settle(hub)
            told = messages(client)
            assert _numbers(told) == expected
            assert "resync" not in _kinds(told)

    run_hub(place, scenario)


def test_a_reset_on_the_way_is_told_to_those_of_its_table(place: Place) -> None:
    """And what follows it as well."""
    place.store("notes")
    place.commit(created(), reset(), created("later"), created("x", table="c_notes"))

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, "posts", "notes", "chat", since=place.at(0))
        await settle(hub)
        told = messages(client)
        assert [(one["type"], one["sub"]) for one in told[:4]] == [
            ("create", "posts"),
            ("resync", "posts"),
            ("create", "posts"),
            ("create", "notes"),
        ]
        assert told[1]["reason"] == "reset"
        assert _kinds(told[4:]) == ["live"] * 3

    run_hub(place, scenario)


def test_nothing_is_told_after_the_end_of_a_subscription(place: Place) -> None:
    """Neither missed changes nor a list, and it never becomes live."""
    place.make_table("posts")
    place.commit(*(created(f"r{n}") for n in range(50)))

    async def scenario(hub: Hub) -> None:
        for given in ({"since": place.at(0)}, {"snapshot": True}):
            client = socket(hub)
            subscribe(hub, client, topic("posts", **given))
            assert hub.unsubscribe(client, ["posts", "nosuch"]) == ["posts"]
            await settle(hub)
            assert messages(client) == []
            assert hub.subscriptions == 0

    run_hub(place, scenario)


def test_who_becomes_somebody_else_during_a_read_is_judged_again(
    place: Place, meanwhile: Meanwhile
) -> None:
    """What was judged for the old identity is not told any more."""
    place.store("posts", list_rule=None)
    place.commit(created())
    root = place.person("root")

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        meanwhile.at[1] = lambda: hub.become(client, None)
        subscribe(hub, client, topic("posts", since=place.at(0)), principal=root)
        await settle(hub)
        assert _kinds(messages(client)) == ["live"]
        assert meanwhile.reads == 2

    run_hub(place, scenario)


def test_a_rule_that_moves_during_a_read_is_obeyed(place: Place, meanwhile: Meanwhile) -> None:
    """The judgement is repeated under the new one."""
    place.commit(created(), created("other", size=1))
    meanwhile.at[1] = lambda: place.store("posts", list_rule="size = 1")

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=place.at(0)))
        await settle(hub)
        told = messages(client)
        assert [one["record"]["id"] for one in told[:-1]] == ["other"]

    run_hub(place, scenario)


def test_a_token_that_is_no_longer_good_makes_a_guest_on_the_way(place: Place) -> None:
    """It is told so, and the rest is judged for a guest."""
    place.store("posts", list_rule="size = 1")
    place.commit(created(), created("other", size=1))

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=place.at(0)), principal=GHOST)
        await settle(hub)
        told = messages(client)
        assert told[0] == {"type": "auth", "record": None, "reason": "revoked"}
        assert [one["record"]["id"] for one in told[1:-1]] == ["other"]
        assert client.principal is None

    run_hub(place, scenario)


def test_a_fault_is_told_and_ends_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: the subscription goes on live, and the hub with it."""
    place.commit(created())

    def broken(*args: object) -> None:
        raise ZeroDivisionError

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        with monkeypatch.context() as patch:
            patch.setattr(sight_module, "judge", broken)
            subscribe(hub, client, topic("posts", since=place.at(0)))
            await settle(hub)
        told = messages(client)
        assert [(one["type"], one.get("reason")) for one in told] == [
            ("resync", "fault"),
            ("live", None),
        ]
        hub.on_changes(place.commit(created("new")))
        await settle(hub)
        assert _kinds(messages(client)) == ["create"]

    run_hub(place, scenario)


@pytest.mark.parametrize("joins", [1, 8])
def test_a_slow_client_with_large_records_is_waited_for(
    place: Place, monkeypatch: pytest.MonkeyPatch, joins: int
) -> None:
    """Whatever it takes goes on; many joins of one client share its room, and overflow nothing."""
    text = "x" * 900_000
    place.make_table("posts")
    for n in range(12):
        place.commit(created(f"r{n}", title=text), key_only=True)

    async def scenario(hub: Hub) -> None:
        read_slowly(hub, monkeypatch)
        client = socket(hub)
        for n in range(joins):
            given: dict[str, Any] = {"since": place.at(n)}
            subscribe(hub, client, topic("posts", subscription=f"s{n}", **given))
        told: list[Message] = []
        async with asyncio.timeout(60):
            while hub._joins.count:
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert client._bytes <= CLIENT_QUEUE_BYTES
                told += messages(client)
        told += messages(client)
        assert not client.closed
        for n in range(joins):
            own = [one for one in told if one["sub"] == f"s{n}"]
            assert _numbers(own) == [*range(n + 1, 13), 12]

    run_hub(place, scenario)


def test_the_loop_is_handed_over_between_the_pages(place: Place) -> None:
    """A join that finds nothing for itself in a long log holds up nobody."""
    place.commit(*(created(f"r{n}", table="c_other") for n in range(200)))

    async def scenario(hub: Hub) -> None:
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=place.at(0)))
        turns = 0
        async with asyncio.timeout(10):
            while hub._joins.count:
                turns += 1
                await asyncio.sleep(0)
        assert turns >= 10

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(join_module, "PAGE_LIMITS", PageLimits(scanned=20))
        run_hub(place, scenario)


def test_another_log_is_noticed_before_the_feed_does(place: Place) -> None:
    """Positions are those of the log that was read, and nobody waits for ever."""
    place.commit(*(created(f"r{n}") for n in range(10)))

    async def scenario(hub: Hub) -> None:
        mark = [10]
        hub.mark = lambda: mark[0]
        place.begin_anew(place.words.feed + 1)
        place.commit(created("a"), created("b"))
        client = socket(hub)
        subscribe(hub, client, topic("posts", since=place.at(0)))
        for _ in range(20):
            await asyncio.sleep(0)  # the feed still has the mark of the old log
        assert hub._joins.count == 1
        mark[0] = 2
        await settle(hub)
        told = messages(client)
        assert _kinds(told) == ["create", "create", "live"]
        assert [one["position"] for one in told] == [str(place.at(n)) for n in (1, 2, 2)]

    run_hub(place, scenario)


def test_a_resumable_stream_joins_without_control_messages(place: Place) -> None:
    """Events carry positions; nothing says that it is live."""
    place.commit(created("a"), created("b"))

    async def scenario(hub: Hub) -> None:
        client = stream(hub, RESUMABLE_STREAM)
        subscribe(hub, client, "posts/*", since=place.at(1))
        await settle(hub)
        raw = client._take().decode()
        assert raw.startswith(f"event:posts/*\nid:{client.id};{place.at(2)}\ndata:{{")
        assert raw.count("\n\n") == 1
        plain = listen(hub, "posts/*")
        await settle(hub)
        assert events(plain) == []

    run_hub(place, scenario)
