"""Our rounds and bare's in turn, so that an hour in which the machine is slow hits both alike.

A large number of requests goes in slices. A slice of ours and the same of bare are a pair, one
right after the other; the next pair goes the other way round, so that neither is always the later.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.chat_room.rounds import Round

Send = Callable[[int], Round]
"""Sends so many requests."""


@dataclass(frozen=True)
class Pair:
    """A round of ours and one of bare, neighbours in time."""

    ours: Round
    bare: Round


@dataclass
class Contest:
    """So many requests to each of the two, and what is known of them so far."""

    count: int
    limit_us: float
    """CPU that one of ours may cost."""
    send_ours: Send
    send_bare: Send
    pairs: list[Pair] = field(default_factory=list)

    @property
    def ours(self) -> Round:
        """All rounds of ours as one."""
        return total([pair.ours for pair in self.pairs])

    @property
    def bare(self) -> Round:
        """All rounds of bare as one."""
        return total([pair.bare for pair in self.pairs])

    @property
    def times_bare(self) -> float | None:
        """CPU a request by bare's: the median over the pairs. None where bare's was too short."""
        ratios = [pair.ours.cpu_us / pair.bare.cpu_us for pair in self.pairs if pair.bare.cpu_us]
        return statistics.median(ratios) if ratios else None


def take_turns(contests: Sequence[Contest], slices: int, say: Callable[[str], None]) -> None:
    """Send each contest's requests in so many pairs, one pair of each contest after the other."""
    for number in range(slices):
        for contest in contests:
            count = share(contest.count, slices, number)
            pair = _pair(contest, count, bare_first=number % 2 == 1)
            contest.pairs.append(pair)
            say(
                f"{pair.ours.what}, slice {number + 1} of {slices}: {pair.ours.cpu_us:.1f} µs; "
                f"bare's {pair.bare.what}: {pair.bare.cpu_us:.1f} µs"
            )


def _pair(contest: Contest, count: int, *, bare_first: bool) -> Pair:
    if bare_first:
        bare = contest.send_bare(count)
        return Pair(contest.send_ours(count), bare)
    return Pair(contest.send_ours(count), contest.send_bare(count))


def share(count: int, slices: int, number: int) -> int:
    """How many of `count` are in the slice with this number: all the same, the last has the rest."""
    each = count // slices
    return count - each * (slices - 1) if number == slices - 1 else each


def total(rounds: Sequence[Round]) -> Round:
    """Sums; of the latencies the medians over the rounds; of the memory the greatest."""
    requests = sum(one.requests for one in rounds)
    return Round(
        rounds[0].what,
        requests,
        sum(one.seconds for one in rounds),
        p50=statistics.median(one.p50 for one in rounds),
        p75=statistics.median(one.p75 for one in rounds),
        p90=statistics.median(one.p90 for one in rounds),
        p95=statistics.median(one.p95 for one in rounds),
        p99=statistics.median(one.p99 for one in rounds),
        errors=sum(one.errors for one in rounds),
        cpu_us=sum(one.cpu_us * one.requests for one in rounds) / requests,
        pss_bytes=max(one.pss_bytes for one in rounds),
    )
