"""The chat room's figures as a table, a page and plain data, and the limits that they exceed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from benchmarks.chat_room.pairs import Contest
from benchmarks.chat_room.rounds import Round
from benchmarks.chat_room.servers import INSERT_CPU_US, READ_CPU_US
from benchmarks.report import markdown_row

_MIB: Final = 1024 * 1024
_HEAD: Final = (
    "what", "server", "requests", "seconds", "requests/s", "p50 ms", "p75", "p90", "p95", "p99",
    "errors", "CPU µs a request", "x bare", "PSS MB",
)  # fmt: skip
_TEXT_COLUMNS: Final = 2


@dataclass(frozen=True)
class Run:
    """When, where and how the figures were measured."""

    date: str
    machine: dict[str, str | int]
    versions: dict[str, str]
    workers: int
    connections: int


def broken(contests: Sequence[Contest]) -> list[str]:
    """What is wrong with these figures: errors of either server, and limits that ours exceed."""
    lines = [
        f"{one.what}: {one.errors} errors"
        for contest in contests
        for one in (contest.ours, contest.bare)
        if one.errors
    ]
    for contest in contests:
        ours, limit = contest.ours, contest.limit_us
        if ours.cpu_us > limit:
            lines.append(f"{ours.what}: {ours.cpu_us:.0f} µs, and {limit:.0f} are the limit")
    return lines


def figures(run: Run, contests: Sequence[Contest]) -> dict[str, object]:
    """All of it as plain data, each slice too."""
    return {
        **dataclasses.asdict(run),
        "rounds": [
            {
                "ours": dataclasses.asdict(contest.ours),
                "bare": dataclasses.asdict(contest.bare),
                "times_bare": contest.times_bare,
                "slices": [dataclasses.asdict(pair) for pair in contest.pairs],
            }
            for contest in contests
        ],
    }


def table(contests: Sequence[Contest]) -> Table:
    """To be printed."""
    made = Table(title="A chat room, and bare beside it")
    for place, name in enumerate(_HEAD):
        made.add_column(name, justify="left" if place < _TEXT_COLUMNS else "right")
    for cells in _rows(contests):
        made.add_row(*cells)
    return made


def page(run: Run, contests: Sequence[Contest]) -> str:
    """The page benchmarks/results/chat-room-<n>-workers.md."""
    host = run.machine
    turns = (
        f"- Ours and bare took turns, in {max(len(each.pairs) for each in contests)} slices (the "
        "first inserts in one). Percentiles are medians of the slices, x bare is the median over "
        "the pairs, PSS the greatest after a slice."
    )
    return "\n".join(
        [
            "# A chat room",
            "",
            f"Measured {run.date} by `make bench-chat` (method: docs/benchmarks.md).",
            "",
            f"- {host['cores']} x {host['cpu']}; wrk ran on the same cores.",
            f"- Load average at the start: {host['load_1m']}.",
            f"- {run.workers} workers each, {run.connections} requests at once, `synchronous=FULL`.",
            turns,
            f"- Limits of CPU: {INSERT_CPU_US:.0f} µs an insert, {READ_CPU_US:.0f} µs a read.",
            "",
            markdown_row(_HEAD),
            "|" + "---|" * _TEXT_COLUMNS + "---:|" * (len(_HEAD) - _TEXT_COLUMNS),
            *(markdown_row(cells) for cells in _rows(contests)),
            "",
        ]
    )


def _rows(contests: Sequence[Contest]) -> list[tuple[str, ...]]:
    rows = []
    for contest in contests:
        rows.append(_cells(contest.ours, "quillbase", contest.times_bare))
        rows.append(_cells(contest.bare, "bare", None))
    return rows


def _cells(one: Round, server: str, times_bare: float | None) -> tuple[str, ...]:
    times = [f"{value:.2f}" for value in (one.p50, one.p75, one.p90, one.p95, one.p99)]
    return (
        one.what,
        server,
        f"{one.requests:,}",
        f"{one.seconds:.1f}",
        f"{one.rate:,.0f}",
        *times,
        str(one.errors),
        f"{one.cpu_us:.1f}",
        "" if times_bare is None else f"{times_bare:.2f}",
        f"{one.pss_bytes / _MIB:.0f}",
    )
