"""Granian on a listening socket that the supervisor owns.

The supervisor keeps the socket open over restarts, so connections that wait in its queue are
served by this process's successor. The embedded server is used with our loop and our signals.
Granian's own logs are switched off: what is worth an event is logged by us, one JSON line each.

Granian cannot stop accepting without stopping, and when it stops, a connection that it accepted in
that moment is dropped unread (2 of 19,000 requests in a rolling reload (m)). So before it is
stopped, its listening descriptor is replaced by that of a socket that nobody knows: from then on
new connections stay in the shared queue for the successor. The shared socket itself must not be
touched, for shutdown(2) would end it for everybody.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from granian import net
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from shared.limits import CONNECTIONS_PER_WORKER, IDLE_CONNECTION_MS, LISTEN_BACKLOG
from worker.http.connections import local_address, open_sockets

_SILENT = {
    "handlers": {"null": {"class": "logging.NullHandler"}},
    "formatters": {},
    "loggers": {
        "_granian": {"handlers": ["null"], "propagate": False},
        "granian.access": {"handlers": ["null"], "propagate": False},
    },
}


class Listener(Server):
    """Serves an ASGI application on an inherited listening socket."""

    def __init__(self, application: Callable[..., Awaitable[None]], descriptor: int) -> None:
        super().__init__(
            application,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=True,
            http1_settings=HTTP1Settings(header_read_timeout=IDLE_CONNECTION_MS),
            backlog=LISTEN_BACKLOG,
            backpressure=CONNECTIONS_PER_WORKER,  # counts connections, not requests
            log_enabled=False,
            log_dictconfig=_SILENT,
            log_access=False,
        )
        self.listening = socket.socket(fileno=descriptor)
        self.listening.setblocking(False)
        self._is_unix = self.listening.family == socket.AF_UNIX
        self.address = local_address(self.listening)

    def _init_shared_socket(self) -> None:
        """Instead of binding: a duplicate of the inherited socket, which granian then owns."""
        holder: Any = net.SocketHolder  # type: ignore[attr-defined] # its stub lacks a constructor
        self._ssp = None
        self._shd = holder(os.dup(self.listening.fileno()), self._is_unix, LISTEN_BACKLOG)

    @property
    def _bind_addr_fmt(self) -> str:
        return str(self.address)

    def stop_accepting(self) -> None:
        """Leave new connections to whoever else has this socket. Accepted ones are served on."""
        shared = os.fstat(self.listening.fileno()).st_ino
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nobody:
            nobody.bind("")  # a name that the kernel picks (unix(7), autobind)
            nobody.setblocking(False)
            nobody.listen(1)
            for descriptor in open_sockets():
                if os.fstat(descriptor).st_ino == shared:
                    os.dup2(nobody.fileno(), descriptor, inheritable=False)


def port_of(descriptor: int) -> int | None:
    """The TCP port of an inherited listening socket; None for a unix socket."""
    with socket.socket(fileno=os.dup(descriptor)) as borrowed:
        address = local_address(borrowed)
    return address if isinstance(address, int) else None
