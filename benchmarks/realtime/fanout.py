"""One topic, many clients: paced writes for the latency, bursts of writes for the throughput."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.realtime.crowd_link import CrowdLink, crowd
from benchmarks.realtime.messages import Open, Transport
from benchmarks.realtime.servers import POSTS, Cost, Server, running
from benchmarks.realtime.stage import Stage

_PAUSE_SECONDS: Final = 0.02
_WARM_WRITES: Final = 3
_REST_SECONDS: Final = 0.002
"""Of the crowd in bursts; so much too late an arrival may be there."""
_KB: Final = 1024
RATIO_MIN: Final = 0.6
"""Deliveries/s of the second port, as a part of the bare server's."""


@dataclass(frozen=True)
class Method:
    """How much is written in a round: paced writes, bursts, and the writes of a burst."""

    rounds: int
    paced: int
    bursts: int
    burst: int


@dataclass(frozen=True)
class Round:
    """One round on a server that has just started. CPU is of the bursts."""

    rate: float
    paced_rate: float
    p50_ms: float
    p99_ms: float
    burst_p99_ms: float
    cpu_us: float
    paced_cpu_us: float
    crowd_cpu_us: float
    crowd_share: float
    connection_kb: float
    event_bytes: float
    opened_seconds: float


@dataclass(frozen=True)
class Row:
    """One transport's rounds. The ratios are of deliveries/s to bare's, by pairs of rounds."""

    clients: int
    transport: Transport
    rounds: list[Round]
    ratio: float | None
    paced_ratio: float | None

    def median(self, name: str) -> float:
        """Of one figure of the rounds."""
        return float(statistics.median(getattr(each, name) for each in self.rounds))

    @property
    def connection_kb(self) -> float:
        """The median, as of the rest: each round has a server of its own."""
        return self.median("connection_kb")

    @property
    def broken(self) -> str:
        """Which limit does not hold, or nothing."""
        if self.transport == "second":
            for what, ratio in (("bursts", self.ratio), ("single writes", self.paced_ratio)):
                if ratio is not None and ratio < RATIO_MIN:
                    clients = f"fan-out to {self.clients:,}"
                    return f"{clients}, {what}: the second port reaches {ratio:.2f} of bare"
        return ""


def measure(
    transports: Sequence[Transport],
    clients: int,
    depot: Path,
    workers: int,
    method: Method,
    numbers: Iterator[str],
    say: Callable[[str], None],
) -> list[Row]:
    """All rounds, forth and back over the transports. Raises TargetError."""
    rounds: dict[Transport, list[Round]] = {transport: [] for transport in transports}
    for number in range(method.rounds):
        for transport in reversed(transports) if number % 2 else transports:
            with running(transport, depot, workers) as server, crowd() as people:
                done = _round(transport, clients, server, people, method, numbers)
            rounds[transport].append(done)
            say(
                f"{clients:,} {transport}: {done.rate:,.0f} deliveries/s, paced {done.paced_rate:,.0f}, p50 {done.p50_ms:.1f},"
                f" p99 {done.p99_ms:.1f} ms, {done.paced_cpu_us:.1f}, {done.cpu_us:.1f} µs, crowd {done.crowd_cpu_us:.1f} µs"
                f" ({done.crowd_share:.0%}), {done.connection_kb:.1f} KB, opened in"
                f" {done.opened_seconds:.1f} s"
            )
    bare = rounds.get("bare", [])
    return [
        Row(clients, transport, done, None, None)
        if transport == "bare"
        else Row(
            clients, transport, done, _ratio(done, bare, "rate"), _ratio(done, bare, "paced_rate")
        )
        for transport, done in rounds.items()
    ]


def _ratio(rounds: list[Round], bare: list[Round], name: str) -> float | None:
    pairs = [
        getattr(ours, name) / getattr(theirs, name)
        for ours, theirs in zip(rounds, bare, strict=False)
    ]
    return statistics.median(pairs) if pairs else None


def _round(
    transport: Transport,
    clients: int,
    server: Server,
    people: CrowdLink,
    method: Method,
    numbers: Iterator[str],
) -> Round:
    with closing(server.writer(method.burst)) as writer:
        writer.write([*islice(numbers, method.burst)])  # nobody hears these
        before, started = Cost(server), time.monotonic()
        people.open(Open(transport, server.port(transport), [POSTS] * clients))
        opened, grown = time.monotonic() - started, before.grown_bytes()
        stage = Stage(people, writer, numbers)
        stage.paced(_WARM_WRITES, _PAUSE_SECONDS)
        spent = Cost(server)
        paced = stage.paced(method.paced, _PAUSE_SECONDS)
        paced_cpu = spent.cpu_us()
        quiet = people.latencies({mark: at for each in paced for mark, at in each.sent.items()})
        people.rest(_REST_SECONDS)
        spent, crowd_spent = Cost(server), people.cpu_us()
        began, received = time.monotonic(), people.counts().received_bytes
        bursts = [stage.burst(method.burst) for _ in range(method.bursts)]
        seconds = time.monotonic() - began
        cpu, crowd_cpu = spent.cpu_us(), people.cpu_us() - crowd_spent
        people.rest(0.0)
        events = method.burst * method.bursts * clients
        told = people.verify(server.order(stage.marks))
        busy = people.latencies({mark: at for each in bursts for mark, at in each.sent.items()})
    return Round(
        rate=statistics.median(method.burst * clients / each.seconds for each in bursts),
        paced_rate=statistics.median(clients / each.seconds for each in paced),
        p50_ms=quiet.p50_ms,
        p99_ms=quiet.p99_ms,
        burst_p99_ms=busy.p99_ms,
        cpu_us=cpu / events,
        paced_cpu_us=paced_cpu / method.paced / clients,
        crowd_cpu_us=crowd_cpu / events,
        crowd_share=crowd_cpu / seconds / 1_000_000,
        connection_kb=grown / clients / _KB,
        event_bytes=(told.received_bytes - received) / events,
        opened_seconds=opened,
    )
