"""Hashing and verifying passwords off the event loop, in a small pool with a bounded queue.

Argon2 releases the GIL, so two threads keep the loop free; a flood of logins fills the queue and
is refused at once instead of delaying everybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shared import passwords
from shared.errors import Kind, QuillError
from shared.limits import PASSWORD_THREADS, PASSWORDS_WAITING_MAX
from worker.auth.turns import LoginTurns

T = TypeVar("T")
_RETRY_SECONDS = 1.0


class PasswordPool:
    """The threads of one worker for Argon2. Starts none before the first call."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(PASSWORD_THREADS, thread_name_prefix="password")
        self._waiting = 0
        self.turns = LoginTurns()

    async def hash(self, password: str) -> str:
        """A salted hash. Raises UNAVAILABLE when the queue is full."""
        return await self._call(passwords.hash_password, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` is the one behind `stored`; where there is none, it takes as long.

        Raises UNAVAILABLE when the queue is full.
        """
        known = stored or passwords.UNKNOWN_USER_HASH
        matches = await self._call(passwords.verify_password, known, password)
        return matches and bool(stored)

    async def renew(self, stored: str, password: str) -> str | None:
        """A hash of today's kind where `stored` is of an older one, else None."""
        return await self.hash(password) if passwords.needs_rehash(stored) else None

    def close(self) -> None:
        """Drop what waits; running calls end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= PASSWORDS_WAITING_MAX:
            raise QuillError(
                Kind.UNAVAILABLE,
                "Too many logins are waiting.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1
