"""One realtime client: its bounded queue of ready bytes, which its transport empties.

The hub only appends; it never waits for a client. A transport takes everything that has gathered
and sends it at once, so a slow connection delays nobody and a quick one costs one send for many
events. A client whose queue is full has lost events: it is told so, as the last thing, and closed.
It knows no SQL, no rule and no catalog.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from shared.limits import (
    CLIENT_CHUNK_BYTES,
    CLIENT_HEARTBEAT_SECONDS,
    CLIENT_QUEUE_BYTES,
    CLIENT_QUEUE_EVENTS,
)
from worker.realtime.clients.encoders import Encoder
from worker.realtime.clients.subscription import Subscription
from worker.realtime.principal import Principal
from worker.realtime.reasons import FORBIDDEN, OVERFLOW

if TYPE_CHECKING:
    from worker.realtime.position import Position


class Admission(NamedTuple):
    """What an exchange gives to a new client.

    `ip`: address that opens the connection.  `encoder`: how it is told.  `position`: where the log
    is.  `left`: to be called when the connection has ended.
    """

    id: str
    ip: str
    encoder: Encoder
    position: str
    left: Callable[[Client], None]


class Client:
    """Whoever listens over one connection.

    `principal`: who it is, None for a guest.  `subscriptions`: what it listens to, by name.
    `since`: where its first topics begin, None for now.
    `expires`: when its token does, in unix seconds, where that ends what it hears.
    All other times are of the monotonic clock, in seconds.
    """

    def __init__(self, admission: Admission) -> None:
        now = time.monotonic()
        self.id, self.ip, self.encoder, position, self._left = admission
        self.principal: Principal | None = None
        self.subscriptions: dict[str, Subscription] = {}
        self.since: Position | None = None
        self.expires: float | None = None
        self.opened_at = self.heard_at = self.spoke_at = now
        self._queue: deque[tuple[bytes, bytes]] = deque()
        self._bytes = 0
        self._closed = False
        self._room: asyncio.Event | None = None
        self.send(self.encoder.connected(self.id, position))

    @property
    def closed(self) -> bool:
        """Nothing more will be queued."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Events that are queued and not yet taken by the transport."""
        return len(self._queue)

    # --- What it is told ------------------------------------------------------------------------

    def offer(self, prefix: bytes, rest: bytes) -> bool:
        """Queue an event: its own first bytes, and the rest that many clients share.

        False when the client is closed, or was just told to go.
        """
        if self._closed:
            return False
        if len(self._queue) >= CLIENT_QUEUE_EVENTS or self._bytes > CLIENT_QUEUE_BYTES:
            self.overflow()
            return False
        self._queue.append((prefix, rest))
        self._bytes += len(rest)
        self.wake()
        return True

    def send(self, message: bytes | None) -> bool:
        """Queue what only this client is told; None is nothing to say."""
        return message is None or self.offer(b"", message)

    def resync(self, subscriptions: Iterable[Subscription], position: str, reason: str) -> None:
        """It may have missed events of these before `position`; one that cannot be told is closed."""
        names = [subscription.name for subscription in subscriptions]
        messages = self.encoder.resync(self.id, names, position, reason)
        if messages is None:
            self.close(reason)
            return
        for message in messages:
            self.send(message)

    def denied(self) -> None:
        """What it listens to it may not hear, or not any more."""
        if self.encoder.ends_denied:
            self.close(FORBIDDEN)

    def overflow(self) -> None:
        """It has lost events: say so as the last thing, in place of all that it did not take."""
        if not self._closed:
            self._queue.clear()
            self._bytes = 0
            self.close(OVERFLOW)

    def close(self, reason: str) -> None:
        """End the connection after what is queued, or cut it if the peer does not take that."""
        if not self._closed:
            self._closed = True
            farewell = self.encoder.farewell(self.id, reason)
            if farewell is not None:
                self._queue.append((b"", farewell))
            self.closing(reason)
        self.wake()
        self._make_room()

    def abandon(self) -> None:
        """The connection has ended: nobody listens any more."""
        self._closed = True
        self._queue.clear()
        self._bytes = 0
        self.wake()
        self._make_room()
        self._left(self)

    def tick(self, now: float, position: str) -> None:
        """The exchange's regular look at the clock: a heartbeat, when one is due.

        `position`: up to there every live subscription has been told.
        """
        if now - self.heard_at >= CLIENT_HEARTBEAT_SECONDS and not self._queue:
            live = self.since is None and all(one.live for one in self.subscriptions.values())
            self.send(self.encoder.heartbeat(self.id, position if live else ""))

    async def room(self) -> None:
        """Wait until half of the queue is free, or the client is closed."""
        while not self._closed and self.crowded:
            self._room = self._room or asyncio.Event()
            self._room.clear()
            await self._room.wait()

    @property
    def crowded(self) -> bool:
        """At least half of the queue is taken."""
        return len(self._queue) * 2 >= CLIENT_QUEUE_EVENTS or self._bytes * 2 >= CLIENT_QUEUE_BYTES

    def _make_room(self) -> None:
        if self._room is not None and (self._closed or not self.crowded):
            self._room.set()

    # --- For the transport ----------------------------------------------------------------------

    def take(self, chunk: int = CLIENT_CHUNK_BYTES) -> list[bytes]:
        """Queued events, each whole: up to `chunk` bytes of them, and at least one."""
        queue = self._queue
        taken: list[bytes] = []
        size = 0
        while queue and (not taken or size < chunk):
            prefix, rest = queue.popleft()
            taken.append(prefix + rest if prefix else rest)
            size += len(rest)
        self._bytes -= size
        self.heard_at = time.monotonic()
        self._make_room()
        return taken

    def wake(self) -> None:
        """Something was queued, or the client was closed. For the transport to override."""

    def closing(self, reason: str) -> None:
        """It will be closed, once, with what is queued by now. For the transport to override."""
