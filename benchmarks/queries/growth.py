"""An indexed list must cost the same over a million rows as over ten thousand.

Both tables are in one database and are asked in turn, so that what disturbs one disturbs the other.
Each author has a hundred notes in both: only the rows that nobody asked for differ. A million rows
over HTTP would take minutes, so they come as plans through the writer's own link, each statement
making rows from a JSON list, captured and logged like any write.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import orjson

from benchmarks.connection import Connection, Request
from benchmarks.plans import insert
from benchmarks.target import TargetError

RATIO_MAX: Final = 1.3
AUTHOR_ROWS: Final = 100
_REQUESTS_A_ROUND: Final = 100
_ROUNDS: Final = 9
_SECONDS: Final = 30.0
_INSERT: Final = (
    "INSERT INTO {table} (id, text, author, created) SELECT value->>0, value->>1, value->>2,"
    " value->>3 FROM json_each(?)"
)


@dataclass(frozen=True)
class Growth:
    """Medians of one list over both tables, in milliseconds."""

    title: str
    small_rows: int
    large_rows: int
    small_ms: float
    large_ms: float

    @property
    def ratio(self) -> float:
        """How much more the large table costs."""
        return self.large_ms / self.small_ms

    @property
    def broken(self) -> str:
        """Which limit does not hold, or nothing."""
        if self.ratio <= RATIO_MAX:
            return ""
        return f"{self.title}: {self.ratio:.2f} times the time at {self.large_rows:,} rows"


def measure(
    base_url: str, depot: Path, token: str, rows: tuple[int, int], say: Callable[[str], None]
) -> list[Growth]:
    """Fill two collections and ask both. Raises TargetError."""
    tables = tuple(f"notes_{count}" for count in rows)
    for table, count in zip(tables, rows, strict=True):
        _make_collection(base_url, token, table)
        started = time.monotonic()
        insert(depot, _INSERT.format(table=table), _rows(count))
        say(f"{table}: filled in {time.monotonic() - started:.1f} s")
    of_author = quote(f"author = '{_author(0)}'")
    author = f"filter={of_author}&sort=-created&perPage=30"
    queries = {
        "list, filter author = X, sort -created, total": (author, AUTHOR_ROWS),
        "list, sort -created, skipTotal": ("sort=-created&perPage=30&skipTotal=1", -1),
    }
    return [
        asyncio.run(_compare(title, query, total, base_url, tables, rows))
        for title, (query, total) in queries.items()
    ]


def _make_collection(base_url: str, token: str, name: str) -> None:
    definition = {
        "name": name,
        "type": "base",
        "listRule": "",
        "fields": [
            {"name": "text", "type": "text"},
            {"name": "author", "type": "text"},
            {"name": "created", "type": "autodate", "onCreate": True},
        ],
        "indexes": [
            f"CREATE INDEX `{name}_created` ON `{name}` (`created`)",
            f"CREATE INDEX `{name}_author` ON `{name}` (`author`, `created`)",
        ],
    }
    answer = httpx.post(
        f"{base_url}/api/collections",
        json=definition,
        headers={"Authorization": token},
        timeout=_SECONDS,
    )
    if not answer.is_success:
        raise TargetError(f"collection {name}: {answer.status_code} {answer.text}")


def _author(number: int) -> str:
    return f"a{number:014}"


def _rows(count: int) -> Iterator[tuple[str, str, str, str]]:
    """Every author's notes are spread over the whole time."""
    authors = max(1, count // AUTHOR_ROWS)
    for number in range(count):
        second = number * 7919 % 86_400
        day = number * 31 % 28 + 1
        created = (
            f"2026-{number % 12 + 1:02}-{day:02} {second // 3600:02}:{second // 60 % 60:02}"
            f":{second % 60:02}.{number % 1000:03}Z"
        )
        yield f"n{number:014}", f"note {number}", _author(number % authors), created


async def _compare(
    title: str,
    query: str,
    total: int,
    base_url: str,
    tables: tuple[str, ...],
    rows: tuple[int, int],
) -> Growth:
    """Rounds over both tables in turn; medians of all requests."""
    taken: list[list[float]] = [[], []]
    async with Connection(base_url) as connection:
        for number in range(_ROUNDS * 2):
            here = number % 2
            request = Request("GET", f"/api/collections/{tables[here]}/records?{query}")
            taken[here] += await _round(connection, request, total)
    small, large = (statistics.median(each) for each in taken)
    return Growth(title, *rows, small, large)


async def _round(connection: Connection, request: Request, total: int) -> list[float]:
    answer = await connection.send(request)
    page = orjson.loads(answer.body) if answer.ok else {}
    if page.get("totalItems") != total or len(page["items"]) != 30:
        raise TargetError(f"{request.path}: {answer.status} {answer.body[:300]!r}")
    taken = []
    for _ in range(_REQUESTS_A_ROUND):
        started = time.perf_counter()
        await connection.send(request)
        taken.append((time.perf_counter() - started) * 1000)
    return taken
