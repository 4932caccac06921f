"""A connection of the `websockets` library with bounds of ours on what a peer may make it do.

A peer's input is taken apart in small slices, one a loop turn, since a single read may hold tens of
thousands of tiny frames. It is not read while requests of it wait, and not while it does not take
what we write: else pings alone would fill the transport's buffer with pongs that nobody reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from websockets.asyncio.server import Server, ServerConnection
from websockets.frames import Frame
from websockets.protocol import OPEN, Event
from websockets.server import ServerProtocol

from shared.limits import SOCKET_HANDSHAKES_MAX, SOCKET_READ_BYTES

_REQUESTS: Final = 1
_WRITES: Final = 2


class Opening:
    """The connections whose opening handshake is not done."""

    def __init__(self) -> None:
        self._connections: set[LiveConnection] = set()

    def begin(self, connection: LiveConnection) -> bool:
        """Count it. False when there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= SOCKET_HANDSHAKES_MAX

    def done(self, connection: LiveConnection) -> None:
        """Its handshake is done, or it has ended."""
        self._connections.discard(connection)

    def cut(self) -> None:
        """End them all: the worker ends."""
        for connection in list(self._connections):
            connection.transport.abort()


class Welcoming:
    """The library's server as its connections see it: always serving.

    Else it would answer 503 to a peer that was accepted just before the worker began to drain, while
    a peer a moment later finds another worker.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server, name)

    def is_serving(self) -> bool:
        """Who was accepted is served."""
        return True


class LiveConnection(ServerConnection):
    """One connection.

    `has_room`: called when the transport's buffer has room again.
    """

    def __init__(
        self, opening: Opening, protocol: ServerProtocol, server: Server, **options: Any
    ) -> None:
        super().__init__(protocol, Welcoming(server), **options)  # type: ignore[arg-type]
        self.has_room: Callable[[], None] = _nothing
        self._opening = opening
        self._input = bytearray()
        self._stops = 0
        self._unread = False
        self._scheduled = False

    @property
    def is_open(self) -> bool:
        """Neither side has begun to close it."""
        return self.protocol.state is OPEN

    def say_goodbye(self, code: int, reason: str) -> None:
        """Begin the closing handshake. What is written before goes out before.

        The peer's answer may stand behind messages that nobody wants any more: they are skipped.
        """
        if self.is_open:
            self.protocol.send_close(code, reason)
            self.send_data()
            self._go(_REQUESTS)

    def process_event(self, event: Event) -> None:
        """A request of a handshake, or a frame."""
        if self.protocol.close_sent is None or not isinstance(event, Frame):
            super().process_event(event)

    # --- What the loop tells us -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted."""
        super().connection_made(transport)
        self.recv_messages.pause = partial(self._stop, _REQUESTS)
        self.recv_messages.resume = partial(self._go, _REQUESTS)
        if not self._opening.begin(self):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ended."""
        self._opening.done(self)
        self._input.clear()
        self.has_room = _nothing
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some input; the first slice of it is taken apart now."""
        self._input += data
        self._take_apart()

    def eof_received(self) -> None:
        """The peer sends nothing more, and what it sent just before has no meaning any more."""
        self._input.clear()
        super().eof_received()

    def pause_writing(self) -> None:
        """The transport's buffer is full."""
        super().pause_writing()
        self._stop(_WRITES)

    def resume_writing(self) -> None:
        """It has room again."""
        super().resume_writing()
        self._go(_WRITES)
        self.has_room()

    # --- Input in slices ------------------------------------------------------------------------

    def _take_apart(self) -> None:
        """One slice, unless something stops us; the next one in the next turn."""
        if self._input and not self._stops:
            slice_ = bytes(self._input[:SOCKET_READ_BYTES])
            del self._input[:SOCKET_READ_BYTES]
            super().data_received(slice_)
        self._decide_reading()
        self._go_on()

    def _go_on(self) -> None:
        """Take the next slice apart in the next turn."""
        if self._input and not self._stops and not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._scheduled = False
        self._take_apart()

    def _stop(self, why: int) -> None:
        self._stops |= why
        self._decide_reading()

    def _go(self, why: int) -> None:
        self._stops &= ~why
        self._decide_reading()
        self._go_on()

    def _decide_reading(self) -> None:
        """Read no more while there is something to take apart, or a reason not to."""
        unread = bool(self._stops or self._input)
        if unread != self._unread and not self.transport.is_closing():
            self._unread = unread
            if unread:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()


def _nothing() -> None:
    """Nobody waits."""
