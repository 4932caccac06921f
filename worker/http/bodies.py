"""What the requests of one worker take to read their bodies: memory, and patience with clients.

Both are bounded over all requests together. A timer for each wait would cost as much as reading a
small body, so one coarse timer looks at all of them. It must not know what a body means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from shared.errors import Kind, QuillError, invalid
from shared.limits import (
    BODY_BYTES_IN_FLIGHT_MAX,
    BODY_BYTES_MAX,
    BODY_DRAIN_SECONDS,
    BODY_STALL_SECONDS,
    BODY_SWEEP_SECONDS,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Largest = Callable[[str], int]
"""The most bytes of one body, by the class of its route."""
_CUT: Final = -1


class Bodies:
    """All bodies that are being read, or held by a handler. Use it from the event loop only.

    `largest`: asked for bodies that are not small; it may change its mind at any time.
    """

    def __init__(self, largest: Largest = lambda _route: BODY_BYTES_MAX) -> None:
        self.largest = largest
        self.held_bytes = 0
        self._waits: dict[Any, int] = {}
        self._sweeps = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    # --- Memory ---------------------------------------------------------------------------------

    def check_room(self, size: int) -> None:
        """Raises QuillError UNAVAILABLE when so many bytes more would be too many."""
        if self.held_bytes + size > BODY_BYTES_IN_FLIGHT_MAX:
            raise QuillError(
                Kind.UNAVAILABLE,
                "Too many large requests are being served.",
                retry_after_seconds=1,
            )

    def hold(self, size: int) -> None:
        """Count bytes that a request has read. Raises QuillError UNAVAILABLE."""
        self.check_room(size)
        self.held_bytes += size

    def release(self, size: int) -> None:
        """A request that held so many bytes is over."""
        self.held_bytes -= size

    # --- Patience -------------------------------------------------------------------------------

    async def next(self, receive: Receive) -> Message:
        """The next part of a body, when it comes.

        Raises QuillError INVALID when the client sends nothing for too long, and UNAVAILABLE when
        the worker ends before the body does.
        """
        arrival = receive()
        waits = self._waits
        waits[arrival] = self._sweeps
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BODY_SWEEP_SECONDS, self._sweep)
        try:
            return await arrival
        except asyncio.CancelledError:
            if waits[arrival] != _CUT:
                raise
            raise self._cut_error() from None
        finally:
            del waits[arrival]

    def drain(self) -> None:
        """The worker is about to end: bodies have a moment left, then requests are cut."""
        asyncio.get_running_loop().call_later(BODY_DRAIN_SECONDS, self._end)

    def _end(self) -> None:
        self._ended = True

    def _sweep(self) -> None:
        """Cut the waits that are too old; all of them when the worker ends."""
        self._timer = None
        self._sweeps += 1
        oldest = self._sweeps - BODY_STALL_SECONDS / BODY_SWEEP_SECONDS
        for arrival, since in list(self._waits.items()):
            if self._ended or since < oldest:
                self._waits[arrival] = _CUT
                arrival.cancel()
        if self._waits:
            self._timer = asyncio.get_running_loop().call_later(BODY_SWEEP_SECONDS, self._sweep)

    def _cut_error(self) -> QuillError:
        if self._ended:
            return QuillError(
                Kind.UNAVAILABLE,
                "The server restarts and the request was not complete.",
                retry_after_seconds=1,
            )
        return invalid("The request body did not arrive in time.")
