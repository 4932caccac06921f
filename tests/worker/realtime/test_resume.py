"""Resuming a stream of events, with real processes: nothing lost, nothing doubled, gaps told."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import apsw
import pytest

from shared.limits import CHANGE_ROW_BYTES_MAX
from tests.cluster_process import ClusterProcess
from tests.sse import Closed, Connection, Event, EventStream, options
from worker.realtime.position import Position, read_position

PATH = "/api/collections/posts/records"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "max": 1_000_000},
    {"name": "size", "type": "number"},
]


@pytest.fixture(scope="module", autouse=True)
def _posts(cluster: ClusterProcess) -> None:
    cluster.collection("posts", FIELDS)


async def _write(cluster: ClusterProcess, *sizes: int, path: str = PATH) -> list[str]:
    """Records of these sizes; their ids."""
    made = []
    async with await Connection.open(cluster.port) as connection:
        for size in sizes:
            status, record = await connection.request("POST", path, {"size": size})
            assert status == 200, record
            made.append(record["id"])
    return made


def _sizes(events: list[Event]) -> list[int]:
    return [event.data["record"]["size"] for event in events]


def test_events_carry_positions_for_those_who_ask(cluster: ClusterProcess) -> None:
    """`?resume=1`: the id of each event ends with one; `PB_CONNECT` keeps its plain id."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            began = read_position(stream.position)
            assert await stream.subscribe("posts/*") == 204
            await _write(cluster, 1, 2)
            first, second = await stream.take(2)
            assert {first.name, second.name} == {"posts/*"}
            for event in (first, second):
                assert event.id == f"{stream.client_id};{event.position}"
            places = [read_position(event.position) for event in (first, second)]
            assert began < places[0] < places[1]
            assert began.feed == places[0].feed

    asyncio.run(scenario())


