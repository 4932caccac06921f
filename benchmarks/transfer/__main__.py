"""`make bench-transfer`: a CSV file into a running cluster, as a whole and in chunks, and out again."""

from __future__ import annotations

import asyncio
import csv
import os
import random
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import httpx
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import quill_target
from benchmarks.__main__ import RESULTS
from benchmarks.processes import command_line
from benchmarks.quill_target import QuillTarget
from benchmarks.target import TargetError
from benchmarks.transfer.bystanders import CREATE, READ, Bystanders, percentile

_PROGRAM: Final = str(Path(sys.executable).with_name("quillbase"))
_FIELDS: Final[list[dict[str, Any]]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "ok", "type": "bool"},
    {"name": "at", "type": "date"},
    {"name": "kind", "type": "select", "values": ["red", "green", "blue"]},
]
_OTHERS: Final = "others"
_SAMPLE_SECONDS: Final = 0.05
_KIB_PER_MIB: Final = 1024


class Run(NamedTuple):
    """One command beside other requests. `peak`, `writer`: most resident MiB of both so far."""

    what: str
    rows: int
    seconds: float
    peak: float
    writer: float
    others: Bystanders


def main(
    rows: Annotated[int, typer.Option(min=1_000, help="Rows of the file.")] = 1_000_000,
    workers: Annotated[int, typer.Option(min=1, help="Workers of the cluster.")] = 2,
    chunk: Annotated[int, typer.Option(min=1, help="Rows that are committed together.")] = 500,
    per_second: Annotated[float, typer.Option(help="Others' requests of each kind.")] = 100.0,
    before: Annotated[float, typer.Option(help="Seconds without any command.")] = 20.0,
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = RESULTS,
) -> None:
    """Measure, print a table, write it to the results folder."""
    with tempfile.TemporaryDirectory(prefix="quill-bench-") as folder:
        file = Path(folder) / "rows.csv"
        write_rows(file, rows)
        depot = Path(folder) / "depot"
        quill_target.make_superuser(depot)
        with quill_target.cluster(depot, workers) as target:
            runs = asyncio.run(_measure(target, depot, file, (rows, chunk), per_second, before))
    _show(runs, workers, per_second, output)


def write_rows(path: Path, count: int) -> None:
    """A file of five typed columns, the same each time."""
    draw = random.Random(1)
    with path.open("w", newline="") as out:
        lines = csv.writer(out)
        lines.writerow([one["name"] for one in _FIELDS])
        for n in range(count):
            at = f"2024-{draw.randint(1, 12):02}-{draw.randint(1, 28):02} 10:{n % 60:02}:00Z"
            number = round(draw.random() * 1e6, 2)
            title = f"the title of record {n}, {draw.getrandbits(32):08x}"
            kind = draw.choice(_FIELDS[4]["values"])
            lines.writerow([title, number, draw.choice(["true", "false"]), at, kind])


async def _measure(
    target: QuillTarget,
    depot: Path,
    file: Path,
    counts: tuple[int, int],
    per_second: float,
    before: float,
) -> list[Run]:
    rows, chunk = counts
    token = quill_target.login(target.base_url)
    for name in (_OTHERS, "whole", "chunks"):
        await asyncio.to_thread(_define, target.base_url, token, name)
    into = ["import", "csv", "--yes", "--depot", str(depot)]
    commands = {
        "nothing": [],
        "import": [*into, "whole", str(file)],
        f"import --chunk {chunk}": [*into, "chunks", str(file), "--chunk", str(chunk)],
        "export": ["export", "csv", "whole", "--depot", str(depot), "-o", os.devnull],
    }
    return [
        await _beside_others(target, what, words, rows if words else 0, per_second, before)
        for what, words in commands.items()
    ]


def _define(base_url: str, token: str, name: str) -> None:
    rules = dict.fromkeys(("listRule", "createRule"), "")
    indexes = [f"CREATE INDEX `n_{name}` ON `{name}` (`n`)"] if name == _OTHERS else []
    body = {"name": name, "type": "base", "fields": _FIELDS, "indexes": indexes, **rules}
    reply = httpx.post(
        f"{base_url}/api/collections", json=body, headers={"Authorization": token}, timeout=30
    )
    reply.raise_for_status()


async def _beside_others(
    target: QuillTarget, what: str, words: list[str], rows: int, per_second: float, before: float
) -> Run:
    others = Bystanders(target.base_url, _OTHERS, per_second)
    over = asyncio.Event()
    asking = asyncio.create_task(others.run(over, connections=4))
    began = time.monotonic()
    peak = 0.0
    if words:
        peak = await _command(words)
    else:
        await asyncio.sleep(before)
    seconds = time.monotonic() - began
    over.set()
    await asking
    writer = max(peak_mib(pid) for pid in target.pids() if "-m writer " in command_line(pid))
    return Run(what, rows, seconds, peak, writer, others)


async def _command(words: list[str]) -> float:
    """Run it to its end; the most memory that it took."""
    process = await asyncio.create_subprocess_exec(
        _PROGRAM, *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    ended = asyncio.create_task(process.communicate())
    peak = 0.0
    while not ended.done():
        peak = max(peak, peak_mib(process.pid))
        await asyncio.wait([ended], timeout=_SAMPLE_SECONDS)
    _, told = await ended
    if process.returncode:
        raise TargetError(told.decode())
    return peak


def peak_mib(pid: int) -> float:
    """The most memory that a process has had resident so far; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / _KIB_PER_MIB if found else 0.0


def _show(runs: list[Run], workers: int, per_second: float, output: Path) -> None:
    title = f"{runs[1].rows} rows; {workers} workers; {per_second:g} lists and creates a second"
    table = Table("command", "s", "rows/s", "MiB", "writer MiB", "list p50/p99/max ms",
                  "create p50/p99/max ms", "failed", title=title)  # fmt: skip
    for run in runs:
        times = [
            "/".join(f"{percentile(run.others.times[kind], share):.1f}" for share in (0.5, 0.99, 1))
            for kind in (READ, CREATE)
        ]
        rate = f"{run.rows / run.seconds:,.0f}" if run.rows else ""
        failed = str(sum(run.others.failed.values()))
        table.add_row(
            run.what,
            f"{run.seconds:.1f}",
            rate,
            f"{run.peak:.0f}",
            f"{run.writer:.0f}",
            *times,
            failed,
        )
    console = Console(width=140, record=True)
    console.print(table)
    path = output / f"transfer-{workers}-workers.md"
    path.write_text(
        f"# Imports and exports, {datetime.now(UTC):%Y-%m-%d}\n\n```text\n{console.export_text()}```\n"
    )
    console.print(f"Written to {path}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
