"""Clients that do not read cost a bounded amount of memory, and nobody else an event."""

from __future__ import annotations

import asyncio

from shared.limits import (
    CLIENT_CHUNK_BYTES,
    CLIENT_QUEUE_BYTES,
    SOCKET_MESSAGE_BYTES_MAX,
    SOCKET_WRITE_BYTES,
)
from tests.cluster_process import ClusterProcess
from tests.faults.crowd import listening
from tests.faults.footprint import Footprint
from tests.faults.hostile import SlowClient
from tests.faults.listeners import listeners
from tests.faults.scribes import COLLECTION, FIELDS, PATH
from tests.sse import Connection

_TEXT_BYTES = 200_000
_WRITES = 80
_QUICK = 8
_ROUNDS = 2  # slow clients of each transport and habit
_CLIENT_BYTES = (
    CLIENT_QUEUE_BYTES  # queued
    + 2 * _TEXT_BYTES  # the event that passes the bound, and the one that is sent
    + CLIENT_CHUNK_BYTES  # taken by the transport
    + SOCKET_WRITE_BYTES  # in the second port's own buffer
    + SOCKET_MESSAGE_BYTES_MAX  # of what the client sends
)
_SPARE_DESCRIPTORS = 12  # databases opened by threads for reading
_SHARED_BYTES = 96 << 20  # caches, and what the allocator keeps


async def _slow_clients(cluster: ClusterProcess) -> dict[str, list[SlowClient]]:
    """By habit; of each habit as many of each transport."""
    topic, slow = f"{COLLECTION}/*", dict[str, list[SlowClient]]()
    number = 0
    for habit in ("never reads", "sips", "stops in a frame"):
        slow[habit] = []
        for _ in range(_ROUNDS):
            number += 4
            main, second = cluster.port, cluster.realtime_port
            slow[habit] += [
                await SlowClient.stream(main, topic, number, resume=False),
                await SlowClient.stream(main, topic, number + 1, resume=True),
                await SlowClient.web_socket(main, topic, number + 2),
                await SlowClient.web_socket(second, topic, number + 3),
            ]
    for client in slow["stops in a frame"][2::4] + slow["stops in a frame"][3::4]:
        await client.begin_a_frame()
    return slow


def test_slow_clients_are_bounded_and_harm_nobody(live_cluster: ClusterProcess) -> None:
    """They are told far more than may wait for them; then they are cut off, read or not."""
    live_cluster.collection(COLLECTION, [FIELDS[0], {**FIELDS[1], "max": 1_000_000}])
    footprint = Footprint(live_cluster)
    some = listeners(_QUICK, COLLECTION, live_cluster.port, live_cluster.realtime_port)

    async def scenario() -> None:
        async with listening(live_cluster, some):
            await footprint.until_left(_QUICK, _QUICK)
            descriptors, before = footprint.descriptors(), footprint.memory()
            slow = await _slow_clients(live_cluster)
            everybody = [one for habit in slow.values() for one in habit]
            assert footprint.descriptors() >= descriptors + len(everybody)
            async with await Connection.open(live_cluster.port) as connection:
                for number in range(_WRITES):
                    body = {"step": number, "text": "x" * _TEXT_BYTES}
                    assert (await connection.request("POST", PATH, body))[0] == 200
                    footprint.memory()
                    await asyncio.gather(*(client.sip() for client in slow["sips"]))
            grown = footprint.peak - before
            allowed = len(everybody) * _CLIENT_BYTES + _SHARED_BYTES
            print(f"\n{len(everybody)} slow clients: {grown >> 20} MiB of {allowed >> 20}")
            assert len(everybody) * _WRITES * _TEXT_BYTES > allowed, "too little to tell"
            assert grown < allowed
            # Nobody hangs up: the server has to cut them off.
            await footprint.until_closed(descriptors + _SPARE_DESCRIPTORS)
            await footprint.until_left(_QUICK, _QUICK)
            for client in everybody:
                client.close()

    asyncio.run(scenario())
    for one in some:
        assert [heard.step for heard in one.heard[:-1]] == list(range(_WRITES))
        assert len(one.spells) == 1
