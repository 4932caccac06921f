"""One client's queue: coalescing, overflow, the clock."""

from __future__ import annotations

import asyncio

from shared.limits import (
    CLIENT_AGE_SECONDS,
    CLIENT_CHUNK_BYTES,
    CLIENT_HEARTBEAT_SECONDS,
    CLIENT_IDLE_SECONDS,
    CLIENT_QUEUE_EVENTS,
)
from worker.realtime import sse
from worker.realtime.client import Client

ID = "0" * 40
START = 1_000.0


def _client(left: list[Client] | None = None) -> Client:
    return Client(ID, "127.0.0.1", START, ([] if left is None else left).append)


async def _rest(client: Client) -> list[bytes]:
    return [chunk async for chunk in client.chunks()]


def test_the_first_event_is_exact() -> None:
    """Clients take their id from it, byte for byte."""
    client = _client()
    client.close()
    expected = f'id:{ID}\nevent:PB_CONNECT\ndata:{{"clientId":"{ID}"}}\n\n'.encode()
    assert asyncio.run(_rest(client)) == [expected]


def test_events_that_gathered_leave_in_one_chunk() -> None:
    """One send for many events, in their order."""
    client = _client()
    for n in range(100):
        assert client.offer(b"<", b"%d>" % n)
    client.close()

    (chunk,) = asyncio.run(_rest(client))

    assert chunk == sse.connect_event(ID) + b"".join(b"<%d>" % n for n in range(100))


def test_chunks_are_bounded() -> None:
    """Large events are not joined into one huge body."""
    client = _client()
    big = b"x" * (CLIENT_CHUNK_BYTES // 2 + 1)
    for _ in range(4):
        client.offer(b"", big)
    client.close()
    assert [len(chunk) // len(big) for chunk in asyncio.run(_rest(client))] == [2, 2]


def test_a_slow_client_is_told_and_closed() -> None:
    """What it did not take is replaced by one event that says so; nothing follows."""
    client = _client()
    sent = 0
    while client.offer(b"p", b"r"):
        sent += 1
    assert sent == CLIENT_QUEUE_EVENTS - 1  # the first place holds PB_CONNECT
    assert client.closed
    assert not client.offer(b"p", b"r")
    assert asyncio.run(_rest(client)) == [sse.overflow_event(ID)]


def test_a_stream_that_ended_is_reported_once_it_is_over() -> None:
    """However the stream ends, the hub hears of it."""
    left: list[Client] = []
    client = _client(left)
    client.close()
    assert not left
    asyncio.run(_rest(client))
    assert client in left


def test_a_waiting_stream_wakes_for_an_event_and_for_its_end() -> None:
    """The stream sleeps while there is nothing to send."""

    async def scenario() -> list[bytes]:
        client = _client()
        stream = asyncio.create_task(_rest(client))
        await asyncio.sleep(0)
        client.offer(b"a", b"b")
        await asyncio.sleep(0)
        client.close()
        return await asyncio.wait_for(stream, 1)

    assert asyncio.run(scenario()) == [sse.connect_event(ID), b"ab"]


def test_a_peer_that_does_not_read_its_end_is_cut() -> None:
    """A closed client whose send never ends is cancelled after a while, not kept for ever."""

    async def scenario() -> bool:
        client = _client()

        async def stuck() -> None:
            async for _ in client.chunks():
                await asyncio.Event().wait()

        stream = asyncio.create_task(stuck())
        await asyncio.sleep(0)
        client.close()
        client._cut()
        await asyncio.wait({stream}, timeout=1)
        return stream.cancelled()

    assert asyncio.run(scenario())


def test_the_clock_keeps_alive_and_ends() -> None:
    """A heartbeat when quiet; the end when idle or old."""
    quiet, idle, old = _client(), _client(), _client()
    quiet._take(), idle._take(), old._take()

    quiet.tick(START + CLIENT_HEARTBEAT_SECONDS - 1)
    assert quiet.waiting == 0
    quiet.tick(START + CLIENT_HEARTBEAT_SECONDS)
    quiet.tick(START + CLIENT_HEARTBEAT_SECONDS + 1)
    assert quiet._take() == sse.HEARTBEAT
    assert quiet.waiting == 0
    assert not quiet.closed

    idle.tick(START + CLIENT_IDLE_SECONDS)
    assert idle.closed

    old._spoke_at = START + CLIENT_AGE_SECONDS
    old.tick(START + CLIENT_AGE_SECONDS)
    assert old.closed
