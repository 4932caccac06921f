"""The main port by itself: room, and the end of peers that take nothing.

Also tests `worker.realtime.clients.main_socket` and `worker.http.handshake`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until_async
from tests.websocket import LiveClient, RawSocket
from tests.worker.realtime.place import Place, run_hub
from tests.worker.wire.websocket.serving import main_port
from worker.realtime.clients.main_socket import MainSocket
from worker.realtime.hub import Hub


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
    monkeypatch.setattr("worker.realtime.exchange.REALTIME_CLIENTS_PER_WORKER", 2)

    async def scenario(hub: Hub) -> None:
        async with main_port(hub) as port:
            clients = [await LiveClient.open(port) for _ in range(2)]
            async with await RawSocket.open(port) as raw:
                assert raw.status == 503
                assert b"retry-after: 1" in raw.head
                size = int(raw.head.split(b"content-length: ")[1].split(b"\r\n")[0])
                assert json.loads(await raw.reader.readexactly(size))["status"] == 503
            await clients.pop().close()
            await until_async(lambda: len(hub) == 1)
            clients.append(await LiveClient.open(port))
            for client in clients:
                await client.close()

    run_hub(place, scenario)


def test_a_peer_that_takes_nothing_is_cut(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Granian would wait for it for ever; the connection is gone soon after it was told to go."""
    monkeypatch.setattr("worker.realtime.clients.socket_client.CLIENT_CLOSE_SECONDS", 0.2)

    async def scenario(hub: Hub) -> None:
        async with main_port(hub) as port:
            raw = await RawSocket.open(port, receive_buffer=4_096)
            connected = json.loads((await raw.receive())[1])
            mine = hub.find(connected["client"])
            assert isinstance(mine, MainSocket)
            raw.pause()
            async with await LiveClient.open(port) as other:
                while mine.waiting < 5:  # until its sender is stuck
                    mine.reply(b'"%b"' % (b"x" * 200_000))
                    await other.request({"type": "ping"})
            mine.close("fault")
            await until_async(lambda: len(hub) == 0, what="the client is forgotten")
            raw.resume()
            assert await raw.closed() == 1006
            await raw.close()

    run_hub(place, scenario)
