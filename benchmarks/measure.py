"""Alternating rounds of load on each target, and the medians of what they cost.

The machine's noise changes by the minute, so a scenario's rounds go around the targets in turn:
what disturbs one disturbs the other, and only the ratio inside one run is trusted.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wrk
from benchmarks.processes import cpu_microseconds, pss_bytes
from benchmarks.scenario import Scenario
from benchmarks.target import Target, check


@dataclass(frozen=True)
class Method:
    """How a run is made."""

    rounds: int = 5
    seconds: int = 3
    connections: int = 64
    threads: int = 2
    workers: int = 2


@dataclass(frozen=True)
class Round:
    """One round on one target."""

    load: wrk.Load
    cpu_us: float
    pss_bytes: int


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over the rounds; errors are summed."""

    target: str
    scenario: str
    title: str
    rate: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us: float
    cpu_us_min: float
    cpu_us_max: float
    pss_bytes: int
    ratio: float | None = None
    """CPU a request, divided by bare's in the same run."""


def run_scenario(
    name: str, targets: Sequence[Target], method: Method, folder: Path, say: Callable[[str], None]
) -> list[Row]:
    """All rounds of one scenario on all targets that have it. Raises TargetError, WrkError."""
    contests = [
        (target, scenario)
        for target in targets
        for scenario in target.scenarios
        if scenario.name == name
    ]
    rounds: list[list[Round]] = [[] for _ in contests]
    for target, scenario in contests:
        check(target, scenario)
    for number in range(method.rounds):
        for done, (target, scenario) in zip(rounds, contests, strict=True):
            say(f"{scenario.title}: round {number + 1}/{method.rounds}, {target.name}")
            done.append(_round(target, scenario, method, folder))
    for target, scenario in contests:
        check(target, scenario)
    rows = [
        _row(target.name, scenario, done)
        for done, (target, scenario) in zip(rounds, contests, strict=True)
    ]
    return _with_ratios(rows)


def _round(target: Target, scenario: Scenario, method: Method, folder: Path) -> Round:
    pids = target.pids()
    before = cpu_microseconds(pids)
    load = wrk.run(
        target.base_url,
        scenario,
        target.headers,
        seconds=method.seconds,
        connections=method.connections,
        threads=method.threads,
        folder=folder,
    )
    spent = cpu_microseconds(pids) - before
    return Round(load, spent / max(1, load.requests), pss_bytes(pids))


def _row(target: str, scenario: Scenario, rounds: list[Round]) -> Row:
    costs = [each.cpu_us for each in rounds]
    return Row(
        target=target,
        scenario=scenario.name,
        title=scenario.title,
        rate=statistics.median(each.load.rate for each in rounds),
        p50_ms=statistics.median(each.load.p50_ms for each in rounds),
        p99_ms=statistics.median(each.load.p99_ms for each in rounds),
        errors=sum(each.load.errors for each in rounds),
        cpu_us=statistics.median(costs),
        cpu_us_min=min(costs),
        cpu_us_max=max(costs),
        pss_bytes=max(each.pss_bytes for each in rounds),
    )


def _with_ratios(rows: list[Row]) -> list[Row]:
    bare = next((row.cpu_us for row in rows if row.target == "bare"), 0.0)
    if not bare:
        return rows
    return [
        row if row.target == "bare" else Row(**{**vars(row), "ratio": row.cpu_us / bare})
        for row in rows
    ]
