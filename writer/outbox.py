"""The way back: what a batch thread has decided, until the inbox thread sends it.

Sockets belong to one thread, so results and notices pass through here, with an eventfd to wake the
sender up. One entry a commit: replies first, then the notice.
"""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass

from shared.messages.changes import CommitNotice


@dataclass(slots=True)
class Outgoing:
    """Encoded replies by connection, then the notice of the commit, if it changed any row."""

    replies: list[tuple[bytes, bytes]]
    notice: CommitNotice | None = None


class Outbox:
    """A queue into the inbox thread. Any thread may put; one takes.

    `descriptor` becomes readable with each signal and is never read: watch it edge-triggered.
    """

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._waiting: deque[Outgoing] = deque()
        self._woken = False

    def put(self, outgoing: Outgoing) -> None:
        """Hand over and wake the inbox thread."""
        self._waiting.append(outgoing)
        if not self._woken:  # else the taker has not begun to look yet, and will find this too
            self.wake()

    def wake(self) -> None:
        """Make the inbox thread look around. Also safe in a signal handler."""
        self._woken = True
        os.eventfd_write(self.descriptor, 1)

    def take(self) -> list[Outgoing]:
        """Everything that waits, oldest first."""
        self._woken = False  # before looking: what is put from now on signals anew
        waiting = self._waiting
        return [waiting.popleft() for _ in range(len(waiting))]
