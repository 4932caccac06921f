"""Rows that would take minutes over HTTP, as plans through the writer's own link."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson

from benchmarks.target import TargetError
from cluster.depot import read_holder
from shared.messages.commands import Status
from shared.run_directory import RunDirectory
from shared.sql.plan import Plan, run
from shared.status_page import StatusPage
from worker.engine.writer_link import WriterLink

_ROWS_A_STATEMENT: Final = 2_000
_IN_FLIGHT: Final = 4
_SECONDS: Final = 30.0


def insert(depot: Path, sql: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Run `sql`, whose one parameter is a JSON list of rows, for all of them, a few at a time.

    The cluster that holds the depot must run. Raises TargetError at the first refusal.
    """
    asyncio.run(_insert(depot, sql, rows))


async def _insert(depot: Path, sql: str, rows: Iterable[tuple[str, ...]]) -> None:
    holder = read_holder(depot)
    if holder is None:
        raise TargetError("no writer holds the depot")
    directory = RunDirectory(Path(holder.run_directory))
    version = StatusPage.open(directory.status_page).database().catalog_version
    link = WriterLink(directory.writer, secrets.randbits(63))
    link.start()
    left = iter(rows)

    async def lane() -> None:
        while chunk := list(itertools.islice(left, _ROWS_A_STATEMENT)):
            plan = Plan(version, (run(sql, (orjson.dumps(chunk).decode(),)),))
            result = await link.submit(plan, request_id="bench", deadline_seconds=_SECONDS)
            if result.status is not Status.OK:
                raise TargetError(f"{sql}: {result.status.name} {result.payload!r}")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_IN_FLIGHT):
                group.create_task(lane())
    except* TargetError as found:
        raise TargetError(str(found.exceptions[0])) from found
    finally:
        link.close()
