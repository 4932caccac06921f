"""Other people's requests while an import runs: lists and creates at a steady rate, each one timed.

The rate is fixed, and a request's time counts from the moment at which it was due: one that had to
wait its turn behind a slow one was slow, too.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from benchmarks.connection import Connection, Request

READ: Final = "list"
CREATE: Final = "create"


class Bystanders:
    """Times in seconds, by kind. `failed`: answers that were none."""

    def __init__(self, base_url: str, collection: str, per_second: float) -> None:
        self._base_url = base_url
        path = f"/api/collections/{collection}/records"
        self._requests = {
            READ: Request("GET", f"{path}?perPage=30&sort=-n"),
            CREATE: Request("POST", path, b'{"title":"one of many","n":5}'),
        }
        self._pause = 1 / per_second
        self.times: dict[str, list[float]] = {READ: [], CREATE: []}
        self.failed = dict.fromkeys(self._requests, 0)

    async def run(self, over: asyncio.Event, connections: int) -> None:
        """Ask until `over`, by so many connections of each kind."""
        async with asyncio.TaskGroup() as group:
            for kind in self._requests:
                for _ in range(connections):
                    group.create_task(self._ask(kind, over, self._pause * connections))

    async def _ask(self, kind: str, over: asyncio.Event, pause: float) -> None:
        async with Connection(self._base_url) as connection:
            due = time.monotonic()
            while not over.is_set():
                answer = await connection.send(self._requests[kind])
                self.times[kind].append(time.monotonic() - due)
                self.failed[kind] += not answer.ok
                due += pause
                await asyncio.sleep(max(0.0, due - time.monotonic()))


def percentile(times: list[float], share: float) -> float:
    """The time that so many of the requests do not exceed, in milliseconds; 0 of none."""
    if not times:
        return 0.0
    ranked = sorted(times)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] * 1000
