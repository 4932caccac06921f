"""Custom topics from end to end: whoever subscribes to the exact topic hears, on every worker."""

from __future__ import annotations

import asyncio
import subprocess

import httpx

from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.sse import Event, EventStream
from tests.waiting import until

_URL = "/api/realtime/publish"


async def _on_both_workers(port: int) -> list[EventStream]:
    """Two streams, one on each worker."""
    found: dict[int, EventStream] = {}
    async with asyncio.timeout(30):
        while len(found) < 2:
            stream = await EventStream.open(port)
            if stream.slot in found:
                await stream.close()
            else:
                found[stream.slot] = stream
    return list(found.values())


def _told(events: list[Event]) -> list[tuple[str, object]]:
    return [(event.name, event.data) for event in events]


def _publish_text(cluster: ClusterProcess, topic: str, text: str) -> None:
    command = [QUILLBASE, "publish", topic, text, "--text", "--depot", str(cluster.depot)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_messages_reach_the_subscribers_of_their_topic(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """On both workers, in order, over HTTP and from the command line; and nobody else."""

    async def scenario() -> None:
        streams = await _on_both_workers(cluster.port)
        for stream in streams:
            assert await stream.subscribe("rooms/1", "rooms/*") == 204
        messages = [
            {"topic": "rooms/1", "data": {"n": 1}},
            {"topic": "rooms/2", "data": {"n": 2}},
            {"topic": "rooms", "data": {"n": 3}},
            {"topic": "rooms/*", "data": "ü\n"},
            {"topic": "rooms/1"},
        ]
        reply = await asyncio.to_thread(superuser.post, _URL, json=messages)
        assert reply.status_code == 204
        await asyncio.to_thread(_publish_text, cluster, "rooms/1", "last")
        told = [("rooms/1", {"n": 1}), ("rooms/*", "ü\n"), ("rooms/1", None), ("rooms/1", "last")]
        for stream in streams:
            assert _told(await stream.take(4)) == told
            assert stream.events.empty()
            await stream.close()

    asyncio.run(scenario())


def test_messages_go_on_over_a_killed_writer(own_cluster: ClusterProcess) -> None:
    """Each that was answered is heard once, in order."""
    client = own_cluster.client()

    async def scenario() -> None:
        streams = await _on_both_workers(own_cluster.port)
        for stream in streams:
            assert await stream.subscribe("t") == 204
        for number in range(30):
            if number % 10 == 5:
                own_cluster.kill("writer")
            reply = await asyncio.to_thread(client.post, _URL, json={"topic": "t", "data": number})
            assert reply.status_code == 204, reply.text
        for stream in streams:
            assert [event.data for event in await stream.take(30)] == list(range(30))
            await stream.close()

    asyncio.run(scenario())
    until(own_cluster.ready, what="the cluster is ready")
