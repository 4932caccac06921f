"""The listening sockets, owned by the supervisor: TCP and unix sockets, for each slot its own.

A slot listens on every TCP address of the cluster: that of HTTP and, where it is set, the second
port of realtime.

Because they outlive a worker, connections that wait in the queue of a dead or rolled worker are
served by its successor. A slot in backoff closes its sockets, and the kernel steers elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from cluster.refusal import Refusal
from shared.limits import LISTEN_BACKLOG

REALTIME_PATH = "/api/realtime/ws"
_UNIX_MODE = 0o660


class ListenAddress:
    """The TCP address of this cluster, held so that no other cluster shares it in silence."""

    def __init__(self, host: str, port: int) -> None:
        self.family, self._address = _resolve(host, port)
        self.host = host
        self._probe()
        self._holder = self._bind()
        self._address = (self._address[0], self._holder.getsockname()[1])
        # SO_REUSEPORT alone from now on: a plain bind by somebody else fails even while every
        # slot is in backoff and nothing listens.
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    @property
    def port(self) -> int:
        """The port that was really bound."""
        return self._address[1]

    @property
    def url(self) -> str:
        """Where a browser on this machine finds us."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def websocket_url(self) -> str:
        """The same place, as a WebSocket client writes it."""
        return self.url.replace("http", "ws", 1) + REALTIME_PATH

    def listen(self) -> socket.socket:
        """One more listening socket on the address. Raises OSError."""
        listener = self._bind()
        listener.listen(LISTEN_BACKLOG)
        listener.setblocking(False)
        return listener

    def close(self) -> None:
        """Let go of the address."""
        self._holder.close()

    def _probe(self) -> None:
        """SO_REUSEPORT would let a second cluster steal requests: first listen without it."""
        with _socket(self.family) as probe:
            try:
                probe.bind(self._address)
                probe.listen(1)
            except OSError as error:
                host, port = self._address
                raise Refusal(f"Port {port} on {host} cannot be used: {error.strerror}.") from None

    def _bind(self) -> socket.socket:
        bound = _socket(self.family)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            bound.bind(self._address)
        except OSError:
            bound.close()
            raise
        return bound


class Addresses:
    """All TCP addresses of the cluster: `main` for HTTP, `realtime` where it has a port."""

    def __init__(self, host: str, port: int, realtime_port: int | None) -> None:
        """Take them. Raises Refusal, and then holds none."""
        self.main = ListenAddress(host, port)
        self.realtime: ListenAddress | None = None
        if realtime_port is not None:
            try:
                self.realtime = ListenAddress(host, realtime_port)
            except Refusal:
                self.main.close()
                raise

    @property
    def all(self) -> tuple[ListenAddress, ...]:
        """Those that every slot listens on."""
        return (self.main,) if self.realtime is None else (self.main, self.realtime)

    @property
    def url(self) -> str:
        """Where a browser on this machine finds us."""
        return self.main.url

    @property
    def realtime_url(self) -> str:
        """Where a WebSocket client finds the second port; "" without one."""
        return "" if self.realtime is None else self.realtime.websocket_url

    def close(self) -> None:
        """Let go of all of them."""
        for address in self.all:
            address.close()


class SlotSockets:
    """The listening sockets of one slot: TCP and, with `--uds-dir`, a unix socket."""

    def __init__(self, addresses: Sequence[ListenAddress], slot: int, uds_directory: str) -> None:
        self._addresses = addresses
        self._path = Path(uds_directory) / f"w{slot}.sock" if uds_directory else None
        self._open: list[socket.socket] = []

    def open(self) -> None:
        """Listen, unless it does already. Raises OSError."""
        if self._open:
            return
        try:
            for address in self._addresses:
                self._open.append(address.listen())
            if self._path is not None:
                self._open.append(_listen_unix(self._path))
        except OSError:
            self.close()
            raise

    def descriptors(self) -> tuple[int, ...]:
        """What the slot's worker inherits."""
        return tuple(listener.fileno() for listener in self._open)

    def close(self) -> None:
        """Stop listening, as far as this process goes."""
        while self._open:
            self._open.pop().close()

    def remove(self) -> None:
        """At the very end: close, and remove the path."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def prepare_unix_directory(directory: str) -> None:
    """Make the folder of the unix sockets. Raises Refusal."""
    if not directory:
        return
    try:
        Path(directory).mkdir(mode=0o755, parents=True, exist_ok=True)
        if not os.access(directory, os.W_OK | os.X_OK):
            raise Refusal(f"The folder {directory} for unix sockets is not writable.")
    except OSError as error:
        raise Refusal(f"The folder {directory} cannot be made: {error.strerror}.") from error


def _listen_unix(path: Path) -> socket.socket:
    """Listen on a path made anew under another name and renamed, so that clients see no gap."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_name(path.name + ".new")
    try:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        listener.bind(str(fresh))
        fresh.chmod(_UNIX_MODE)
        listener.listen(LISTEN_BACKLOG)
        listener.setblocking(False)
        fresh.rename(path)
    except OSError:
        listener.close()
        raise
    return listener


def _socket(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    return made


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Refusal(f"The host {host} has no address: {error.strerror}.") from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, (str(address[0]), int(address[1]))
