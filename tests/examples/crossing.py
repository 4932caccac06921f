"""A proxy that sends an SDK's stream to one worker and its requests to another.

The kernel spreads connections over the workers as it likes; a test of what happens between two
workers must not be left to that. It speaks to the unix sockets of `--uds-dir`, one connection a
request.
"""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_STREAM = b"GET /api/realtime"
_CHUNK = 65_536


class Crossing:
    """Listens on a free loopback port: streams go to `w0.sock`, all else to `w1.sock`."""

    def __init__(self, uds_directory: Path) -> None:
        self._stream = uds_directory / "w0.sock"
        self._other = uds_directory / "w1.sock"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.streams = 0
        self.requests = 0

    @property
    def url(self) -> str:
        """Where the SDK connects."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for each in (self._listener, *self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:  # ended by the other side
                continue
        for thread in self._threads:
            thread.join(10)
        for each in (self._listener, *self._open):
            each.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            self._open.append(caller)
            self._start(self._carry, caller)

    def _carry(self, caller: socket.socket) -> None:
        """One request: its head decides where to, and asks that the connection end after it."""
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = caller.recv(_CHUNK)
            if not chunk:
                return
            head += chunk
        streams = head.startswith(_STREAM)
        self.streams += streams
        self.requests += not streams
        worker = socket.socket(socket.AF_UNIX)
        self._open.append(worker)
        worker.connect(str(self._stream if streams else self._other))
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")
        ]
        worker.sendall(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]))
        self._start(_pump, caller, worker)
        _pump(worker, caller)


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Carry bytes until one side ends, and tell the other."""
    try:
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # the other side hung up first
        return
