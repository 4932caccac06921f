"""Looks for clients of the main port that make its server hold memory without bound.

Granian answers pings by itself, and where a peer does not read, it keeps the pongs: 200 MB of pings
made 200 MB of memory (m). It joins fragments up to 64 MiB, too, before it hands a message over. It
tells nothing of either. But the kernel counts what came from each peer, so whoever sent far more
than was handed over is known, and is cut. Looking costs a pass over all sockets, so that is done
only when the process has grown for no other reason that we know.

Over a unix socket the kernel counts nothing. A proxy there should lead to the second port, which
holds such peers back by itself.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from shared.limits import (
    SOCKET_GROWTH_BYTES,
    SOCKET_RESIDENT_BYTES,
    SOCKET_UNSEEN_BYTES_MAX,
    SOCKET_WATCH_SECONDS,
)
from shared.logs import get_logger
from worker.http.connections import End
from worker.http.traffic import received_bytes, resident_bytes

_log = get_logger()


class Watched(Protocol):
    """A client.

    `ends`: the addresses of its connection, the peer's first.  `seen`: bytes of messages that were
    handed over, their frames included.  `excused`: what it had sent beyond that at the last look.
    """

    ends: tuple[End, End]
    seen: int
    excused: int

    def cut(self) -> None:
        """End its connection."""


class Watch:
    """The clients that are watched, and how large the process was when all was well."""

    def __init__(self) -> None:
        self._clients: set[Watched] = set()
        self._calm = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, client: Watched) -> None:
        """Begin to watch a client."""
        self._clients.add(client)
        if self._timer is None:
            self._calm = self._unexplained()
            self._wait()

    def remove(self, client: Watched) -> None:
        """It has gone."""
        self._clients.discard(client)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SOCKET_WATCH_SECONDS, self._look)

    def _unexplained(self) -> int:
        return resident_bytes() - len(self._clients) * SOCKET_RESIDENT_BYTES

    def _look(self) -> None:
        self._timer = None
        if not self._clients:
            return
        now = self._unexplained()
        self._calm = min(self._calm, now)
        if now > self._calm + SOCKET_GROWTH_BYTES:
            self._calm = now
            self._cut_flooders()
        self._wait()

    def _cut_flooders(self) -> None:
        received = received_bytes()
        for client in list(self._clients):
            peer = client.ends[0]
            if not peer:
                continue
            unseen = received.get((str(peer[0]), int(peer[1])), 0) - client.seen
            if unseen - client.excused > SOCKET_UNSEEN_BYTES_MAX:
                _log.warning("realtime client floods its connection", unseen_bytes=unseen)
                client.cut()
            client.excused = max(unseen, 0)
