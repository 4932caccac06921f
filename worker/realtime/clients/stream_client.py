"""A client of a stream of server-sent events, whose transport asks for chunks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from shared.limits import (
    CLIENT_AGE_SECONDS,
    CLIENT_CHUNK_BYTES,
    CLIENT_CLOSE_SECONDS,
    CLIENT_IDLE_SECONDS,
)
from worker.realtime.clients.bell import Bell
from worker.realtime.clients.client import Admission, Client
from worker.realtime.reasons import AGE, IDLE


class StreamClient(Client):
    """Whoever listens over a stream of events."""

    def __init__(self, admission: Admission) -> None:
        self._bell = Bell()
        self._task: asyncio.Task[object] | None = None
        super().__init__(admission)

    def closing(self, reason: str) -> None:
        """A peer that does not read is not waited for."""
        del reason
        if self._task is not None:
            asyncio.get_running_loop().call_later(CLIENT_CLOSE_SECONDS, self._cut)

    def _cut(self) -> None:
        """The stream is still sending what it was told to end with: the peer does not read."""
        if self._task is not None:
            self._task.cancel()

    def tick(self, now: float, position: str) -> None:
        """As the dialect wants it, old and silent streams end as well."""
        if now - self.opened_at >= CLIENT_AGE_SECONDS:
            self.close(AGE)
        elif now - self.spoke_at >= CLIENT_IDLE_SECONDS:
            self.close(IDLE)
        else:
            super().tick(now, position)

    def wake(self) -> None:
        """Let the stream go on."""
        self._bell.ring()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The stream's body: whatever has gathered, joined, until the client is closed."""
        self._task = asyncio.current_task()
        try:
            while self._queue or not self._closed:
                if self._queue:
                    yield self._take()
                else:
                    await self._bell.wait()
        finally:
            self._task = None
            self.abandon()

    def _take(self) -> bytes:
        """Up to CLIENT_CHUNK_BYTES of queued events, and never less than one."""
        queue = self._queue
        prefix, rest = queue.popleft()
        taken, size, spoke = [prefix, rest], len(rest), bool(prefix)
        while queue and size < CLIENT_CHUNK_BYTES:
            prefix, rest = queue.popleft()
            taken.append(prefix)
            taken.append(rest)
            size += len(rest)
            spoke = spoke or bool(prefix)
        self._bytes -= size
        self.heard_at = time.monotonic()
        if spoke:  # what is the client's own alone, such as a heartbeat, has no prefix
            self.spoke_at = self.heard_at
        self._make_room()
        return b"".join(taken)
