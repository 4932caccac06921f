"""What the end of a WebSocket client says, and how long it is waited for."""

from __future__ import annotations

import asyncio

import pytest

from shared.limits import CLIENT_QUEUE_EVENTS
from worker.realtime.clients.client import Admission
from worker.realtime.clients.encoders import MessageEncoder
from worker.realtime.clients.socket_client import SocketClient
from worker.realtime.reasons import BINARY, DRAIN, FAULT, FULL, OVERFLOW, TOO_BIG


def _client() -> SocketClient:
    return SocketClient(
        Admission("c" * 40, "ip", MessageEncoder(30), "main:1:2", lambda _client: None)
    )


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (DRAIN, 1001),
        (BINARY, 1003),
        (TOO_BIG, 1009),
        (FAULT, 1011),
        (OVERFLOW, 1013),
        (FULL, 1013),
        ("anything else", 1001),
    ],
)
def test_each_reason_has_its_close_code(reason: str, code: int) -> None:
    """And the farewell names it."""

    async def scenario() -> None:
        client = _client()
        client.close(reason)
        client.close("a second reason")
        assert (client.reason, client.close_code) == (reason, code)
        assert client.take()[-1] == b'{"type":"bye","reason":"%b"}' % reason.encode()

    asyncio.run(scenario())


def test_an_answer_that_finds_no_room_ends_the_client() -> None:
    """Nothing is dropped in silence: what waits is replaced by the farewell."""

    async def scenario() -> None:
        client = _client()
        for _ in range(CLIENT_QUEUE_EVENTS):
            client.reply(b"{}")
        assert client.closed
        assert client.reason == OVERFLOW
        assert client.take() == [b'{"type":"bye","reason":"overflow"}']

    asyncio.run(scenario())


def test_a_peer_that_takes_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, some seconds after it was told to go."""
    monkeypatch.setattr("worker.realtime.clients.socket_client.CLIENT_CLOSE_SECONDS", 0.01)

    async def scenario() -> None:
        cut = asyncio.Event()
        client = _client()
        client.cut = cut.set  # type: ignore[method-assign]
        client.close(DRAIN)
        assert not cut.is_set()
        await asyncio.wait_for(cut.wait(), 5)

    asyncio.run(scenario())
