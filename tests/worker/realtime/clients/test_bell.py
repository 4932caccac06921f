"""The bell: who waits is woken once, and nobody has to."""

from __future__ import annotations

import asyncio

from worker.realtime.clients.bell import Bell


def test_it_wakes_who_waits() -> None:
    """Not before it rings, and not by an earlier ring."""

    async def scenario() -> list[bool]:
        bell = Bell()
        bell.ring()
        waiting = asyncio.ensure_future(bell.wait())
        await asyncio.sleep(0)
        before = waiting.done()
        bell.ring()
        bell.ring()
        await asyncio.wait_for(waiting, 1)
        return [before, waiting.done()]

    assert asyncio.run(scenario()) == [False, True]


def test_it_rings_for_one_who_has_gone() -> None:
    """A task that was cancelled while it waited is no matter."""

    async def scenario() -> bool:
        bell = Bell()
        waiting = asyncio.ensure_future(bell.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        bell.ring()
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert asyncio.run(scenario())
