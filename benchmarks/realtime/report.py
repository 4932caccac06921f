"""Turns the figures of realtime into printed tables, JSON and a markdown page."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.realtime import fanout, slow, storm, watched
from benchmarks.realtime.messages import Transport
from benchmarks.report import machine, markdown_row, store, version, versions

_WIDTH: Final = 190
_NAMES: Final[dict[Transport, str]] = {
    "sse": "SSE",
    "ws": "WebSocket, main port",
    "second": "WebSocket, second port",
    "bare": "bare `websockets`",
}


class Table(NamedTuple):
    """One scenario as text; the first column is left, the others are right."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass
class RealtimeReport:
    """Everything that one run found. `failed`: scenarios that told a client something wrong."""

    workers: int
    fanout: list[fanout.Row] = field(default_factory=list)
    watched: list[watched.Row] = field(default_factory=list)
    slow: list[slow.Row] = field(default_factory=list)
    storm: list[storm.Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    date: str = ""
    machine: dict[str, str | int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def describe(self) -> None:
        """Fill in date, machine and versions."""
        self.date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.machine = machine()
        self.versions = {**versions(), "websockets": version("websockets")}

    def broken(self) -> list[str]:
        """The limits that do not hold, in sentences."""
        found = [row.broken for row in self.fanout] + [row.broken for row in self.watched]
        found += [row.broken for row in self.slow]
        return [sentence for sentence in found if sentence]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "broken": self.broken()}


def tables(report: RealtimeReport) -> Iterator[Table]:
    """Those that have rows."""
    for table in (
        _fanout(report.fanout),
        _watched(report.watched),
        _slow(report.slow),
        _storm(report.storm),
    ):
        if table.rows:
            yield table


def _fanout(rows: list[fanout.Row]) -> Table:
    head = (
        "clients", "bursts: deliveries/s", "of bare", "CPU µs", "one write: deliveries/s",
        "of bare", "CPU µs", "p50 ms", "p99 ms", "KB a connection", "crowd's CPU µs (share)",
    )  # fmt: skip
    lines = [
        (
            f"{row.clients:,} {_NAMES[row.transport]}",
            f"{row.median('rate'):,.0f}",
            _ratio(row.ratio),
            f"{row.median('cpu_us'):.1f}",
            f"{row.median('paced_rate'):,.0f}",
            _ratio(row.paced_ratio),
            f"{row.median('paced_cpu_us'):.1f}",
            f"{row.median('p50_ms'):.1f}",
            f"{row.median('p99_ms'):.1f}",
            f"{row.connection_kb:.1f}",
            f"{row.median('crowd_cpu_us'):.1f} ({row.median('crowd_share'):.0%})",
        )
        for row in rows
    ]
    return Table("Fan-out of one topic", head, lines)


def _watched(rows: list[watched.Row]) -> Table:
    head = (
        "a write while", "watchers", "told", "CPU µs", "ratio", "p50 ms", "ratio", "limit",
        "event p50 ms", "event p99 ms",
    )  # fmt: skip
    lines = [
        (
            row.title,
            f"{row.watchers:,}",
            f"{row.heard_by:.0f}",
            f"{row.cpu_us:,.0f}",
            _ratio(row.cpu_ratio),
            f"{row.p50_ms:.2f}",
            _ratio(row.p50_ratio),
            "" if row.limit is None else f"{row.limit}",
            "" if row.event_p50_ms is None else f"{row.event_p50_ms:.2f}",
            "" if row.event_p99_ms is None else f"{row.event_p99_ms:.2f}",
        )
        for row in rows
    ]
    return Table("What a write costs by who watches", head, lines)


def _slow(rows: list[slow.Row]) -> Table:
    head = (
        "clients", "p50 ms", "p99 ms", f"beside {slow.SLOW_CLIENTS} slow: p50 ms", "p99 ms",
        "p99 ratio", "limit", "server grew by MB",
    )  # fmt: skip
    lines = [
        (
            f"{row.clients:,} {_NAMES[row.transport]}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
            f"{row.slow_p50_ms:.1f}",
            f"{row.slow_p99_ms:.1f}",
            f"{row.ratio:.2f}",
            f"{slow.RATIO_MAX}",
            f"{row.grown_mb:.1f}",
        )
        for row in rows
    ]
    return Table("Quick clients beside slow ones", head, lines)


def _storm(rows: list[storm.Row]) -> Table:
    head = ("clients", "missed events", "all live after s", "deliveries/s", "CPU µs", "grew by MB")
    lines = [
        (
            f"{row.clients:,} {_NAMES[row.transport]}",
            f"{row.missed}",
            f"{row.seconds:.2f}",
            f"{row.rate:,.0f}",
            f"{row.cpu_us:.1f}",
            f"{row.grown_mb:.1f}",
        )
        for row in rows
    ]
    return Table("All clients resume at once", head, lines)


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def show(report: RealtimeReport, console: Console) -> None:
    """Print the tables, wide enough for any pipe, and what does not hold."""
    console = Console(file=console.file, width=max(console.width, _WIDTH))
    for table in tables(report):
        shown = RichTable(title=f"{table.title}, {report.workers} workers, {report.date}")
        for place, name in enumerate(table.head):
            shown.add_column(name, justify="right" if place else "left", no_wrap=True)
        for line in table.rows:
            shown.add_row(*line)
        console.print(shown)
    for sentence in report.failed:
        console.print(f"[red]failed: {sentence}", highlight=False)
    for sentence in report.broken():
        console.print(f"[red]limit broken: {sentence}", highlight=False)


def markdown(report: RealtimeReport) -> str:
    """The page benchmarks/results/realtime-<n>-workers.md."""
    host = report.machine
    about = (
        (
            f"Machine: {host.get('cores')} x {host.get('cpu')}, {host.get('memory_mb')} MB, Linux"
            f" {host.get('kernel')}; writer and crowd ran on the same cores; load average at the"
            f" start {host.get('load_1m')}."
        ),
        f"{report.workers} workers; bare is one process. CPU is that of all server processes.",
        "Versions: " + ", ".join(f"{key} {text}" for key, text in report.versions.items()) + ".",
    )
    lines = [
        "# Realtime",
        "",
        f"Measured {report.date} by `make bench-realtime` (method: docs/benchmarks.md).",
        "",
        *(f"- {sentence}" for sentence in about),
        "",
    ]
    for table in tables(report):
        lines += [f"## {table.title}", "", markdown_row(table.head)]
        lines.append("|---|" + "---:|" * (len(table.head) - 1))
        lines += [*map(markdown_row, table.rows), ""]
    lines += [f"- Failed: {sentence}." for sentence in report.failed]
    lines += [f"- Limit broken: {sentence}." for sentence in report.broken()]
    return "\n".join(lines).rstrip() + "\n"


def write(report: RealtimeReport, folder: Path) -> Path:
    """Store the run as `<date>-realtime-<n>-workers.json` and its page; the JSON's path."""
    name = f"realtime-{report.workers}-workers"
    return store(folder, report.date, name, report.to_json(), markdown(report))
