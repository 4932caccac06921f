"""A place in the cluster that must always be filled: the writer, or worker number N.

It knows when to start its child again, and nothing about the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cluster.child import Child
from cluster.sockets import SlotSockets
from shared.limits import (
    RESTART_BACKOFF_SECONDS,
    RESTART_BACKOFF_SECONDS_MAX,
    RESTART_EARLY_SECONDS,
    RESTART_HEALTHY_SECONDS,
)

Starter = Callable[[str, Sequence[int]], Child]
"""Name and descriptors to inherit → a started child. Raises OSError."""


class Slot:
    """One place and who fills it: `child` now, `successor` and `retiring` during a reload."""

    def __init__(self, name: str, start: Starter, sockets: SlotSockets | None = None) -> None:
        self.name = name
        self.sockets = sockets
        self.child: Child | None = None
        self.successor: Child | None = None
        self.retiring: Child | None = None
        self.restart_at: float | None = None
        self.restarts = 0
        self._start = start
        self._backoff = 0.0

    @property
    def ready(self) -> bool:
        """Its child serves."""
        return self.child is not None and self.child.ready_at is not None

    def children(self) -> Iterator[Child]:
        """All processes of this place."""
        for child in (self.child, self.successor, self.retiring):
            if child is not None:
                yield child

    def spawn(self) -> Child:
        """Start a process on this slot's sockets. Raises OSError."""
        if self.sockets is None:
            return self._start(self.name, ())
        self.sockets.open()
        return self._start(self.name, self.sockets.descriptors())

    def fill(self) -> Child:
        """Start the child. Raises OSError."""
        self.restart_at = None
        self.child = self.spawn()
        return self.child

    def lost(self, child: Child, now: float) -> float:
        """The child ended: decide when to start the next one, and return the delay in seconds.

        At once, unless it died before it was ready or within a second of it: then 0.1 s, doubling
        to 5 s, until one has been healthy for 10 s.
        """
        healthy = now - child.ready_at if child.ready_at is not None else -1.0
        if healthy >= RESTART_HEALTHY_SECONDS:
            self._backoff = 0.0
        self.child = None
        self.restarts += 1
        return self.postpone(now) if healthy < RESTART_EARLY_SECONDS else self._schedule(now, 0.0)

    def postpone(self, now: float) -> float:
        """Back off: also after a start that the system refused."""
        doubled = max(self._backoff * 2, RESTART_BACKOFF_SECONDS)
        self._backoff = min(doubled, RESTART_BACKOFF_SECONDS_MAX)
        if self.sockets is not None and self._backoff > RESTART_BACKOFF_SECONDS:
            # The kernel steers new connections to other slots from now on. Not after a single
            # early death: closing resets the connections that wait, and 0.1 s they can wait.
            self.sockets.close()
        return self._schedule(now, self._backoff)

    def _schedule(self, now: float, delay: float) -> float:
        self.restart_at = now + delay
        return delay
