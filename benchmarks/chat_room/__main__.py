"""`make bench-chat`: inserts and reads of a chat room's messages by one member, 64 at a time.

Bare does the same number of its own creates and gets in turn with them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from benchmarks import wrk
from benchmarks.__main__ import RESULTS
from benchmarks.chat_room import report, servers
from benchmarks.chat_room.pairs import Contest, take_turns
from benchmarks.report import machine, store, versions
from benchmarks.target import TargetError

_IDS: Final = 10_000
_SLICES: Final = 5
_WIDTH: Final = 170


def main(
    *,
    inserts: Annotated[int, typer.Option(min=1_000, help="Messages that are written.")] = 100_000,
    reads: Annotated[int, typer.Option(min=1_000, help="Messages that are read.")] = 1_000_000,
    workers: Annotated[int, typer.Option(min=1, help="Workers of ours and of bare.")] = 2,
    connections: Annotated[int, typer.Option(min=2, help="Requests at once.")] = 64,
    without_limits: Annotated[bool, typer.Option(help="A broken limit does not matter.")] = False,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print the table, and write it to the results folder."""
    console = Console(width=_WIDTH, highlight=False)
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    run = report.Run(date, machine(), versions(), workers, connections)
    try:
        contests = _measure(run, inserts, reads, lambda text: console.print(text, style="dim"))
    except (TargetError, wrk.WrkError) as error:
        console.print(f"[red]{error}")
        raise typer.Exit(1) from error
    console.print(report.table(contests))
    name, page = f"chat-room-{workers}-workers", report.page(run, contests)
    console.print(f"Written to {store(output, date, name, report.figures(run, contests), page)}")
    broken = report.broken(contests)
    for line in broken:
        console.print(f"[red]{line}")
    if broken and not without_limits:
        raise typer.Exit(1)


def _measure(
    run: report.Run, inserts: int, reads: int, say: Callable[[str], None]
) -> list[Contest]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-chat-") as name,
        servers.running(Path(name), run.workers, run.connections) as both,
    ):
        both.check_bare()
        both.warm_up()
        known = min(inserts, _IDS)
        first = both.writes(known)
        take_turns([first], 1, say)
        ids = both.message_ids(known - run.connections)
        insert, read = both.writes(inserts), both.reads(reads, ids)
        take_turns([insert, read], _SLICES, say)
        both.check_bare()
        return [first, insert, read]


if __name__ == "__main__":
    typer.run(main)
