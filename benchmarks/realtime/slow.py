"""Quick clients beside a few that read one byte a second: the quick ones must not feel them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.realtime.crowd_link import CrowdLink, crowd
from benchmarks.realtime.messages import Open, Transport
from benchmarks.realtime.servers import POSTS, Cost, Server, running
from benchmarks.realtime.stage import Stage

SLOW_CLIENTS: Final = 5
TEXT_BYTES: Final = 8_192
RATIO_MAX: Final = 1.5
_WRITES_A_SECOND: Final = 40
_MB: Final = 1 << 20


@dataclass(frozen=True)
class Method:
    """Pairs of rounds, without and with the slow clients; writes a round."""

    rounds: int
    writes: int


@dataclass(frozen=True)
class Row:
    """Medians over the rounds. `grown_mb`: the greatest growth of the server in a slow round."""

    transport: Transport
    clients: int
    p50_ms: float
    p99_ms: float
    slow_p50_ms: float
    slow_p99_ms: float
    ratio: float
    grown_mb: float

    @property
    def broken(self) -> str:
        """Which limit does not hold, or nothing."""
        if self.ratio <= RATIO_MAX:
            return ""
        return f"{self.transport}: slow clients make p99 {self.ratio:.2f} times, above {RATIO_MAX}"


@dataclass(frozen=True)
class _Round:
    p50_ms: float
    p99_ms: float
    grown_mb: float


def measure(
    transports: Sequence[Transport],
    clients: int,
    depot: Path,
    workers: int,
    method: Method,
    numbers: Iterator[str],
    say: Callable[[str], None],
) -> list[Row]:
    """A server for each transport. Raises TargetError."""
    rows = []
    for transport in transports:
        say(f"slow clients: {transport}")
        with running(transport, depot, workers) as server, crowd() as people:
            rows.append(_measure(transport, clients, server, people, method, numbers))
    return rows


def _measure(
    transport: Transport,
    clients: int,
    server: Server,
    people: CrowdLink,
    method: Method,
    numbers: Iterator[str],
) -> Row:
    port = server.port(transport)
    slow = Open(transport, port, [POSTS] * SLOW_CLIENTS, slow=True)
    with closing(server.writer(1, TEXT_BYTES)) as writer:
        people.open(Open(transport, port, [POSTS] * clients))
        stage = Stage(people, writer, numbers)
        _round(server, stage, people, method.writes)  # which warms up
        without, beside = [], []
        for _ in range(method.rounds):
            without.append(_round(server, stage, people, method.writes))
            people.open(slow)
            beside.append(_round(server, stage, people, method.writes))
            people.close(slow=True)
        people.verify(server.order(stage.marks))
    return Row(
        transport=transport,
        clients=clients,
        p50_ms=statistics.median(each.p50_ms for each in without),
        p99_ms=statistics.median(each.p99_ms for each in without),
        slow_p50_ms=statistics.median(each.p50_ms for each in beside),
        slow_p99_ms=statistics.median(each.p99_ms for each in beside),
        ratio=statistics.median(
            there.p99_ms / here.p99_ms for here, there in zip(without, beside, strict=True)
        ),
        grown_mb=max(each.grown_mb for each in beside),
    )


def _round(server: Server, stage: Stage, people: CrowdLink, writes: int) -> _Round:
    """Writes at a fixed rate, whoever has read what."""
    cost, sent = Cost(server), dict[str, int]()
    start = time.monotonic()
    for number in range(writes):
        time.sleep(max(0.0, start + number / _WRITES_A_SECOND - time.monotonic()))
        sent |= stage.write(1)
    people.wait(stage.expected)
    taken = people.latencies(sent)
    return _Round(taken.p50_ms, taken.p99_ms, cost.grown_bytes() / _MB)
