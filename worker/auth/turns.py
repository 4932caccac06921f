"""Turns: logins of one identity pass one after another within a worker.

The lockout counts attempts before they are verified. Without turns, many clients who know the
password and log in at the same moment would use up each other's attempts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.errors import Kind, QuillError
from shared.limits import PASSWORDS_WAITING_MAX


class LoginTurns:
    """Lets the logins of one identity pass one after another within this worker."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Wait for the turn of `key`. Raises UNAVAILABLE when too many wait."""
        if self._waiting >= PASSWORDS_WAITING_MAX:
            raise QuillError(
                Kind.UNAVAILABLE, "Too many logins are waiting.", retry_after_seconds=1
            )
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = lock, users + 1
        self._waiting += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting -= 1
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = lock, users - 1
