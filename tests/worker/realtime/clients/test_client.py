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
from tests.worker.realtime.listening import MESSAGES
from worker.realtime.clients import sse
from worker.realtime.clients.client import Admission, Client
from worker.realtime.clients.encoders import EVENT_STREAM, RESUMABLE_STREAM, Encoder
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.clients.subscription import Subscription
from worker.realtime.position import Position
from worker.realtime.reasons import DRAIN, RESET
from worker.realtime.topics.topic import topic_of

ID = "0" * 40
AT = "main:a:7"


def _client(left: list[Client] | None = None, encoder: Encoder = EVENT_STREAM) -> StreamClient:
    return StreamClient(
        Admission(ID, "127.0.0.1", encoder, AT, ([] if left is None else left).append)
    )


def _socket() -> Client:
    client = Client(Admission(ID, "127.0.0.1", MESSAGES, AT, lambda _client: None))
    client.take()
    return client


def _listening(client: Client, *names: str, live: bool = True) -> list[Subscription]:
    for name in names:
        made = client.subscriptions[name] = Subscription(client, topic_of(name))
        made.live = live
    return list(client.subscriptions.values())


async def _three_waiting(client: Client, rest: bytes) -> list[asyncio.Task[None]]:
    """Tasks that wait for room in a queue that has just been filled to the half."""
    while not client.crowded:
        client.send(rest)
    waiting = [asyncio.create_task(client.room()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not client.closed
    assert not any(task.done() for task in waiting)
    return waiting


async def _rest(client: StreamClient) -> list[bytes]:
    return [chunk async for chunk in client.chunks()]


def test_the_first_event_is_exact() -> None:
    """Clients take their id from it, byte for byte."""
    client = _client()
    client.close(DRAIN)
    expected = f'id:{ID}\nevent:PB_CONNECT\ndata:{{"clientId":"{ID}"}}\n\n'.encode()
    assert asyncio.run(_rest(client)) == [expected]


def test_events_that_gathered_leave_in_one_chunk() -> None:
    """One send for many events, in their order."""
    client = _client()
    for n in range(100):
        assert client.offer(b"<", b"%d>" % n)
    client.close(DRAIN)

    (chunk,) = asyncio.run(_rest(client))

    assert chunk == sse.connect_event(ID) + b"".join(b"<%d>" % n for n in range(100))


def test_chunks_are_bounded() -> None:
    """Large events are not joined into one huge body."""
    client = _client()
    big = b"x" * (CLIENT_CHUNK_BYTES // 2 + 1)
    for _ in range(4):
        client.offer(b"", big)
    client.close(DRAIN)
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
    client.close(DRAIN)
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
        client.close(DRAIN)
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
        client.close(DRAIN)
        client._cut()
        await asyncio.wait({stream}, timeout=1)
        return stream.cancelled()

    assert asyncio.run(scenario())


def test_the_clock_keeps_alive_and_ends() -> None:
    """A heartbeat when quiet; the end when idle or old."""
    quiet, idle, old = _client(), _client(), _client()
    quiet._take(), idle._take(), old._take()

    quiet.tick(quiet.heard_at + CLIENT_HEARTBEAT_SECONDS - 1, AT)
    assert quiet.waiting == 0
    quiet.tick(quiet.heard_at + CLIENT_HEARTBEAT_SECONDS, AT)
    quiet.tick(quiet.heard_at + CLIENT_HEARTBEAT_SECONDS + 1, AT)
    assert quiet._take() == sse.HEARTBEAT
    assert quiet.waiting == 0
    assert not quiet.closed

    idle.tick(idle.spoke_at + CLIENT_IDLE_SECONDS, AT)
    assert idle.closed

    old.spoke_at = old.opened_at + CLIENT_AGE_SECONDS
    old.tick(old.opened_at + CLIENT_AGE_SECONDS, AT)
    assert old.closed


def test_heartbeats_and_notes_do_not_keep_an_idle_stream() -> None:
    """Only events do, wherever in a chunk they stand."""
    client = _client(encoder=RESUMABLE_STREAM)
    client._take()
    began = client.spoke_at
    client.tick(client.heard_at + CLIENT_HEARTBEAT_SECONDS, AT)
    client._take()
    assert client.spoke_at == began
    client.resync(_listening(client, "posts"), AT, RESET)
    client.offer(b"prefix", b"event")
    client._take()
    assert client.spoke_at == client.heard_at > began


def test_a_heartbeat_has_a_position_when_all_is_live() -> None:
    """Who resumes from it must not miss what a join has yet to tell."""
    client = _socket()
    due = client.heard_at + CLIENT_HEARTBEAT_SECONDS
    _listening(client, "posts", "notes")
    client.tick(due, AT)
    client.subscriptions["notes"].live = False
    client._queue, told = type(client._queue)(), list(client._queue)
    client.tick(due, AT)
    assert [told[0][1], *client.take()] == [
        b'{"type":"heartbeat","position":"main:a:7"}',
        b'{"type":"heartbeat"}',
    ]


def test_a_resuming_stream_keeps_its_position_until_it_has_topics() -> None:
    """Its first topics begin where it left off: until then a later position would lose events."""
    client = _client(encoder=RESUMABLE_STREAM)
    client._take()
    client.since = Position(10, 3)
    client.tick(client.heard_at + CLIENT_HEARTBEAT_SECONDS, AT)
    assert client._take() == sse.HEARTBEAT
    client.since = None
    client.tick(client.heard_at + CLIENT_HEARTBEAT_SECONDS, AT)
    assert client._take() == f"id:{ID};{AT}\n\n".encode()


def test_a_crowded_queue_is_waited_for() -> None:
    """Until half of it is free, by number and by bytes, or nobody takes from it any more."""

    async def scenario(rest: bytes) -> None:
        client = _socket()
        await client.room()
        waiting = await _three_waiting(client, rest)
        while client.crowded:
            client.take()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)
        waiting = await _three_waiting(client, rest)
        client.abandon()
        await asyncio.wait_for(asyncio.gather(*waiting), 1)

    asyncio.run(scenario(b"x"))
    asyncio.run(scenario(b"x" * CLIENT_CHUNK_BYTES))


def test_who_waits_for_room_is_let_go_when_the_client_is_closed() -> None:
    """A peer that never reads again holds up no join for ever."""

    async def scenario() -> None:
        client = _socket()
        while not client.crowded:
            client.send(b"x")
        waiting = asyncio.create_task(client.room())
        await asyncio.sleep(0)
        client.close(DRAIN)
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_a_gap_is_told_in_the_words_of_the_form() -> None:
    """Plain streams end, resumable ones are told once, messages one by one; the latter go on."""
    plain, resumable, socket = _client(), _client(encoder=RESUMABLE_STREAM), _socket()
    plain._take(), resumable._take()
    for client in (plain, resumable, socket):
        client.resync(_listening(client, "posts", "notes"), AT, RESET)
    assert asyncio.run(_rest(plain)) == []
    assert [client.closed for client in (plain, resumable, socket)] == [True, False, False]
    data = b'{"subscriptions":["posts","notes"],"position":"main:a:7","reason":"reset"}'
    head = f"event:QUILL_RESYNC\nid:{ID};{AT}\ndata:".encode()
    assert resumable._take() == head + data + b"\n\n"
    assert socket.take() == [
        b'{"type":"resync","sub":"posts","position":"main:a:7","reason":"reset"}',
        b'{"type":"resync","sub":"notes","position":"main:a:7","reason":"reset"}',
    ]


def test_a_socket_is_told_why_it_ends() -> None:
    """After all that was queued before, or in place of it when events were lost."""
    client = _socket()
    client.send(b"one")
    client.close(DRAIN)
    client.close(DRAIN)
    assert client.take() == [b"one", b'{"type":"bye","reason":"drain"}']
    assert not client.send(b"two")
    client = _socket()
    client.send(b"one")
    client.overflow()
    assert client.take() == [b'{"type":"bye","reason":"overflow"}']


def test_messages_are_taken_whole_and_in_bounded_portions() -> None:
    """One that is larger than a portion goes alone."""
    client = _socket()
    big = b"x" * (CLIENT_CHUNK_BYTES // 2 + 1)
    for one in (b"a", b"b", big, big, big, big + big, b"c"):
        client.send(one)
    portions = []
    while client.waiting:
        portions.append([len(one) for one in client.take()])
    half = len(big)
    assert portions == [[1, 1, half, half], [half, 2 * half], [1]]
    assert client._bytes == 0
