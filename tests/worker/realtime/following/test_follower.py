"""Server code that follows the log: each event once, in order, over restarts, however slowly."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from shared.limits import CHANGE_ROW_BYTES_MAX, LOG_PAGE_ROWS
from shared.sql.plan import publish, run
from tests.waiting import until_async
from tests.worker.realtime.following.followed import Followed, followed, keys, take
from tests.writer.link import Depot
from worker.engine import reader as reader_module
from worker.realtime.following.events import Action
from worker.realtime.following.follower import EVERYTHING, Follower, InternalEvent
from worker.realtime.position import Position, read_position

_SECONDS = 60.0
_UPDATE = 'UPDATE "posts" SET "title" = ? WHERE "id" = ?'


@pytest.fixture
def depot() -> Iterator[Depot]:
    """A depot with a running writer; its path is short, since ipc paths are bounded."""
    folder = Path(tempfile.mkdtemp(prefix="quill-"))
    made = Depot(folder)
    made.start()
    yield made
    made.close()
    shutil.rmtree(folder)


def _run(depot: Depot, scenario: Callable[[Followed], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(_SECONDS), followed(depot) as place:
            await scenario(place)

    asyncio.run(main())


def test_events_show_records_as_a_superuser_sees_them(depot: Depot) -> None:
    """With hidden fields, in the types of the API; an update with what was before."""

    async def scenario(place: Followed) -> None:
        async with place.follow("posts") as events:
            before = place.head
            sql = 'INSERT INTO "posts"("id", "title", "done", "meta", "note") VALUES (?,?,?,?,?)'
            await place.submit(run(sql, ("a", "one", 1, '{"x":[1]}', "secret")))
            await place.submit(run(_UPDATE, ("two", "a")))
            await place.submit(run('DELETE FROM "posts"'))
            created, updated, deleted = await take(events, 3)
            kept = {"id": "a", "done": True, "meta": {"x": [1]}, "note": "secret"}
            kept |= {"collectionId": created.collection, "collectionName": "posts"}
            assert created.record == {**kept, "title": "one"}
            assert (updated.record, updated.old) == ({**kept, "title": "two"}, created.record)
            assert (deleted.record, deleted.old) == (updated.record, None)
            found = (created, updated, deleted)
            assert [one.action for one in found] == [Action.CREATE, Action.UPDATE, Action.DELETE]
            assert [one.position for one in found] == [
                Position(before.feed, before.n + step) for step in (1, 2, 3)
            ]
            assert {(one.topic, one.key) for one in found} == {("posts", "a")}

    _run(depot, scenario)


def test_secrets_are_in_no_event(depot: Depot) -> None:
    """Passwords and token keys are not even in the log, nor are there keys for them."""

    async def scenario(place: Followed) -> None:
        await place.define("people", type="auth", fields=[])
        async with place.follow("people") as events:
            sql = 'INSERT INTO "people"("id", "email", "password", "tokenKey") VALUES (?,?,?,?)'
            await place.submit(run(sql, ("a", "a@example.com", "hash", "key")))
            (event,) = await take(events, 1)
            assert event.record is not None
            assert event.record["email"] == "a@example.com"
            assert not {"password", "tokenKey"} & event.record.keys()

    _run(depot, scenario)


def test_only_the_named_collection_is_followed(depot: Depot) -> None:
    """By name or id; the position moves over what others do."""

    async def scenario(place: Followed) -> None:
        named = await place.define("notes")
        async with place.follow("notes") as by_name, place.follow(named) as by_id:
            await place.add("p1", "p2")
            await place.submit(publish("notes2", "1"))
            waiting = asyncio.create_task(anext(by_name))
            await until_async(lambda: by_name.position == place.head)
            await place.add("n1", table="notes")
            assert (await waiting).key == "n1"
            assert keys(await take(by_id, 1)) == ["n1"]

    _run(depot, scenario)


def test_messages_are_followed_by_their_whole_topic(depot: Depot) -> None:
    """And by EVERYTHING, in the order of the log among the records of the same plan."""

    async def scenario(place: Followed) -> None:
        insert = run('INSERT INTO "posts"("id") VALUES (?)', ("a",))
        async with place.follow("rooms/1") as room, place.follow(EVERYTHING) as everything:
            await place.submit(
                publish("rooms/12", "0"), publish("rooms/1", '{"b":1}'), insert, publish("r", "2")
            )
            await place.submit(publish("rooms", "3"), publish("rooms/1", "null"))
            first, second = await take(room, 2)
            assert (first.action, first.topic, first.data) == (Action.MESSAGE, "rooms/1", {"b": 1})
            assert second.data is None
            told = [one.topic for one in await take(everything, 6)]
            assert told == ["rooms/12", "rooms/1", "posts", "r", "rooms", "rooms/1"]

    _run(depot, scenario)


def test_a_slow_follower_loses_nothing(depot: Depot) -> None:
    """It holds one page, and hears of thousands of changes in order after they have happened."""

    async def scenario(place: Followed) -> None:
        ids = [f"p{number}" for number in range(3 * LOG_PAGE_ROWS)]
        async with place.follow("posts") as events:
            await place.add("first")
            assert keys(await take(events, 1)) == ["first"]
            for at in range(0, len(ids), 100):
                await place.add(*ids[at : at + 100])
            heard = []
            for _ in ids:
                heard.append((await anext(events)).key)
                assert len(events._events) < LOG_PAGE_ROWS
            assert heard == ids
            assert events.position == place.head

    _run(depot, scenario)


def test_it_goes_on_after_a_restart(depot: Depot) -> None:
    """From the stored position: nothing twice, nothing missed, whichever process was killed."""
    stored = ""
    heard: list[str] = []

    async def some(place: Followed, count: int) -> None:
        nonlocal stored
        since = read_position(stored) if stored else place.head
        async with place.follow("posts", since) as events:
            if not stored:
                await place.add(*(f"p{number}" for number in range(50)))
            for event in await take(events, count):
                heard.append(event.key)
                stored = str(event.position)

    _run(depot, lambda place: some(place, 20))
    depot.kill()
    depot.start()
    _run(depot, lambda place: place.add("p50", "p51"))
    _run(depot, lambda place: some(place, 32))
    assert heard == [f"p{number}" for number in range(52)]


def test_its_position_is_that_of_what_was_handed_out(depot: Depot) -> None:
    """Not of what has been read ahead: whoever goes on from there gets the rest."""

    async def scenario(place: Followed) -> None:
        async with place.follow("posts") as events:
            await place.add("a", "b", "c")
            (first,) = await take(events, 1)
            assert events.position == first.position
            async with place.follow("posts", events.position) as again:
                assert keys(await take(again, 2)) == ["b", "c"]

    _run(depot, scenario)


def test_a_killed_writer_is_outlived(depot: Depot) -> None:
    """While it iterates: a message and a record of each plan, in order, once."""

    async def scenario(place: Followed) -> None:
        heard: list[InternalEvent] = []

        async def listen() -> None:
            async with place.follow(EVERYTHING) as events:
                while True:
                    heard.append(await anext(events))

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        for number in range(4):
            sql = 'INSERT INTO "posts"("id") VALUES (?)'
            write = place.submit(publish("t", str(number)), run(sql, (f"p{number}",)))
            await asyncio.gather(write, asyncio.to_thread(_restart, depot))
        await until_async(lambda: len(heard) == 8)
        assert [one.data for one in heard[::2]] == [0, 1, 2, 3]
        assert keys(heard[1::2]) == ["p0", "p1", "p2", "p3"]
        listening.cancel()

    _run(depot, scenario)


def _restart(depot: Depot) -> None:
    depot.kill()
    depot.start()


@pytest.mark.parametrize("topic", ["posts", "rooms/1", EVERYTHING])
def test_a_position_that_is_gone_is_a_resync(depot: Depot, topic: str) -> None:
    """Told once, with the position from which it goes on."""

    async def scenario(place: Followed) -> None:
        since = place.head
        await place.add("a", "b", "c")
        place.trim(since.n + 2)
        async with place.follow(topic, since) as events:
            (gone,) = await take(events, 1)
            told = "" if topic == EVERYTHING else topic
            assert (gone.action, gone.reason, gone.topic) == (Action.RESYNC, "gone", told)
            assert gone.position == events.position == place.head
            await place.submit(publish("rooms/1", "1"))
            await place.add("d")
            (event,) = await take(events, 1)
            assert event.position > gone.position

    _run(depot, scenario)


@pytest.mark.parametrize("ahead", [Position(1, 1), Position(0, 10**9)])
def test_a_position_of_another_log_is_a_resync(depot: Depot, ahead: Position) -> None:
    """Of another feed id, or of the future of this one."""

    async def scenario(place: Followed) -> None:
        since = ahead if ahead.feed else Position(place.head.feed, ahead.n)
        async with place.follow("posts", since) as events:
            assert (await anext(events)).reason == "gone"
            await place.add("a")
            assert keys(await take(events, 1)) == ["a"]

    _run(depot, scenario)


def test_a_dropped_collection_is_a_resync(depot: Depot) -> None:
    """And one that is renamed is still followed."""

    async def scenario(place: Followed) -> None:
        async with place.follow("posts") as events:
            await place.add("a")
            (created,) = await take(events, 1)
            await place.define("posts", name="papers")
            await place.add("b", table="papers")
            (event,) = await take(events, 1)
            assert (event.topic, event.key) == ("papers", "b")
            await place.drop("papers")
            (reset,) = await take(events, 1)
            assert (reset.action, reset.reason) == (Action.RESYNC, "reset")
            assert reset.collection == created.collection

    _run(depot, scenario)


def test_what_the_log_has_only_by_key_is_read(depot: Depot) -> None:
    """As it is now; the deletion of such a record is a reset."""

    async def scenario(place: Followed) -> None:
        async with place.follow("posts") as events:
            note = "x" * (CHANGE_ROW_BYTES_MAX + 1)
            await place.submit(run('INSERT INTO "posts"("id", "note") VALUES (?, ?)', ("a", note)))
            (event,) = await take(events, 1)
            assert event.record is not None
            assert event.record["note"] == note
            await place.submit(run(_UPDATE, ("t", "a")))
            await place.submit(run('DELETE FROM "posts"'))
            updated, reset = await take(events, 2)
            assert (updated.action, updated.key, updated.record) == (Action.UPDATE, "a", None)
            assert reset.reason == "reset"

    _run(depot, scenario)


def test_a_busy_server_makes_it_wait(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread for a long way behind: it goes on when there is one, and has lost nothing."""

    async def scenario(place: Followed) -> None:
        ids = [f"p{number}" for number in range(100)]
        async with place.follow("posts") as events:
            await place.add(*ids)
            with monkeypatch.context() as patch:
                patch.setattr(reader_module, "SLOW_READS_WAITING_MAX", 0)
                waiting = asyncio.create_task(take(events, 100))
                await asyncio.sleep(0)
                assert not waiting.done()
                assert await events._page() is None
            assert keys(await waiting) == ids

    _run(depot, scenario)


