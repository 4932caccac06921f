"""One realtime client: its bounded queue of ready bytes, and the task that empties it.

The hub only appends; it never waits for a client. The stream's own task takes everything that has
gathered and sends it as one body chunk, so a slow connection delays nobody and a quick one costs
one send for many events. A client whose queue is full has lost events: it is told so, as its last
event, and closed. It knows no SQL, no rule and no catalog.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from shared.limits import (
    CLIENT_AGE_SECONDS,
    CLIENT_CHUNK_BYTES,
    CLIENT_CLOSE_SECONDS,
    CLIENT_HEARTBEAT_SECONDS,
    CLIENT_IDLE_SECONDS,
    CLIENT_QUEUE_BYTES,
    CLIENT_QUEUE_EVENTS,
)
from worker.realtime import sse
from worker.realtime.principal import Principal
from worker.realtime.topics import Topic


class Client:
    """A stream's owner.

    `ip`: address that opened it.  `principal`: who it is, None for a guest.
    `topics`: what it listens to.  `left` is called when the stream has ended.
    All times are of the monotonic clock, in seconds.
    """

    __slots__ = (
        "_bytes",
        "_closed",
        "_heard_at",
        "_left",
        "_opened_at",
        "_queue",
        "_spoke_at",
        "_task",
        "_waiter",
        "id",
        "ip",
        "principal",
        "topics",
    )

    def __init__(self, client_id: str, ip: str, now: float, left: Callable[[Client], None]) -> None:
        self.id = client_id
        self._left = left
        self.ip = ip
        self.principal: Principal | None = None
        self.topics: tuple[Topic, ...] = ()
        self._queue: deque[tuple[bytes, bytes]] = deque(((sse.connect_event(client_id), b""),))
        self._bytes = 0
        self._closed = False
        self._opened_at = self._heard_at = self._spoke_at = now
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[object] | None = None

    @property
    def closed(self) -> bool:
        """Nothing more will be queued."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Events that are queued and not yet taken by the stream."""
        return len(self._queue)

    def offer(self, prefix: bytes, rest: bytes) -> bool:
        """Queue an event: its own first lines, and the data that many clients share.

        False when the client is closed, or was just told to go.
        """
        if self._closed:
            return False
        if len(self._queue) >= CLIENT_QUEUE_EVENTS or self._bytes > CLIENT_QUEUE_BYTES:
            self.overflow()
            return False
        self._queue.append((prefix, rest))
        self._bytes += len(rest)
        if self._waiter is not None:
            self._wake()
        return True

    def overflow(self) -> None:
        """It has lost events: say so as the last one, in place of all that it did not take."""
        if not self._closed:
            self._queue.clear()
            self._queue.append((sse.overflow_event(self.id), b""))
            self.close()

    def close(self) -> None:
        """End the stream after what is queued, or cut it if the peer does not take that."""
        if not self._closed and self._task is not None:
            asyncio.get_running_loop().call_later(CLIENT_CLOSE_SECONDS, self._cut)
        self._closed = True
        self._wake()

    def _cut(self) -> None:
        """The stream is still sending what it was told to end with: the peer does not read."""
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """End the stream at once: nobody listens any more."""
        self._queue.clear()
        self.close()
        self._left(self)

    def tick(self, now: float) -> None:
        """The hub's regular look at the clock: too old, too quiet, or due for a heartbeat."""
        if (
            now - self._opened_at >= CLIENT_AGE_SECONDS
            or now - self._spoke_at >= CLIENT_IDLE_SECONDS
        ):
            self.close()
        elif now - self._heard_at >= CLIENT_HEARTBEAT_SECONDS and not self._queue:
            self._heard_at = now
            self._queue.append((sse.HEARTBEAT, b""))
            self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream's body: whatever has gathered, joined, until the client is closed."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        try:
            while self._queue or not self._closed:
                if self._queue:
                    yield self._take()
                else:
                    self._waiter = loop.create_future()
                    await self._waiter
        finally:
            self._task = None
            self.abandon()

    def _take(self) -> bytes:
        """Up to CLIENT_CHUNK_BYTES of queued events, and never less than one."""
        queue = self._queue
        taken = [*queue.popleft()]
        size = len(taken[1])
        while queue and size < CLIENT_CHUNK_BYTES:
            prefix, rest = queue.popleft()
            taken.append(prefix)
            taken.append(rest)
            size += len(rest)
        self._bytes -= size
        if size:
            self._heard_at = self._spoke_at = time.monotonic()
        return b"".join(taken)