def test_a_browser_that_heard_nothing_yet_resumes_as_well(cluster: ClusterProcess) -> None:
    """The id of `PB_CONNECT` is no position, so one comes right behind it: what was asked for."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            begun = stream.last_event_id
            assert begun == f"{stream.client_id};{stream.position}"
            assert await stream.subscribe("posts/*") == 204
        await _write(cluster, 1)
        async with await EventStream.open(cluster.port, last_event_id=begun) as stream:
            assert stream.last_event_id.partition(";")[2] == begun.partition(";")[2]
            again = stream.last_event_id
        async with await EventStream.open(cluster.port, last_event_id=again) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert _sizes([await stream.next()]) == [1]

    asyncio.run(scenario())


def test_old_clients_notice_nothing(cluster: ClusterProcess) -> None:
    """Without asking, also with the plain Last-Event-ID that a browser sends by itself."""

    async def scenario() -> None:
        for last in ("", "0" * 40):
            async with await EventStream.open(cluster.port, last_event_id=last) as stream:
                assert stream.position == ""
                assert await stream.subscribe("posts/*") == 204
                await _write(cluster, 3)
                event = await stream.next()
                assert event.id == stream.client_id
                assert set(event.data) == {"action", "record"}

    asyncio.run(scenario())


@pytest.mark.parametrize("way", ["last_event_id", "since"])
def test_a_stream_goes_on_where_another_one_left_off(cluster: ClusterProcess, way: str) -> None:
    """Whatever was missed comes first, in order, and then what happens."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            assert await stream.subscribe("posts/*") == 204
            await _write(cluster, 1, 2, 3)
            heard = (await stream.take(3))[1]
        await _write(cluster, *range(4, 40))
        last, since = (heard.id, "") if way == "last_event_id" else ("", heard.position)
        async with await EventStream.open(cluster.port, since=since, last_event_id=last) as stream:
            writing = asyncio.create_task(_write(cluster, *range(40, 60)))
            assert await stream.subscribe("posts/*", f"posts{options(filter='size > 50')}") == 204
            await writing
            events = await stream.take(57 + 9)
            every = [event for event in events if event.name == "posts/*"]
            assert _sizes(every) == list(range(3, 60))
            assert _sizes([event for event in events if event.name != "posts/*"]) == list(
                range(51, 60)
            )
            await _write(cluster, 60)
            assert _sizes(await stream.take(2)) == [60, 60]

    asyncio.run(scenario())


def test_the_last_id_wins_over_the_address(cluster: ClusterProcess) -> None:
    """A browser connects again to the address it was given once, and says what it heard since."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            first = stream.position
            assert await stream.subscribe("posts/*") == 204
            await _write(cluster, 1, 2)
            last = (await stream.take(2))[0]
        async with await EventStream.open(
            cluster.port, since=first, last_event_id=last.id
        ) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert _sizes([await stream.next()]) == [2]

    asyncio.run(scenario())


def test_topics_of_a_later_request_begin_then(cluster: ClusterProcess) -> None:
    """Only the first ones are those that the client had; what it keeps is not told again."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            position = stream.position
        await _write(cluster, 1)
        async with await EventStream.open(cluster.port, since=position) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert _sizes([await stream.next()]) == [1]
            assert await stream.subscribe("posts/*", "posts") == 204
            await _write(cluster, 2)
            assert _sizes(await stream.take(2)) == [2, 2]

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["future", "another log"])
def test_a_position_that_is_not_there_is_told(cluster: ClusterProcess, kind: str) -> None:
    """`QUILL_RESYNC` names the subscriptions, and the stream goes on from where it says."""

    async def scenario() -> None:
        async with await EventStream.open(cluster.port, resume=True) as stream:
            now = read_position(stream.position)
        since = now._replace(n=now.n + 1_000) if kind == "future" else Position(now.feed ^ 1, now.n)
        async with await EventStream.open(cluster.port, since=str(since)) as stream:
            assert await stream.subscribe("posts/*", "posts") == 204
            gap = await stream.next()
            assert gap.name == "QUILL_RESYNC"
            assert gap.data["reason"] == "gone"
            assert sorted(gap.data["subscriptions"]) == ["posts", "posts/*"]
            assert gap.data["position"] == gap.position
            assert read_position(gap.position).feed == now.feed
            await _write(cluster, 1)
            assert _sizes(await stream.take(2)) == [1, 1]

    asyncio.run(scenario())


def test_a_position_that_was_trimmed_away_is_told(own_cluster: ClusterProcess) -> None:
    """As one that is gone; the oldest that is left is none."""
    own_cluster.collection("posts", FIELDS)

    async def scenario() -> None:
        async with await EventStream.open(own_cluster.port, resume=True) as stream:
            old = stream.position
        await _write(own_cluster, 1, 2, 3)
        kept = read_position(old).n + 2
        path = str(own_cluster.depot / "data" / "main.db")
        with contextlib.closing(apsw.Connection(path)) as database:
            database.set_busy_timeout(10_000)
            database.execute("DELETE FROM _change WHERE n <= ?", (kept,))
        async with await EventStream.open(own_cluster.port, since=old) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert (await stream.next()).data["reason"] == "gone"
        since = str(read_position(old)._replace(n=kept))
        async with await EventStream.open(own_cluster.port, since=since) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert _sizes([await stream.next()]) == [3]

    asyncio.run(scenario())


def test_a_reset_is_told_where_old_clients_are_closed(cluster: ClusterProcess) -> None:
    """A large row's end, of which only the key is logged: plain streams end, others are told."""

    async def scenario() -> None:
        async with (
            await EventStream.open(cluster.port) as plain,
            await EventStream.open(cluster.port, resume=True) as stream,
            await Connection.open(cluster.port) as connection,
        ):
            large = {"title": "x" * (CHANGE_ROW_BYTES_MAX + 1)}
            status, record = await connection.request("POST", PATH, large)
            assert status == 200
            position = await connection.position()
            for one in (plain, stream):
                assert await one.subscribe("posts/*") == 204
            status, _ = await connection.request("DELETE", f"{PATH}/{record['id']}")
            assert status == 204
            gap = await stream.next()
            assert (gap.name, gap.data["reason"]) == ("QUILL_RESYNC", "reset")
            assert gap.data["subscriptions"] == ["posts/*"]
            with pytest.raises(Closed):
                await plain.next()
            await _write(cluster, 1)
            assert _sizes([await stream.next()]) == [1]
        async with await EventStream.open(cluster.port, since=position) as late:
            assert await late.subscribe("posts/*") == 204
            assert (await late.next()).data["reason"] == "reset"
            assert _sizes([await late.next()]) == [1]

    asyncio.run(scenario())


def test_a_stream_is_resumed_after_its_worker_and_the_writer_died(
    own_cluster: ClusterProcess,
) -> None:
    """Positions are the log's, so it does not matter which process told them."""
    own_cluster.collection("posts", FIELDS)

    async def scenario() -> None:
        async with await EventStream.open(own_cluster.port, resume=True) as stream:
            assert await stream.subscribe("posts/*") == 204
            await _write(own_cluster, 1)
            last = await stream.next()
            slot = stream.slot
            own_cluster.kill(f"worker {slot}")
            with pytest.raises(Closed):
                await stream.next()
        await (await Connection.to_slot(own_cluster.port, slot)).close()
        await _write(own_cluster, 2)
        own_cluster.kill("writer")
        await _write(own_cluster, 3)
        async with await EventStream.open(own_cluster.port, last_event_id=last.id) as stream:
            assert await stream.subscribe("posts/*") == 204
            assert _sizes(await stream.take(2)) == [2, 3]

    asyncio.run(scenario())


@pytest.mark.parametrize("text", ["main", "main:0:", "x", "main:g:1", "main:1:1:1"])
def test_what_is_no_position_is_refused(cluster: ClusterProcess, text: str) -> None:
    """A client that resumes from anything else would have a gap and not know it."""

    async def scenario() -> int:
        async with await Connection.open(cluster.port) as connection:
            status, _ = await connection.request("GET", f"/api/realtime?since={text}")
            return status

    assert asyncio.run(scenario()) == 400
