"""What came over each connection, and how large this process is, asked of the kernel.

Used when something looks wrong, never for a request. Where there is no /proc, nothing is known.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import Final

from worker.http.connections import open_sockets

_MEMORY: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TCP_INFO_BYTES: Final = 136
_RECEIVED_AT: Final = 128  # tcpi_bytes_received of struct tcp_info, Linux 4.1 and later


def received_bytes() -> dict[tuple[str, int], int]:
    """What the kernel has taken from each TCP peer, by its host and port, since it connected."""
    found: dict[tuple[str, int], int] = {}
    for descriptor in open_sockets():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as borrowed:
            if borrowed.family == socket.AF_UNIX:
                continue
            host, port = borrowed.getpeername()[:2]
            info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
            if len(info) == _TCP_INFO_BYTES:
                (found[host, port],) = struct.unpack_from("=Q", info, _RECEIVED_AT)
    return found


def resident_bytes() -> int:
    """Memory of this process; 0 where nobody tells."""
    if not _MEMORY.exists():
        return 0
    return int(_MEMORY.read_text().split()[1]) * _PAGE_BYTES
