"""All clients lose their connections, miss events, and come back at once with their position."""

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

MISSED: Final = 100
_CONNECTIONS: Final = 50
_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Row:
    """Medians over the rounds. `seconds`: until all were live again and had read what they missed.

    `cpu_us`: of all server processes, by event told, connecting included.
    """

    transport: Transport
    clients: int
    missed: int
    seconds: float
    rate: float
    cpu_us: float
    grown_mb: float


def measure(
    transports: Sequence[Transport],
    clients: int,
    depot: Path,
    workers: int,
    rounds: int,
    numbers: Iterator[str],
    say: Callable[[str], None],
) -> list[Row]:
    """A server for each transport. Raises TargetError."""
    rows = []
    for transport in transports:
        say(f"resuming at once: {transport}")
        with running(transport, depot, workers) as server, crowd() as people:
            done = [_round(transport, clients, server, people, numbers) for _ in range(rounds)]
        seconds = statistics.median(each[0] for each in done)
        rows.append(
            Row(
                transport=transport,
                clients=clients,
                missed=MISSED,
                seconds=seconds,
                rate=clients * MISSED / seconds,
                cpu_us=statistics.median(each[1] for each in done),
                grown_mb=done[0][2],
            )
        )
    return rows


def _round(
    transport: Transport, clients: int, server: Server, people: CrowdLink, numbers: Iterator[str]
) -> tuple[float, float, float]:
    """Seconds, CPU µs by event, and MB of growth."""
    port, topics = server.port(transport), [POSTS] * clients
    with closing(server.writer(_CONNECTIONS)) as writer:
        people.open(Open(transport, port, topics))
        Stage(people, writer, numbers).paced(1, 0.0)
        position = writer.position()
        people.close()
        stage = Stage(people, writer, numbers)
        stage.write(MISSED)
        cost, started = Cost(server), time.monotonic()
        people.open(Open(transport, port, topics, at_once=clients, since=position))
        live = time.monotonic()
        told = people.wait(stage.expected)
        seconds = max(live, told.last / _NS) - started
        spent, grown = cost.cpu_us(), cost.grown_bytes()
        stage.burst(1)
        people.verify(server.order(stage.marks))
        people.close()
    return seconds, spent / clients / MISSED, grown / (1 << 20)
