"""The second port by itself: room, one frame for all, one write a turn, its end.

Tests `worker.wire.websocket.connection`, too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.limits import CLIENT_CLOSE_SECONDS
from tests.waiting import until_async
from tests.websocket import LiveClient, RawSocket, frame
from tests.worker.realtime.place import Place, created, run_hub
from tests.worker.wire.websocket.serving import listening, second_port
from worker.realtime.hub import Hub
from worker.realtime.topics.topic import topic_of
from worker.wire.websocket import frames
from worker.wire.websocket.second_port import SecondSocket


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place with one public collection, `posts`."""
    made = Place(tmp_path)
    made.store("posts")
    yield made
    made.close()


def test_a_full_worker_refuses_in_the_handshake(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 in the REST form and with Retry-After, until somebody leaves."""
    for module in ("worker.realtime.exchange", "worker.wire.websocket.second_port"):
        monkeypatch.setattr(f"{module}.REALTIME_CLIENTS_PER_WORKER", 2)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            port = sock.getsockname()[1]
            async with second_port(hub, sock):
                clients = [await LiveClient.open(port) for _ in range(2)]
                async with await RawSocket.open(port) as raw:
                    assert raw.status == 503
                    assert b"Retry-After: 1" in raw.head.title()
                    body = json.loads(await raw.reader.read())
                    assert body["status"] == 503
                await clients.pop().close()
                await until_async(lambda: len(hub) == 1)
                clients.append(await LiveClient.open(port))
                for client in clients:
                    await client.close()

    run_hub(place, scenario)


def test_a_frame_is_made_once_for_everybody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is the very same bytes in each queue."""
    framed: list[bytes] = []
    original = frames.text_frame

    def counting(message: bytes) -> bytes:
        framed.append(message)
        return original(message)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with second_port(hub, sock):
                port = sock.getsockname()[1]
                clients = [await LiveClient.open(port) for _ in range(20)]
                for client in clients:
                    mine = hub.find(client.client_id)
                    assert mine is not None
                    hub.subscribe(mine, [topic_of("posts")])
                    assert (await client.next())["type"] == "live"
                monkeypatch.setattr(frames, "text_frame", counting)
                hub.on_changes(place.commit(created(title="one"), created("other", title="two")))
                for client in clients:
                    titles = [told["record"]["title"] for told in await client.take(2)]
                    assert titles == ["one", "two"]
                assert len(framed) == 2
                for client in clients:
                    await client.close()

    run_hub(place, scenario)


def test_what_gathers_in_a_turn_is_one_write(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a client is woken in it."""
    writes: list[str] = []
    original = SecondSocket.write

    def counting(client: SecondSocket) -> None:
        writes.append(client.id)
        original(client)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with (
                second_port(hub, sock),
                await LiveClient.open(sock.getsockname()[1]) as client,
            ):
                mine = hub.find(client.client_id)
                assert isinstance(mine, SecondSocket)
                monkeypatch.setattr(SecondSocket, "write", counting)
                for number in range(100):
                    mine.reply(b'{"type":"x","n":%d}' % number)
                told = await client.take(100)
                assert [each["n"] for each in told] == list(range(100))
                assert writes == [client.client_id]

    run_hub(place, scenario)


def test_a_stopped_port_leaves_newcomers_to_its_successor(place: Place) -> None:
    """They wait in the shared socket; those who are there are told to go by the hub."""

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            number = sock.getsockname()[1]
            async with second_port(hub, sock) as port:
                client = await LiveClient.open(number)
                port.stop()
                await client.request({"type": "ping"})
                waiting = asyncio.create_task(LiveClient.open(number))
                await client.request({"type": "ping"})
                assert not waiting.done()
                async with second_port(hub, sock):
                    newcomer = await waiting
                    await newcomer.request({"type": "ping"})
                    hub.close_all()
                    for each in (client, newcomer):
                        rest, ended = await each.end()
                        assert (rest, ended.code) == ([{"type": "bye", "reason": "drain"}], 1001)

    run_hub(place, scenario)


def test_only_so_many_handshakes_are_under_way(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is cut at once; a finished or an ended one makes room."""
    monkeypatch.setattr("worker.wire.websocket.connection.SOCKET_HANDSHAKES_MAX", 3)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            port = sock.getsockname()[1]
            async with second_port(hub, sock):
                clients = [await LiveClient.open(port) for _ in range(4)]
                halves = []
                for _ in range(3):
                    half = await RawSocket.connect(port)
                    half.writer.write(b"GET /api/realtime/ws HTTP/1.1\r\n")
                    await clients[0].request({"type": "ping"})
                    halves.append(half)
                async with await RawSocket.connect(port) as raw:
                    assert await raw.closed() == 1006
                for half in halves:
                    await half.close()
                await clients[0].request({"type": "ping"})
                clients.append(await LiveClient.open(port))
                for client in clients:
                    await client.close()

    run_hub(place, scenario)


def test_a_handshake_has_its_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not finish it is cut."""
    monkeypatch.setattr("worker.wire.websocket.second_port.SOCKET_HANDSHAKE_SECONDS", 0.05)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with (
                second_port(hub, sock),
                await RawSocket.connect(sock.getsockname()[1]) as raw,
            ):
                raw.writer.write(b"GET /api/realtime/ws HTTP/1.1\r\n")
                assert await raw.closed() == 1006

    run_hub(place, scenario)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_input_in_slices_is_the_same_input(
    place: Place, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """However small they are: handshake, requests and the end."""
    monkeypatch.setattr("worker.wire.websocket.connection.SOCKET_READ_BYTES", size)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with (
                second_port(hub, sock),
                await LiveClient.open(sock.getsockname()[1]) as client,
            ):
                for ref in range(50):
                    await client.send(json.dumps({"type": "ping", "ref": ref}))
                told = await client.take(50)
                assert [each["ref"] for each in told] == list(range(50))

    run_hub(place, scenario)


def test_a_peer_that_does_not_pong_is_gone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ping unanswered for some time ends the connection."""
    for name in ("PING", "PONG"):
        monkeypatch.setattr(f"worker.wire.websocket.second_port.SOCKET_{name}_SECONDS", 0.05)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with second_port(hub, sock):
                port = sock.getsockname()[1]
                async with await LiveClient.open(port) as client:
                    async with await RawSocket.open(port) as silent:
                        assert await silent.closed() == 1011
                    await client.request({"type": "ping"})

    run_hub(place, scenario)


def test_an_end_does_not_wait_for_half_a_handshake(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut soon after the port was stopped."""
    monkeypatch.setattr("worker.wire.websocket.second_port.DRAIN_CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("worker.wire.websocket.second_port.SOCKET_HANDSHAKE_SECONDS", 1_000)

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            number = sock.getsockname()[1]
            async with second_port(hub, sock):
                half = await RawSocket.connect(number)
                half.writer.write(b"GET /api/realtime/ws HTTP/1.1\r\n")
                async with await LiveClient.open(number) as client:
                    await client.request({"type": "ping"})
            assert await half.closed() == 1006
            await half.close()

    run_hub(place, scenario)


def test_a_goodbye_is_answered_behind_unread_messages(place: Place) -> None:
    """The peer's close frame counts, however many requests stand before it."""

    async def scenario(hub: Hub) -> None:
        with listening() as sock:
            async with (
                second_port(hub, sock),
                await RawSocket.open(sock.getsockname()[1]) as raw,
            ):
                mine = hub.find(json.loads((await raw.receive())[1])["client"])
                assert mine is not None
                raw.writer.write(frame(raw.TEXT, b'{"type":"ping"}') * 20_000)
                assert b"pong" in (await raw.receive())[1]
                mine.close("drain")
                raw.send(raw.CLOSE, (1001).to_bytes(2, "big"))
                assert await raw.closed() == 1001
                async with asyncio.timeout(CLIENT_CLOSE_SECONDS - 1):  # before it is cut
                    assert await raw.reader.read() == b"", "an end, and no reset"

    run_hub(place, scenario)
