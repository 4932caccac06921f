"""What a transport's task sleeps on until its client has something to send."""

from __future__ import annotations

import asyncio


class Bell:
    """For one who waits. Quicker than an `asyncio.Event`, which keeps a queue of them."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake whoever waits; nothing where nobody does."""
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Until it rings. What it waits for has to be looked at in the same turn before."""
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter
