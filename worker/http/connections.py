"""The sockets of this process, asked of the kernel: granian does not tell who is connected.

Used a few times while a worker drains, or for peers that are stuck, never for a request. Where
there is no /proc, no socket is seen, and a drain takes its full time.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
Address = int | str | bytes
"""A TCP port, or the path of a unix socket."""
End = tuple[str, str | int] | None
"""Host and port of one end of a connection, as ASGI tells it; None for a unix socket."""


def open_sockets() -> Iterator[int]:
    """Descriptors of all sockets of this process."""
    if not _DESCRIPTORS.is_dir():
        return
    for entry in list(_DESCRIPTORS.iterdir()):
        with contextlib.suppress(OSError):  # closed meanwhile
            if stat.S_ISSOCK(os.fstat(int(entry.name)).st_mode):
                yield int(entry.name)


def local_address(local: socket.socket) -> Address:
    """What this end of a socket is bound to."""
    address = local.getsockname()
    name: Address = address[1] if isinstance(address, tuple) else address
    return name


def count_connections(addresses: Collection[Address]) -> int | None:
    """Open connections that were accepted at these addresses; None when nobody can tell."""
    if not _DESCRIPTORS.is_dir():
        return None
    return sum(_is_accepted(descriptor, addresses) for descriptor in open_sockets())


def _is_accepted(descriptor: int, addresses: Collection[Address]) -> bool:
    """Bound to one of the addresses, and with another end."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as borrowed:
        if local_address(borrowed) in addresses:
            borrowed.getpeername()
            return True
    return False


def cut_connection(peer: End, here: End) -> bool:
    """Shut an accepted TCP connection down, told by its two ends. False when there is none."""
    if not peer or not here or not _DESCRIPTORS.is_dir():
        return False
    ends = (str(peer[0]), int(peer[1]), int(here[1]))
    for descriptor in open_sockets():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as borrowed:
            if borrowed.family == socket.AF_UNIX:
                continue
            host, port = borrowed.getpeername()[:2]
            if (host, port, borrowed.getsockname()[1]) == ends:
                borrowed.shutdown(socket.SHUT_RDWR)
                return True
    return False
