"""Clients that mean no good, by hand over raw sockets: they read little, late or never."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import Any

from tests.sse import options, set_subscriptions
from tests.websocket import HOST, PATH, RawSocket, frame, handshake

_RECEIVE_BUFFER = 4_096
_SECONDS = 30.0
_CLIENT = re.compile(rb'"clientId":"([0-9a-f]{40})"')


class SlowClient:
    """A subscriber that reads nothing once it is live, unless it is told to.

    Each asks in its own words, so that the server has to keep its events for it alone.
    """

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    @classmethod
    async def stream(cls, port: int, topic: str, number: int, *, resume: bool) -> SlowClient:
        """Server-sent events."""
        self = await cls._connected(port)
        query = b"?resume=1" if resume else b""
        await self.send(b"GET /api/realtime%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % query)
        head = await self._read_until(_CLIENT)
        found = _CLIENT.search(head)
        assert found is not None
        own = topic + options(filter=f"step >= -{number}")
        assert await set_subscriptions(port, found[1].decode(), [own]) == 204
        return self

    @classmethod
    async def web_socket(cls, port: int, topic: str, number: int) -> SlowClient:
        """The WebSocket protocol."""
        self = await cls._opened(port)
        wish = {"topic": topic, "id": f"{number}", "filter": f"step >= -{number}"}
        await self.say({"type": "subscribe", "topics": [wish]})
        await self._read_until(re.compile(rb'"type":"live"'))
        return self

    @classmethod
    async def flooding(cls, port: int) -> SlowClient:
        """A WebSocket that has asked for nothing yet."""
        return await cls._opened(port)

    @classmethod
    async def _opened(cls, port: int) -> SlowClient:
        self = await cls._connected(port)
        await self.send(handshake(port, PATH, {}))
        await self._read_until(re.compile(rb'"type":"connected"'))
        return self

    @classmethod
    async def _connected(cls, port: int) -> SlowClient:
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        await asyncio.get_running_loop().sock_connect(raw, (HOST, port))
        return cls(raw)

    async def _read_until(self, pattern: re.Pattern[bytes]) -> bytes:
        read = b""
        async with asyncio.timeout(_SECONDS):
            while not pattern.search(read):
                more = await asyncio.get_running_loop().sock_recv(self._raw, _RECEIVE_BUFFER)
                assert more, read
                read += more
        return read

    async def send(self, data: bytes) -> None:
        """Send it all, however long the server does not take it."""
        await asyncio.get_running_loop().sock_sendall(self._raw, data)

    async def say(self, message: dict[str, Any]) -> None:
        """Send a message of the WebSocket protocol."""
        await self.send(frame(RawSocket.TEXT, json.dumps(message).encode()))

    async def begin_a_frame(self) -> None:
        """Send half of a message that is as large as one may be, and leave it at that."""
        whole = frame(RawSocket.TEXT, b" " * 250_000)
        await self.send(whole[: len(whole) // 2])

    async def sip(self) -> bytes:
        """Read one byte; none at the end."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._raw, 1)
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Hang up."""
        self._raw.close()
