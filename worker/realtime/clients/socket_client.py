"""A client of the WebSocket protocol, whichever port it came through.

What it adds to a client: the close code that its end has in that protocol, and patience with a
peer that does not take its last messages. It knows no library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from shared.limits import CLIENT_CLOSE_SECONDS
from worker.realtime.clients.client import Client
from worker.realtime.reasons import BINARY, DRAIN, FAULT, FORBIDDEN, FULL, OVERFLOW, TOO_BIG

_CLOSE_CODES: Final = {
    DRAIN: 1001,
    BINARY: 1003,
    FORBIDDEN: 1008,
    TOO_BIG: 1009,
    FAULT: 1011,
    OVERFLOW: 1013,
    FULL: 1013,
}
_GOING_AWAY: Final = 1001
Receiving = Callable[[], Awaitable[str | bytes | None]]
"""The next message: text, bytes for a binary one, None when the connection has ended."""


class SocketClient(Client):
    """Whoever listens over a WebSocket.

    `reason`: why it was closed, "" while it is open.
    """

    reason = ""

    @property
    def close_code(self) -> int:
        """Of RFC 6455, section 7.4, for the reason."""
        return _CLOSE_CODES.get(self.reason, _GOING_AWAY)

    def pack(self, message: bytes) -> bytes:
        """A message as the queue holds it. For a transport that frames by itself to override."""
        return message

    def reply(self, message: bytes) -> None:
        """Queue an answer, in order with the events."""
        self.send(self.pack(message))

    def closing(self, reason: str) -> None:
        """The peer has a moment to take the rest; then the connection is cut."""
        self.reason = reason
        asyncio.get_running_loop().call_later(CLIENT_CLOSE_SECONDS, self.cut)

    def cut(self) -> None:
        """End the connection now, whatever the peer does. For the transport to override."""


def byte_count(message: str | bytes) -> int:
    """Bytes of a message on the wire, without its frame."""
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode())
