"""Clients that come and go without end, or ask without end, leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable

import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.crowd import listening
from tests.faults.footprint import Footprint
from tests.faults.hostile import SlowClient
from tests.faults.listeners import listeners
from tests.faults.scribes import COLLECTION, FIELDS, log, scribes
from tests.sse import EventStream
from tests.websocket import LiveClient

pytestmark = pytest.mark.alone

_AT_ONCE = 8
_WARMING = 400
_SPARE_DESCRIPTORS = 12  # databases opened by threads for reading
_LEFT_BYTES = 16 << 20  # over thousands of connections: what an allocator keeps, and no leak
_FLOODERS = 2  # on each port
_REQUESTS, _TOPICS = 3_000, 20
_FLOOD_BYTES = 64 << 20
Visit = Callable[[ClusterProcess, random.Random], Awaitable[None]]


async def _stream(cluster: ClusterProcess, chance: random.Random, *, resume: bool) -> None:
    """An event stream that ends before, or after, it has a topic."""
    async with await EventStream.open(cluster.port, resume=resume) as stream:
        if chance.random() < 0.8:
            assert await stream.subscribe(f"{COLLECTION}/*", f"{COLLECTION}/x") == 204


async def _socket(port: int, chance: random.Random) -> None:
    """A WebSocket that is closed, or cut, in the middle of a join or after it."""
    client = await LiveClient.open(port)
    since = {"since": client.position} if chance.random() < 0.5 else {}
    if chance.random() < 0.8:
        await client.subscribe(COLLECTION, "custom/topic", **since)
    if chance.random() < 0.5:
        client.drop()
    await client.close()


async def _visits(cluster: ClusterProcess, count: int) -> None:
    """So many clients of all transports, a few at once."""
    chance = random.Random(count)
    kinds: list[Callable[[], Awaitable[None]]] = [
        lambda: _stream(cluster, chance, resume=False),
        lambda: _stream(cluster, chance, resume=True),
        lambda: _socket(cluster.port, chance),
        lambda: _socket(cluster.realtime_port, chance),
    ]
    numbers = iter(range(count))

    async def visitor() -> None:
        for number in numbers:
            await kinds[number % len(kinds)]()

    await asyncio.gather(*(visitor() for _ in range(_AT_ONCE)))


async def _come_and_go(cluster: ClusterProcess, count: int) -> int:
    """Bytes that the workers have grown by over `count` visits, after some that warm them."""
    footprint = Footprint(cluster)
    await _visits(cluster, _WARMING)
    await footprint.until_left(0, 0)
    descriptors, before = footprint.descriptors(), footprint.memory()
    await _visits(cluster, count)
    await footprint.until_closed(descriptors + _SPARE_DESCRIPTORS)
    await footprint.until_left(0, 0)
    return footprint.memory() - before


@pytest.mark.parametrize(
    "count", [1_600, pytest.param(20_000, marks=pytest.mark.long)], ids=["2,000", "20,000"]
)
def test_connects_and_disconnects_leave_nothing(live_cluster: ClusterProcess, count: int) -> None:
    """No client and no subscription by the gauges, no descriptor, and no memory to speak of."""
    live_cluster.collection(COLLECTION, FIELDS)
    grown = asyncio.run(_come_and_go(live_cluster, count))
    print(f"\n{count} clients came and went: the workers grew by {grown / (1 << 20):.1f} MiB")
    assert grown < _LEFT_BYTES


async def _flood(client: SlowClient, number: int) -> None:
    """Ask for ever other filters, and read no answer; the server may stop reading, or hang up."""
    with contextlib.suppress(ConnectionError):
        for request in range(_REQUESTS):
            topics = [
                {
                    "topic": COLLECTION,
                    "id": f"{topic}",
                    "filter": f"step > {request * number + topic}",
                }
                for topic in range(_TOPICS)
            ]
            await client.say({"type": "subscribe", "topics": topics})


def test_a_flood_of_subscribes_harms_nobody(live_cluster: ClusterProcess) -> None:
    """Others hear every write, memory stays bounded, and what was asked for goes with the asker."""
    live_cluster.collection(COLLECTION, FIELDS)
    footprint = Footprint(live_cluster)
    some = listeners(8, COLLECTION, live_cluster.port, live_cluster.realtime_port)

    async def scenario() -> None:
        async with listening(live_cluster, some), scribes(live_cluster) as writing:
            descriptors, before = footprint.descriptors(), footprint.memory()
            ports = [live_cluster.port, live_cluster.realtime_port] * _FLOODERS
            flooding = [await SlowClient.flooding(port) for port in ports]
            floods = [
                asyncio.create_task(_flood(client, number))
                for number, client in enumerate(flooding, 1)
            ]
            for _ in range(12):
                await writing.write(10)
                await writing.settle()
                footprint.memory()
            grown = footprint.peak - before
            print(f"\nflooded by {len(ports)}: grown by {grown / (1 << 20):.1f} MiB")
            assert grown < _FLOOD_BYTES
            for flood in floods:
                flood.cancel()
            ends = await asyncio.gather(*floods, return_exceptions=True)
            assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends), ends
            for client in flooding:
                client.close()
            await footprint.until_closed(descriptors + _SPARE_DESCRIPTORS)
            await footprint.until_left(len(some), len(some))

    asyncio.run(scenario())
    truth = log(live_cluster.depot)
    for one in some:
        assert len(one.spells) == 1
        assert [heard._replace(n=0) for heard in one.heard] == [
            true._replace(n=0) for true in truth
        ]
