"""Turns a run into JSON, a markdown page and a printed table."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import apsw
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.dataset import ROWS
from benchmarks.measure import Method, Row
from benchmarks.target import Idle

_MIB: Final = 1024 * 1024
_PACKAGES: Final = (
    "quillbase",
    "granian",
    "falcon",
    "uvloop",
    "apsw",
    "pyzmq",
    "orjson",
    "msgspec",
)
_TEXT_COLUMNS: Final = 2
_WIDTH: Final = 140
_HEAD: Final = (
    "scenario",
    "server",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "errors",
    "CPU µs (min-max)",
    "ratio to bare",
    "PSS MB",
)


@dataclass
class Report:
    """Everything that one run found."""

    method: Method
    rows: list[Row] = field(default_factory=list)
    idle: dict[str, Idle] = field(default_factory=dict)
    date: str = ""
    machine: dict[str, str | int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def describe(self) -> None:
        """Fill in date, machine and versions."""
        self.date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.machine = machine()
        self.versions = versions()

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return dataclasses.asdict(self)


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    packages = {name: version(name) for name in _PACKAGES}
    return packages | {
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
    }


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in info.splitlines() if "model name" in line]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": memory // _MIB,
        "kernel": platform.release(),
        "load_1m": f"{os.getloadavg()[0]:.2f}",
    }


def version(package: str) -> str:
    """Of an installed package; `?` when there is none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"


def cells(row: Row) -> tuple[str, ...]:
    """One row of the table as text."""
    return (
        row.title,
        row.target,
        f"{row.rate:,.0f}",
        f"{row.p50_ms:.2f}",
        f"{row.p99_ms:.2f}",
        str(row.errors),
        f"{row.cpu_us:.1f} ({row.cpu_us_min:.0f}-{row.cpu_us_max:.0f})",
        "" if row.ratio is None else f"{row.ratio:.2f}",
        f"{row.pss_bytes / _MIB:.0f}",
    )


def idle_lines(report: Report) -> list[str]:
    """Memory before the first request, and the time to it, in sentences."""
    lines = []
    for name, idle in report.idle.items():
        parts = ", ".join(f"{key} {pss / _MIB:.0f}" for key, pss in idle.processes.items())
        text = f"{name}: idle PSS {idle.pss_bytes / _MIB:.0f} MB" + (f" ({parts})" if parts else "")
        if idle.first_answer_seconds is not None:
            text += f"; first answer {idle.first_answer_seconds:.2f} s after its start"
        lines.append(text)
    return lines


def markdown(report: Report) -> str:
    """The page benchmarks/results/<n>-workers.md."""
    method, host = report.method, report.machine
    machine_line = (
        f"- Machine: {host.get('cores')} x {host.get('cpu')}, {host.get('memory_mb')} MB, Linux "
        f"{host.get('kernel')}; wrk ran on the same cores; load average at the start "
        f"{host.get('load_1m')}."
    )
    method_line = (
        f"- {method.workers} workers, {method.connections} connections, {ROWS:,} rows; medians of "
        f"{method.rounds} alternating rounds of {method.seconds} s."
    )
    lines = [
        "# Benchmark results",
        "",
        f"Measured {report.date} by `make bench` (method: docs/benchmarks.md).",
        "",
        machine_line,
        "- Versions: "
        + ", ".join(f"{name} {text}" for name, text in report.versions.items())
        + ".",
        method_line,
        "- CPU: user and system time of all server processes. Trust it before requests/s.",
        "- PSS: the greatest after a round.",
        "",
        markdown_row(_HEAD),
        "|" + "---|" * _TEXT_COLUMNS + "---:|" * (len(_HEAD) - _TEXT_COLUMNS),
        *(markdown_row(cells(row)) for row in report.rows),
        "",
        *(f"- {line}" for line in idle_lines(report)),
        "",
    ]
    return "\n".join(lines)


def markdown_row(texts: tuple[str, ...]) -> str:
    """One line of a markdown table."""
    return f"| {' | '.join(texts)} |"


def write(report: Report, folder: Path) -> Path:
    """Store the run as `<date>-<n>-workers.json`, render `<n>-workers.md`; the JSON's path."""
    name = f"{report.method.workers}-workers"
    return store(folder, report.date, name, report.to_json(), markdown(report))


def store(folder: Path, date: str, name: str, figures: object, page: str) -> Path:
    """Keep a run's figures as `<date>-<name>.json` and its page as `<name>.md`; the JSON's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{date[:10]}-{name}.json"
    path.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    (folder / f"{name}.md").write_text(page)
    return path


def show(report: Report, console: Console) -> None:
    """Print the table, wide enough for any pipe."""
    console = Console(file=console.file, width=max(console.width, _WIDTH))
    table = Table(title=f"Quillbase benchmarks, {report.date}")
    for place, name in enumerate(_HEAD):
        table.add_column(name, justify="left" if place < _TEXT_COLUMNS else "right", no_wrap=True)
    for row in report.rows:
        table.add_row(*cells(row))
    console.print(table)
    for line in idle_lines(report):
        console.print(line, highlight=False)
