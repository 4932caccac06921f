"""Alternating rounds of load on each target, and the medians of what they cost.

The machine's noise changes by the minute, so a scenario's rounds go around the targets in turn,
forth and back: what disturbs one disturbs the other, and only the ratio inside one run is trusted.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import wrk
from benchmarks.processes import cpu_microseconds, pss_bytes
from benchmarks.scenario import Scenario
from benchmarks.target import Target, check, headers_for


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
    """CPU a request, divided by bare's: the median over the pairs of rounds."""


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
        order = list(zip(rounds, contests, strict=True))
        for done, (target, scenario) in reversed(order) if number % 2 else order:
            say(f"{scenario.title}: round {number + 1}/{method.rounds}, {target.name}")
            done.append(_round(target, scenario, method, folder))
    for target, scenario in contests:
        check(target, scenario)
    bare = next(
        (done for done, (target, _) in zip(rounds, contests, strict=True) if target.name == "bare"),
        [],
    )
    return [
        _row(target.name, scenario, done, bare)
        for done, (target, scenario) in zip(rounds, contests, strict=True)
    ]


def _round(target: Target, scenario: Scenario, method: Method, folder: Path) -> Round:
    pids = target.pids()
    before = cpu_microseconds(pids)
    load = wrk.run(
        target.base_url,
        scenario,
        headers_for(target, scenario),
        seconds=method.seconds,
        connections=method.connections,
        threads=method.threads,
        folder=folder,
    )
    spent = cpu_microseconds(pids) - before
    return Round(load, spent / max(1, load.requests), pss_bytes(pids))


def _row(target: str, scenario: Scenario, rounds: list[Round], bare: list[Round]) -> Row:
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
        ratio=None if target == "bare" else _ratio(rounds, bare),
    )


def _ratio(rounds: list[Round], bare: list[Round]) -> float | None:
    """Median of the ratios of neighbouring rounds: what disturbs both of a pair cancels out."""
    pairs = [
        ours.cpu_us / theirs.cpu_us
        for ours, theirs in zip(rounds, bare, strict=False)
        if theirs.cpu_us
    ]
    return statistics.median(pairs) if pairs else None
