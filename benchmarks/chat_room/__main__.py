"""`make bench-chat`: inserts and reads of a chat room's messages by one member, 64 at a time."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import quill_target, wrk
from benchmarks.__main__ import RESULTS
from benchmarks.chat_room import depot
from benchmarks.chat_room.rounds import Load, Round
from benchmarks.report import machine, markdown_row, store, versions
from benchmarks.target import TargetError

_INSERT_CPU_US: Final = 160.0
_READ_CPU_US: Final = 90.0
_IDS: Final = 10_000
_WARM_UP: Final = 1_000
_MIB: Final = 1024 * 1024
_HEAD: Final = (
    "what", "requests", "seconds", "requests/s", "p50 ms", "p75", "p90", "p95", "p99",
    "errors", "CPU µs a request", "PSS MB",
)  # fmt: skip


def main(
    *,
    inserts: Annotated[int, typer.Option(min=1_000, help="Messages that are written.")] = 100_000,
    reads: Annotated[int, typer.Option(min=1_000, help="Messages that are read.")] = 1_000_000,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster.")] = 2,
    connections: Annotated[int, typer.Option(min=2, help="Requests at once.")] = 64,
    without_limits: Annotated[bool, typer.Option(help="A broken limit does not matter.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print the table, and write it to the results folder."""
    console = Console(width=160)
    host = machine()
    try:
        rounds = _run(inserts, reads, workers, connections)
    except (TargetError, wrk.WrkError) as error:
        console.print(f"[red]{error}", highlight=False)
        raise typer.Exit(1) from error
    table = Table(*_HEAD, title="A chat room")
    for one in rounds:
        table.add_row(*_cells(one))
    console.print(table)
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    figures = {
        "date": date, "machine": host, "versions": versions(), "workers": workers,
        "connections": connections, "rounds": [dataclasses.asdict(one) for one in rounds],
    }  # fmt: skip
    page = _page(date, host, workers, connections, rounds)
    console.print(
        f"Written to {store(output, date, f'chat-room-{workers}-workers', figures, page)}"
    )
    broken = _broken(rounds)
    for line in broken:
        console.print(f"[red]{line}", highlight=False)
    if broken and not without_limits:
        raise typer.Exit(1)


def _run(inserts: int, reads: int, workers: int, connections: int) -> list[Round]:
    with tempfile.TemporaryDirectory(prefix="bench-chat-") as name:
        folder = Path(name)
        place = folder / "depot"
        depot.make(place)
        with quill_target.cluster(place, workers) as target:
            depot.add_member(place)
            headers = depot.login(target.base_url)
            load = Load(target.base_url, headers, folder, connections)
            body = json.dumps(
                {"room": depot.ROOM, "data": "a message of some forty letters, or so"}
            )
            load.insert("warm-up", _WARM_UP, target.pids, body)
            known = min(inserts, _IDS)
            first = load.insert(f"insert {known:,}", known, target.pids, body)
            ids = depot.message_ids(target.base_url, headers, known - connections)
            read = load.read(f"read {reads:,}", reads, target.pids, ids)
            insert = load.insert(f"insert {inserts:,}", inserts, target.pids, body)
            return [first, read, insert]


def _broken(rounds: list[Round]) -> list[str]:
    """The limits that these figures pass."""
    found = [f"{one.what}: {one.errors} errors" for one in rounds if one.errors]
    for one in rounds:
        limit = _READ_CPU_US if one.what.startswith("read") else _INSERT_CPU_US
        if one.cpu_us > limit:
            found.append(f"{one.what}: {one.cpu_us:.0f} µs, and {limit:.0f} are the limit")
    return found


def _cells(one: Round) -> tuple[str, ...]:
    times = [f"{value:.2f}" for value in (one.p50, one.p75, one.p90, one.p95, one.p99)]
    return (
        one.what,
        f"{one.requests:,}",
        f"{one.seconds:.1f}",
        f"{one.rate:,.0f}",
        *times,
        str(one.errors),
        f"{one.cpu_us:.1f}",
        f"{one.pss_bytes / _MIB:.0f}",
    )


def _page(
    date: str, host: dict[str, str | int], workers: int, connections: int, rounds: list[Round]
) -> str:
    return "\n".join(
        [
            "# A chat room",
            "",
            f"Measured {date} by `make bench-chat` (method: docs/benchmarks.md).",
            "",
            f"- {host['cores']} x {host['cpu']}; wrk ran on the same cores.",
            f"- Load average at the start: {host['load_1m']}.",
            f"- {workers} workers, {connections} requests at once, `synchronous=FULL`.",
            f"- Limits of CPU: {_INSERT_CPU_US:.0f} µs an insert, {_READ_CPU_US:.0f} µs a read.",
            "",
            markdown_row(_HEAD),
            "|---|" + "---:|" * (len(_HEAD) - 1),
            *(markdown_row(_cells(one)) for one in rounds),
            "",
        ]
    )


if __name__ == "__main__":
    typer.run(main)
