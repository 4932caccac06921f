"""The connection itself: told when it stands and when it is gone, and always begun empty."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from tests.waiting import until_async
from worker.engine.dealer import Dealer
from worker.engine.sockets import Socket, descriptor, new_socket, readable


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A free address with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="quill-"))
    yield f"ipc://{folder}/router.ipc"
    shutil.rmtree(folder)


class _Seen:
    """What a dealer told."""

    def __init__(self, endpoint: str) -> None:
        self.ups = 0
        self.downs = 0
        self.messages: list[bytes] = []
        self.dealer = Dealer(endpoint, self._up, self._down, self.messages.append)

    def _up(self) -> None:
        self.ups += 1

    def _down(self) -> None:
        self.downs += 1


def _router(endpoint: str) -> Socket:
    router = new_socket(zmq.ROUTER)
    router.bind(endpoint)
    return router


def test_it_tells_when_it_is_connected_and_when_not(endpoint: str) -> None:
    """Over two lives of the other end; nothing sent between them is kept for the second."""

    async def scenario() -> None:
        seen = _Seen(endpoint)
        seen.dealer.start()
        with pytest.raises(zmq.Again):
            seen.dealer.send(b"to nobody")
        first = _router(endpoint)
        await until_async(lambda: seen.ups == 1)
        first.close()
        await until_async(lambda: seen.downs == 1)
        with pytest.raises(zmq.Again):
            seen.dealer.send(b"to nobody")
        second = _router(endpoint)
        await until_async(lambda: seen.ups == 2)
        seen.dealer.send(b"hello")
        await until_async(lambda: readable(second))
        assert second.recv_multipart()[1] == b"hello"
        assert not readable(second)
        second.close()
        seen.dealer.close()

    asyncio.run(scenario())


def test_every_message_is_taken(endpoint: str) -> None:
    """The descriptor fires once for many: all are drained, also those that come while sending."""

    async def scenario() -> None:
        seen = _Seen(endpoint)
        seen.dealer.start()
        router = _router(endpoint)
        await until_async(lambda: seen.ups == 1)
        seen.dealer.send(b"hello")
        await until_async(lambda: readable(router))
        peer, _hello = router.recv_multipart()
        for n in range(900):
            router.send_multipart((peer, b"%d" % n))
            if n % 100 == 0:
                seen.dealer.send(b"and back")
        await until_async(lambda: len(seen.messages) == 900)
        assert seen.messages == [b"%d" % n for n in range(900)]
        router.close()
        seen.dealer.close()

    asyncio.run(scenario())


def test_a_closed_socket_is_not_readable(endpoint: str) -> None:
    """A drain that closes its own socket ends quietly."""
    router = _router(endpoint)
    assert descriptor(router) >= 0
    router.close()
    assert not readable(router)
