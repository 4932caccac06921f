"""One member of the crowd: a raw, non-blocking socket, and how far it has read."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Final

from benchmarks.realtime.marks import NOTHING
from benchmarks.realtime.opening import Opening

HOST: Final = "127.0.0.1"
_SLOW_BUFFER_BYTES: Final = 4_096
_NO_LINGER: Final = struct.pack("ii", 1, 0)  # hang up with a reset: it leaves no TIME_WAIT behind


class Member:
    """A client. `heard`: events that it has read.  `own`: their marks, where orders are apart."""

    __slots__ = ("carry", "heard", "opening", "own", "receive_into", "slow", "socket", "wrong")

    def __init__(self, port: int, opening: Opening, *, slow: bool, apart: bool) -> None:
        self.socket = connect(port, slow=slow)
        self.receive_into = self.socket.recv_into
        self.opening: Opening | None = opening
        self.carry = NOTHING
        self.heard = 0
        self.own: list[bytes] | None = [] if apart else None
        self.slow = slow
        self.wrong = False
        self.socket.send(opening.request)

    def hang_up(self) -> None:
        """Without a word, as a client whose network has gone."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.socket.close()


def connect(port: int, *, slow: bool = False) -> socket.socket:
    """A non-blocking connection; a slow one gives the kernel next to no room. Raises OSError."""
    made = socket.socket()
    if slow:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SLOW_BUFFER_BYTES)
    made.connect((HOST, port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setblocking(False)
    return made
