"""Signals of the supervisor: handlers only record; the loop takes them out and acts."""

from __future__ import annotations

import selectors
import signal
import socket
from collections import deque
from types import FrameType


class SignalInbox:
    """Records signals and wakes the loop; puts the old handlers back at the end."""

    _NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._inbox: deque[signal.Signals] = deque()
        self._selector = selector

    def take(self) -> signal.Signals | None:
        """The oldest that is not acted on yet; SIGCHLD only wakes."""
        return self._inbox.popleft() if self._inbox else None

    def __enter__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._selector.register(self._ours, selectors.EVENT_READ)
        self._wakeup = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._record) for number in self._NUMBERS}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._ours.close()
        self._theirs.close()

    def _record(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._inbox.append(signal.Signals(number))
