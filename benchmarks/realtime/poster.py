"""A few keep-alive connections that send the subscriptions of event streams, one at a time each."""

from __future__ import annotations

import contextlib
import selectors
from collections import deque
from collections.abc import Callable
from typing import Final

from benchmarks.realtime.members import connect

_CONNECTIONS: Final = 16
_READ_BYTES: Final = 65_536
Done = Callable[[str], None]
"""Called with why the request was refused; empty when it was not."""


class Poster:
    """Sends requests that are answered by 204, on connections that `poll` reads."""

    def __init__(self, port: int) -> None:
        self._waiting: deque[tuple[bytes, Done]] = deque()
        self._lines = [_Line(port) for _ in range(_CONNECTIONS)]
        self._selector = selectors.DefaultSelector()
        for line in self._lines:
            self._selector.register(line.socket, selectors.EVENT_READ, line)

    def post(self, request: bytes, done: Done) -> None:
        """Send it as soon as a connection is free."""
        self._waiting.append((request, done))
        self.advance()

    def poll(self) -> None:
        """Take whatever answers are there, without waiting."""
        for key, _ in self._selector.select(0):
            key.data.read()
        self.advance()

    def advance(self) -> None:
        """Give free connections something to do."""
        for line in self._lines:
            if line.done is None and self._waiting:
                line.send(*self._waiting.popleft())

    @property
    def busy(self) -> bool:
        """Whether answers are awaited."""
        return any(line.done is not None for line in self._lines)

    def close(self) -> None:
        """Hang up."""
        self._selector.close()
        for line in self._lines:
            line.socket.close()


class _Line:
    """One connection. `done` is set while an answer is awaited."""

    def __init__(self, port: int) -> None:
        self.socket = connect(port)
        self.done: Done | None = None
        self._answer = b""

    def send(self, request: bytes, done: Done) -> None:
        self.done = done
        self._answer = b""
        self.socket.sendall(request)  # small, on a connection that has nothing else to send

    def read(self) -> None:
        """Take an answer, whose body matters only when it is a refusal."""
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(_READ_BYTES)
            self._answer += data
            if (not data or b"\r\n\r\n" in self._answer) and self.done is not None:
                done, self.done = self.done, None
                done("" if b" 204 " in self._answer[:32] else self._answer.decode(errors="replace"))
