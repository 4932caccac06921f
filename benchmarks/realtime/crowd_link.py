"""The benchmark's end of a crowd: starts the process, asks, and judges what it says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.processes import cpu_microseconds
from benchmarks.realtime.messages import (
    Answer,
    Await,
    Close,
    Command,
    Latencies,
    Measure,
    Open,
    Order,
    Orders,
    Rest,
    Settle,
    Told,
)
from benchmarks.target import TargetError, stop

_ROOT: Final = Path(__file__).resolve().parents[2]
_SETTLE_SECONDS: Final = 0.2

_answers: Final[msgspec.json.Decoder[Answer]] = msgspec.json.Decoder(Answer)


class WrongError(TargetError):
    """Clients did not read exactly what was written, in its order."""


class CrowdLink:
    """One crowd. Everything raises TargetError when it has died."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.clients = 0
        """Quick clients that are open."""

    def open(self, command: Open) -> None:
        """Connect them all. Raises TargetError when one of them is refused, or not live in time."""
        told = self._tell(command)
        if told.failure or told.late or told.lost:
            why = told.failure or f"{told.live} of {len(command.topics)} were live in time"
            raise TargetError(f"{command.transport}: {why}")
        if not command.slow:
            self.clients += len(command.topics)

    def wait(self, events: int, seconds: float = 30.0) -> Told:
        """Until so many events were read since the crowd was empty. Raises WrongError."""
        told = self._tell(Await(events, seconds))
        if told.late or told.lost or told.wrong:
            raise WrongError(_complaint(told, events))
        return told

    def counts(self) -> Told:
        """Where it stands, right or wrong."""
        return self._tell(Settle(0.0))

    def settle(self, events: int, seconds: float = _SETTLE_SECONDS) -> Told:
        """Read on for a while: no more than these may come. Raises WrongError."""
        told = self._tell(Settle(seconds))
        if told.heard != events or told.lost or told.wrong:
            raise WrongError(_complaint(told, events))
        return told

    def verify(self, marks: Sequence[str]) -> Told:
        """Each client has read exactly these, in this order. Raises WrongError."""
        told = self.settle(len(marks) * self.clients)
        if (told.low, told.high) != (len(marks), len(marks)):
            raise WrongError(_complaint(told, len(marks) * self.clients))
        order = self.orders().common
        if order != list(marks):
            places = [
                n for n, pair in enumerate(zip(order, marks, strict=False)) if len({*pair}) > 1
            ]
            raise WrongError(f"not the order of the commits, first at event {places[:1]}")
        return told

    def rest(self, seconds: float) -> None:
        """Have it sleep between two polls, so that it takes less of the machine; 0: not."""
        self._tell(Rest(seconds))

    def latencies(self, sent: Mapping[str, int]) -> Latencies:
        """Of what was read since the last time. `sent`: marks and monotonic nanoseconds."""
        answer = self._ask(Measure(dict(sent)))
        assert isinstance(answer, Latencies)
        return answer

    def orders(self) -> Orders:
        """What was read."""
        answer = self._ask(Order())
        assert isinstance(answer, Orders)
        return answer

    def close(self, *, slow: bool = False) -> None:
        """Hang up, the slow clients or all, and count from zero."""
        self._tell(Close(slow))
        if not slow:
            self.clients = 0

    def cpu_us(self) -> float:
        """What it has cost until now."""
        return cpu_microseconds([self._process.pid])

    def _tell(self, command: Command) -> Told:
        answer = self._ask(command)
        assert isinstance(answer, Told)
        return answer

    def _ask(self, command: Command) -> Answer:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(msgspec.json.encode(command) + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError as error:
            raise TargetError(f"the crowd has gone: {error}") from error
        if not line:
            raise TargetError("the crowd has gone")
        return _answers.decode(line)


def _complaint(told: Told, events: int) -> str:
    return (
        f"{told.heard:,} of {events:,} events were read, from {told.low} to {told.high} a client;"
        f" {told.lost} connections lost, {told.wrong} clients out of order"
    )


@contextmanager
def crowd() -> Iterator[CrowdLink]:
    """A crowd without clients, until the block ends."""
    command = [sys.executable, "-m", "benchmarks.realtime.crowd"]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield CrowdLink(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        stop(process)
        process.stdin.close()
        process.stdout.close()
