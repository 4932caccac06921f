"""What a write costs by who is watching: nobody, watchers of something else, watchers under rules.

Each contest is a cluster of its own with its own crowd, all on copies of one depot, and their
rounds alternate. One connection writes one record at a time; where somebody hears of it, the next
write comes after everybody has, so a write's cost holds the judging and telling of it.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Final

from benchmarks.realtime.crowd_link import CrowdLink, WrongError, crowd
from benchmarks.realtime.messages import Open, Transport
from benchmarks.realtime.servers import TEXT_BYTES, Cost, QuillServer, quill
from benchmarks.realtime.writers import RecordWriter

_WARM_WRITES: Final = 20
_NS_A_MS: Final = 1_000_000


@dataclass(frozen=True)
class Contest:
    """Who watches what is written.

    `topics`, `tokens`: of each watcher.  `collection`: is written to.  `fields`: of the Nth record.
    `hearers`: the watchers who must hear of the Nth record, by their place in `topics`.
    `base`: the contest that it is compared with.  `limit`: what the two ratios may be.
    """

    title: str
    collection: str
    topics: Sequence[str] = ()
    tokens: Sequence[str] = ()
    fields: Callable[[int], Mapping[str, str]] = lambda _: {}
    hearers: Callable[[int], Sequence[int]] = lambda _: ()
    base: str = ""
    limit: float | None = None


@dataclass(frozen=True)
class Method:
    """Rounds a contest, and writes a round."""

    rounds: int
    writes: int


@dataclass(frozen=True)
class Row:
    """Figures of all rounds. CPU of all server processes; p50 of the write's own answer."""

    title: str
    watchers: int
    heard_by: float
    writes: int
    cpu_us: float
    p50_ms: float
    event_p50_ms: float | None
    event_p99_ms: float | None
    cpu_ratio: float | None
    p50_ratio: float | None
    limit: float | None

    @property
    def broken(self) -> str:
        """Which limit does not hold, or nothing."""
        for what, ratio in (("CPU", self.cpu_ratio), ("p50", self.p50_ratio)):
            if self.limit is not None and ratio is not None and ratio > self.limit:
                return f"{self.title}: {ratio:.2f} times the {what}, above {self.limit}"
        return ""


@dataclass
class _Place:
    """One contest's cluster, and what its rounds have found."""

    contest: Contest
    server: QuillServer
    people: CrowdLink
    writer: RecordWriter
    cpu_us: float = 0.0
    taken_ms: list[float] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    expected: list[list[str]] = field(default_factory=list)
    count: int = 0
    events: int = 0

    def round(self, writes: int, numbers: Iterator[str]) -> None:
        """So many writes. Raises WrongError when one is not heard."""
        cost = Cost(self.server)
        taken = [self._write(next(numbers)) for _ in range(writes)]
        self.cpu_us += cost.cpu_us()
        self.taken_ms += taken

    def _write(self, mark: str) -> float:
        """Milliseconds until it was answered."""
        hearers = self.contest.hearers(self.count)
        fields = self.contest.fields(self.count)
        self.count += 1
        started = monotonic_ns()
        self.sent |= self.writer.write([mark], fields)
        taken = (monotonic_ns() - started) / _NS_A_MS
        for place in hearers:
            self.expected[place].append(mark)
        if hearers:
            self.events += len(hearers)
            self.people.wait(self.events)
        return taken

    def warm(self, numbers: Iterator[str]) -> None:
        """Writes that do not count."""
        self.round(_WARM_WRITES, numbers)
        self.people.latencies({})
        self.cpu_us = 0.0
        self.taken_ms.clear()
        self.sent.clear()

    def verify(self) -> None:
        """Each watcher has read exactly what concerns it, in order. Raises WrongError."""
        self.people.settle(self.events)
        if self.contest.topics and self.people.orders().apart != self.expected:
            raise WrongError(f"{self.contest.title}: somebody read what was not meant for him")


def measure(
    contests: Sequence[Contest],
    transport: Transport,
    depot: Path,
    workers: int,
    method: Method,
    numbers: Iterator[str],
    say: Callable[[str], None],
) -> list[Row]:
    """All rounds of all contests. Raises TargetError."""
    with ExitStack() as stack:
        places = [
            _open(stack, number, contest, transport, depot, workers)
            for number, contest in enumerate(contests)
        ]
        for place in places:
            place.warm(numbers)
        for number in range(method.rounds):
            say(f"round {number + 1}/{method.rounds}: {', '.join(each.title for each in contests)}")
            for place in reversed(places) if number % 2 else places:
                place.round(method.writes, numbers)
        for place in places:
            place.verify()
        return _rows(places)


def _open(
    stack: ExitStack, number: int, contest: Contest, transport: Transport, depot: Path, workers: int
) -> _Place:
    copy = depot.with_name(f"{depot.name}-{number}")
    shutil.copytree(depot, copy, dirs_exist_ok=True)
    stack.callback(shutil.rmtree, copy)
    server = stack.enter_context(quill(copy, workers, second_port=transport == "second"))
    people = stack.enter_context(crowd())
    writer = server.writer(1, TEXT_BYTES, contest.collection)
    stack.enter_context(closing(writer))
    place = _Place(contest, server, people, writer)
    if contest.topics:
        topics, tokens = list(contest.topics), list(contest.tokens)
        people.open(Open(transport, server.port(transport), topics, tokens, apart=True))
        place.expected = [[] for _ in topics]
    return place


def _rows(places: Sequence[_Place]) -> list[Row]:
    rows: dict[str, Row] = {}
    for place in places:
        contest, base = place.contest, rows.get(place.contest.base)
        cpu, p50 = place.cpu_us / len(place.taken_ms), statistics.median(place.taken_ms)
        heard = place.people.latencies(place.sent) if place.events else None
        rows[contest.title] = Row(
            title=contest.title,
            watchers=len(contest.topics),
            heard_by=place.events / place.count,
            writes=len(place.taken_ms),
            cpu_us=cpu,
            p50_ms=p50,
            event_p50_ms=heard.p50_ms if heard else None,
            event_p99_ms=heard.p99_ms if heard else None,
            cpu_ratio=cpu / base.cpu_us if base and base.cpu_us else None,  # a tick is 10 ms
            p50_ratio=p50 / base.p50_ms if base else None,
            limit=contest.limit,
        )
    return list(rows.values())
