"""Turns the figures of the queries into a printed table, JSON and a markdown page."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.queries.growth import RATIO_MAX, Growth
from benchmarks.queries.runner import CONCURRENCY, Figures
from benchmarks.report import machine, markdown_row, store, versions

_WIDTH: Final = 190
_HEAD: Final = (
    "query",
    "p50 ms",
    "p95 ms",
    "limit ms",
    f"requests/s ({CONCURRENCY})",
    "CPU µs",
    "PocketBase ms (cgo)",
    "times faster (cgo)",
)
_GROWTH_HEAD: Final = ("list", "rows", "p50 ms", "rows", "p50 ms", "ratio", "limit")


@dataclass
class QueryReport:
    """Everything that one run found."""

    posts: int
    workers: int
    rows: list[Figures] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    date: str = ""
    machine: dict[str, str | int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def describe(self) -> None:
        """Fill in date, machine and versions."""
        self.date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.machine, self.versions = machine(), versions()

    def broken(self) -> list[str]:
        """The limits that do not hold, in sentences."""
        found = [row.broken for row in self.rows] + [row.broken for row in self.growth]
        return [sentence for sentence in found if sentence]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {**dataclasses.asdict(self), "broken": self.broken()}


def cells(row: Figures) -> tuple[str, ...]:
    """One query as text."""
    published = faster = ""
    if row.published_ms is not None and row.published_cgo_ms is not None:
        published = f"{row.published_ms:,.1f} ({row.published_cgo_ms:,.1f})"
        cgo = row.published_cgo_ms / row.per_request_ms
        faster = f"{row.published_ms / row.per_request_ms:,.1f} ({cgo:,.1f})"
    return (
        row.title,
        f"{row.p50_ms:.2f}",
        f"{row.p95_ms:.2f}",
        "-" if row.limit_ms is None else f"{row.limit_ms:.0f}",
        f"{row.rate:,.0f}",
        f"{row.cpu_us:,.0f}",
        published,
        faster,
    )


def growth_cells(row: Growth) -> tuple[str, ...]:
    """One list over both tables as text."""
    return (
        row.title,
        f"{row.small_rows:,}",
        f"{row.small_ms:.2f}",
        f"{row.large_rows:,}",
        f"{row.large_ms:.2f}",
        f"{row.ratio:.2f}",
        f"{RATIO_MAX}",
    )


def show(report: QueryReport, console: Console) -> None:
    """Print the tables, wide enough for any pipe, and what does not hold."""
    console = Console(file=console.file, width=max(console.width, _WIDTH))
    if report.rows:
        title = f"Queries over {report.posts:,} posts, {report.workers} workers, {report.date}"
        console.print(_table(title, _HEAD, [cells(row) for row in report.rows]))
    if report.growth:
        title = "The same list over a small and a large table"
        console.print(_table(title, _GROWTH_HEAD, [growth_cells(row) for row in report.growth]))
    for sentence in report.broken():
        console.print(f"[red]limit broken: {sentence}", highlight=False)


def _table(title: str, head: tuple[str, ...], lines: list[tuple[str, ...]]) -> Table:
    table = Table(title=title)
    for place, name in enumerate(head):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    return table


def markdown(report: QueryReport) -> str:
    """The page benchmarks/results/queries-<n>-workers.md."""
    host = report.machine
    about = (
        (
            f"Machine: {host.get('cores')} x {host.get('cpu')}, {host.get('memory_mb')} MB, Linux"
            f" {host.get('kernel')}; the client ran on the same cores; load average at the start"
            f" {host.get('load_1m')}."
        ),
        (
            f"{report.workers} workers, {report.posts:,} posts; p50 and p95 of one request at a time"
            " (those with a total: each right after a write), requests/s and CPU of"
            f" {CONCURRENCY} at a time."
        ),
        "Versions: " + ", ".join(f"{key} {text}" for key, text in report.versions.items()) + ".",
        (
            "PocketBase: its authors' published total (v0.36.0, 16 vCPU, pure Go; in brackets the cgo"
            " driver) by request; compared with our p50 where there is a total, else with our"
            " concurrent run by request."
        ),
    )
    lines = [
        f"# Queries over {report.posts:,} posts",
        "",
        f"Measured {report.date} by `make bench-queries` (method: docs/benchmarks.md).",
        "",
        *(f"- {sentence}" for sentence in about),
        "",
        *_markdown_table(_HEAD, [cells(row) for row in report.rows]),
    ]
    if report.growth:
        lines += _markdown_table(_GROWTH_HEAD, [growth_cells(row) for row in report.growth])
    lines += [f"- Limit broken: {sentence}." for sentence in report.broken()]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> list[str]:
    rule = "|---|" + "---:|" * (len(head) - 1)
    rows = [markdown_row(tuple(text.replace("|", "\\|") for text in line)) for line in lines]
    return [markdown_row(head), rule, *rows, ""]


def write(report: QueryReport, folder: Path) -> Path:
    """Store the run as `<date>-queries-<n>-workers.json` and its page; the JSON's path."""
    name = f"queries-{report.workers}-workers"
    return store(folder, report.date, name, report.to_json(), markdown(report))
