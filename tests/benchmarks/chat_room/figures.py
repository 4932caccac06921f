"""Made-up rounds and contests."""

from __future__ import annotations

from benchmarks.chat_room.pairs import Contest, Pair
from benchmarks.chat_room.rounds import Round


def made(what: str, cpu_us: float, requests: int = 100, p50: float = 1.0, errors: int = 0) -> Round:
    """A round whose other percentiles follow from its p50. One request takes 10 ms."""
    times = {"p50": p50, "p75": 2 * p50, "p90": 3 * p50, "p95": 4 * p50, "p99": 5 * p50}
    return Round(
        what, requests, requests / 100, **times,
        errors=errors, cpu_us=cpu_us, pss_bytes=int(cpu_us) << 20,
    )  # fmt: skip


def contest(
    what: str, limit_us: float, ours: list[float], bare: list[float], errors: int = 0
) -> Contest:
    """A contest that is over: CPU of each round. The errors are those of bare's."""
    found = Contest(100 * len(ours), limit_us, lambda _: made("", 1), lambda _: made("", 1))
    for mine, theirs in zip(ours, bare, strict=True):
        found.pairs.append(Pair(made(what, mine), made(f"bare {what}", theirs, errors=errors)))
    return found