def test_a_closed_follower_ends_and_can_be_taken_up(depot: Depot) -> None:
    """Also one that waits; another goes on from its position."""

    async def scenario(place: Followed) -> None:
        await place.add("before")
        async with place.follow("posts") as events:
            heard = asyncio.create_task(_all_of(events))
            await place.add("a", "b")
            await until_async(lambda: events.position == place.head)
            events.close()
            assert keys(await heard) == ["a", "b"]
        await place.add("c")
        async with place.follow("posts", events.position) as again:
            assert keys(await take(again, 1)) == ["c"]
        assert not place.context.feed._wakers

    _run(depot, scenario)


async def _all_of(events: Follower) -> list[InternalEvent]:
    return [event async for event in events]


def test_many_followers_hear_the_same(depot: Depot) -> None:
    """Each in order, whatever its pace."""

    async def scenario(place: Followed) -> None:
        followers = [place.follow("posts") for _ in range(5)]
        for follower in followers:
            await follower.__aenter__()
        hearing = [asyncio.create_task(take(follower, 200)) for follower in followers[1:]]
        ids = [f"p{number}" for number in range(200)]
        for one in ids:
            await place.add(one)
        assert [keys(one) for one in await asyncio.gather(*hearing)] == [ids] * 4
        assert keys(await take(followers[0], 200)) == ids
        for follower in followers:
            await follower.__aexit__(None, None, None)

    _run(depot, scenario)
