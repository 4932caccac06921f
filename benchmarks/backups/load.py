"""Creators that never stop, and what each of their requests took."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import httpx

_PATH: Final = "/api/collections/notes/records"
_TEXT: Final = "x" * 400


@dataclass
class Load:
    """`answers`: (when it was answered, seconds that it took), both by time.monotonic()."""

    url: str
    creators: int
    answers: list[tuple[float, float]] = field(default_factory=list)
    failures: list[float] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> None:
        """Create until told to stop."""
        limits = httpx.Limits(max_connections=self.creators)
        async with httpx.AsyncClient(base_url=self.url, timeout=60, limits=limits) as client:
            await asyncio.gather(*(self._create(client, stop) for _ in range(self.creators)))

    async def _create(self, client: httpx.AsyncClient, stop: asyncio.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            try:
                reply = await client.post(_PATH, json={"text": _TEXT})
            except httpx.HTTPError:
                self.failures.append(time.monotonic())
                await asyncio.sleep(0.02)
                continue
            ended = time.monotonic()
            if reply.status_code == 200:
                self.answers.append((ended, ended - began))
            else:
                self.failures.append(ended)

    def between(self, begin: float, end: float) -> tuple[float, float, float]:
        """Creates a second, and the p50 and p99 of their milliseconds, in that time."""
        took = sorted(seconds for at, seconds in self.answers if begin <= at < end)
        if not took:
            return 0.0, 0.0, 0.0
        rate = len(took) / (end - begin)
        return rate, took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000

    def longest_silence(self, begin: float, end: float) -> float:
        """Seconds between two answers, at most, in that time."""
        times = [begin, *sorted(at for at, _ in self.answers if begin <= at < end), end]
        return max(later - earlier for earlier, later in pairwise(times))


@contextlib.asynccontextmanager
async def loaded(load: Load) -> AsyncIterator[None]:
    """The creators run within the block."""
    stop = asyncio.Event()
    running = asyncio.create_task(load.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
