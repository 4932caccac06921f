"""A crowd that listens and a writer that is listened to: what was written, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from benchmarks.realtime.crowd_link import CrowdLink
from benchmarks.realtime.servers import Writer

_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Burst:
    """Writes that were sent at once. `seconds`: from the first write to the last read."""

    sent: dict[str, int]
    seconds: float


class Stage:
    """All clients hear all writes. `marks`: of everything that was written."""

    def __init__(self, people: CrowdLink, writer: Writer, numbers: Iterator[str]) -> None:
        self._people = people
        self._writer = writer
        self._numbers = numbers
        self.marks: list[str] = []

    @property
    def expected(self) -> int:
        """Events that all clients together must have read by now."""
        return len(self.marks) * self._people.clients

    def burst(self, count: int) -> Burst:
        """Write them at once and wait until everybody has read all. Raises WrongError."""
        sent = self.write(count)
        told = self._people.wait(self.expected)
        return Burst(sent, (told.last - min(sent.values())) / _NS)

    def paced(self, count: int, pause_seconds: float) -> list[Burst]:
        """One write after the other, each some time after everybody has read the one before."""
        done: list[Burst] = []
        for _ in range(count):
            done.append(self.burst(1))
            time.sleep(pause_seconds)
        return done

    def write(self, count: int) -> dict[str, int]:
        """Write them at once, and wait for no reader."""
        marks = [*islice(self._numbers, count)]
        self.marks += marks
        return self._writer.write(marks)
