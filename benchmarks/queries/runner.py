"""Sends a query one at a time, then ten at a time, and tells what that cost.

A server may keep a total until the next write. So a list with a total is asked one at a time only
right after a write to another collection, and those times, which hold the whole work, are what is
limited and compared. Ten at a time nothing is written, so there what is kept helps, as in life.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.connection import Answer, Connection
from benchmarks.processes import cpu_microseconds
from benchmarks.queries.scenario import Query
from benchmarks.queries.schema import TICK
from benchmarks.target import TargetError

CONCURRENCY: Final = 10
_ALONE_MIN: Final = 10
_ALONE_MAX: Final = 300


@dataclass(frozen=True)
class Figures:
    """One line of figures. Times in milliseconds, CPU in µs a request over all server processes."""

    name: str
    title: str
    alone: int
    p50_ms: float
    p95_ms: float
    together: int
    rate: float
    cpu_us: float
    limit_ms: float | None
    published_ms: float | None
    published_cgo_ms: float | None
    must_be_faster: float | None
    counts: bool = False
    """A list with a total: each request alone came right after a write."""

    @property
    def per_request_ms(self) -> float:
        """What is compared with a published total by request: see above, else the concurrent run."""
        return self.p50_ms if self.counts else 1000 / self.rate

    @property
    def faster(self) -> float | None:
        """How many times faster than the published figure."""
        return None if self.published_ms is None else self.published_ms / self.per_request_ms

    @property
    def broken(self) -> str:
        """Which limit does not hold, or nothing."""
        if self.limit_ms is not None and self.p50_ms > self.limit_ms:
            return f"{self.name}: p50 is {self.p50_ms:.1f} ms, above {self.limit_ms:.0f}"
        if self.must_be_faster and self.faster is not None and self.faster < self.must_be_faster:
            return f"{self.name}: {self.faster:.0f} times faster, not {self.must_be_faster:.0f}"
        return ""


class _Numbers:
    """The numbers of the requests of one query, each given once."""

    def __init__(self) -> None:
        self._next = itertools.count()

    def take(self, count: int | None) -> Iterator[int]:
        """The next `count`, or all that are asked for."""
        return self._next if count is None else itertools.islice(self._next, count)


def measure(query: Query, base_url: str, pids: Callable[[], list[int]], seconds: float) -> Figures:
    """Both runs. Raises TargetError at an answer that is not the real thing."""
    try:
        return asyncio.run(_measure(query, base_url, pids, seconds))
    except* (OSError, asyncio.IncompleteReadError, TargetError) as group:
        raise TargetError(f"{query.name}: {group.exceptions[0]}") from group


async def _measure(
    query: Query, base_url: str, pids: Callable[[], list[int]], seconds: float
) -> Figures:
    numbers = _Numbers()
    alone = await _alone(query, base_url, numbers, seconds)
    before, started = cpu_microseconds(pids()), time.monotonic()
    together = await _together(query, base_url, numbers, seconds)
    spent = time.monotonic() - started
    cpu = cpu_microseconds(pids()) - before
    published = query.published
    return Figures(
        name=query.name,
        title=query.title,
        alone=len(alone),
        p50_ms=statistics.median(alone),
        p95_ms=statistics.quantiles(alone, n=20, method="inclusive")[-1],
        together=together,
        rate=together / spent,
        cpu_us=cpu / together,
        limit_ms=query.limit_ms,
        published_ms=published.pure_go_ms if published else None,
        published_cgo_ms=published.cgo_ms if published else None,
        must_be_faster=query.must_be_faster,
        counts=query.counts,
    )


async def _alone(query: Query, base_url: str, numbers: _Numbers, seconds: float) -> list[float]:
    """Milliseconds of each request, one after the other, after two that only warm up."""
    taken: list[float] = []
    ends = time.monotonic() + seconds
    async with Connection(base_url) as connection:
        if query.rounds.alone is None:
            for number in numbers.take(2):
                _judge(query, await connection.send(query.send(number)))
        for number in numbers.take(query.rounds.alone or _ALONE_MAX):
            request = query.send(number)
            if query.counts:
                await connection.send(TICK)
            started = time.perf_counter()
            answer = await connection.send(request)
            taken.append((time.perf_counter() - started) * 1000)
            if not answer.ok or len(taken) == 1:
                _judge(query, answer)
            enough = query.rounds.alone is None and len(taken) >= _ALONE_MIN
            if enough and time.monotonic() > ends:
                break
    return taken


async def _together(query: Query, base_url: str, numbers: _Numbers, seconds: float) -> int:
    """How many requests ten connections had answered."""
    waiting = numbers.take(query.rounds.together)
    ends = time.monotonic() + seconds if query.rounds.together is None else float("inf")

    async def lane() -> int:
        done = 0
        async with Connection(base_url) as connection:
            for number in waiting:
                answer = await connection.send(query.send(number))
                if not answer.ok:
                    _judge(query, answer)
                done += 1
                if time.monotonic() > ends:
                    break
        return done

    async with asyncio.TaskGroup() as group:
        lanes = [group.create_task(lane()) for _ in range(CONCURRENCY)]
    return sum(task.result() for task in lanes)


def _judge(query: Query, answer: Answer) -> None:
    if not answer.ok:
        raise TargetError(f"{answer.status} {answer.body[:300]!r}")
    if complaint := query.check(answer):
        raise TargetError(complaint)
