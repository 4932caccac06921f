"""Clients that come back too late, or to another log, are told that they have missed something."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.listeners import number_of
from tests.faults.scribes import COLLECTION, FIELDS, PATH
from tests.sse import Connection, EventStream
from tests.waiting import until
from tests.websocket import LiveClient

_TOPIC = f"{COLLECTION}/*"


class Return(NamedTuple):
    """What a client was told that came back: `reason` of the resync, and the first event after it.

    `position`: that the resync named, from which it goes on.
    """

    reason: str
    position: str
    record: str


Resume = Callable[[ClusterProcess, str], Coroutine[None, None, Return]]


async def _write(cluster: ClusterProcess) -> str:
    async with await Connection.open(cluster.port) as connection:
        status, record = await connection.request("POST", PATH, {"step": 1})
    assert status == 200, record
    return str(record["id"])


async def _position(cluster: ClusterProcess) -> str:
    async with await Connection.open(cluster.port) as connection:
        return await connection.position()


async def _by_query(cluster: ClusterProcess, since: str) -> Return:
    return await _streamed(cluster, await EventStream.open(cluster.port, since=since))


async def _by_last_event_id(cluster: ClusterProcess, since: str) -> Return:
    left = f"{'0' * 40};{since}"
    return await _streamed(cluster, await EventStream.open(cluster.port, last_event_id=left))


async def _streamed(cluster: ClusterProcess, stream: EventStream) -> Return:
    """The stream stays open: the next write is told on it."""
    async with stream:
        assert await stream.subscribe(_TOPIC) == 204
        told = await stream.next()
        assert told.name == "QUILL_RESYNC"
        assert told.data["subscriptions"] == [_TOPIC]
        assert told.data["position"] == told.position
        record = await _write(cluster)
        event = await stream.next()
        assert event.data["record"]["id"] == record
        return Return(told.data["reason"], told.position, record)


async def _on_the_main_port(cluster: ClusterProcess, since: str) -> Return:
    return await _by_socket(cluster, cluster.port, since)


async def _on_the_second_port(cluster: ClusterProcess, since: str) -> Return:
    return await _by_socket(cluster, cluster.realtime_port, since)


async def _by_socket(cluster: ClusterProcess, port: int, since: str) -> Return:
    """The connection stays: a resync, then live, then the next write."""
    async with await LiveClient.open(port) as client:
        (told,) = await client.listen(_TOPIC, since=since)
        assert (told["type"], told["sub"]) == ("resync", _TOPIC)
        record = await _write(cluster)
        event = await client.next()
        assert (event["type"], event["record"]["id"]) == ("create", record)
        return Return(told["reason"], told["position"], record)


_resume = pytest.mark.parametrize(
    "resume",
    [_by_query, _by_last_event_id, _on_the_main_port, _on_the_second_port],
    ids=["?since", "Last-Event-ID", "WebSocket", "second port"],
)


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClusterProcess, str]]:
    """A cluster, and a position in its log that retention has trimmed away since."""
    depot = tmp_path_factory.mktemp("trimmed") / "depot"
    with ClusterProcess(depot, arguments=["--realtime-port=0"]) as running:
        running.collection(COLLECTION, FIELDS)
        asyncio.run(_write(running))
        left = asyncio.run(_position(running))
        asyncio.run(_trim(running))
        yield running, left


async def _trim(cluster: ClusterProcess) -> None:
    """Let the log be a day older; the writer tidies up when it has nothing else to do.

    Who is live meanwhile notices nothing.
    """
    async with (
        await EventStream.open(cluster.port) as stream,
        await LiveClient.open(cluster.realtime_port) as client,
    ):
        assert await stream.subscribe(_TOPIC) == 204
        await client.listen(_TOPIC)
        before = await _write(cluster)
        _execute(cluster.depot, "UPDATE _commit SET at = 0")
        await asyncio.to_thread(until, lambda: _is_empty(cluster.depot), what="the log is empty")
        after = await _write(cluster)
        heard = [(await stream.next()).data["record"]["id"] for _ in range(2)]
        told = [(await client.next())["record"]["id"] for _ in range(2)]
        assert heard == told == [before, after]


def _execute(depot: Path, sql: str) -> None:
    with closing(sqlite3.connect(depot / "data" / "main.db")) as database, database:
        database.execute(sql)


def _is_empty(depot: Path) -> bool:
    with closing(sqlite3.connect(f"file:{depot}/data/main.db?mode=ro", uri=True)) as database:
        return not database.execute("SELECT count(*) FROM _change").fetchone()[0]


@_resume
def test_a_position_that_was_trimmed_away(
    trimmed: tuple[ClusterProcess, str], resume: Resume
) -> None:
    """Resync, reason gone; it goes on live from a position that is good."""
    cluster, left = trimmed
    back = asyncio.run(resume(cluster, left))
    assert back.reason == "gone"
    assert number_of(back.position) > number_of(left)
    again = asyncio.run(_resumed(cluster, back.position))
    assert again == back.record, "the position of a resync is one to resume from"


async def _resumed(cluster: ClusterProcess, since: str) -> str:
    async with await LiveClient.open(cluster.port) as client:
        first, *_ = await client.listen(_TOPIC, since=since)
        assert first["type"] == "create"
        return str(first["record"]["id"])


@_resume
@pytest.mark.parametrize("which", ["another log", "the future"])
def test_a_position_of_another_log(
    trimmed: tuple[ClusterProcess, str], resume: Resume, which: str
) -> None:
    """As after a restore: nothing can be said of what was missed."""
    cluster, left = trimmed
    head, feed, n = left.split(":")
    since = f"{head}:{int(feed, 16) ^ 1:x}:{n}" if which == "another log" else f"{head}:{feed}:{n}9"
    assert asyncio.run(resume(cluster, since)).reason == "gone"


def test_a_log_that_was_begun_anew_while_everybody_was_away(tmp_path: Path) -> None:
    """The server comes back with an older database and a log of its own, as a restore leaves it."""
    depot = tmp_path / "depot"
    flags = ["--realtime-port=0"]
    with ClusterProcess(depot, arguments=flags) as cluster:
        cluster.collection(COLLECTION, FIELDS)
        asyncio.run(_write(cluster))
    database = depot / "data" / "main.db"
    older = database.read_bytes()
    assert not database.with_name("main.db-wal").exists(), "the copy would lack something"
    with ClusterProcess(depot, arguments=flags) as cluster:
        asyncio.run(_write(cluster))
        left = asyncio.run(_position(cluster))
    database.write_bytes(older)
    _execute(depot, "UPDATE _head SET feed = feed + 1")
    with ClusterProcess(depot, arguments=flags) as cluster:
        asyncio.run(_write(cluster))
        for resume in (_by_query, _on_the_main_port, _on_the_second_port):
            assert asyncio.run(resume(cluster, left)).reason == "gone"
