"""What the writer remembers of each worker, so that an operation sent twice is applied once.

In memory: the result of every operation that its worker has not acknowledged yet, entered only
after the COMMIT that made it true. On disk: one `_batch` row a commit, for the next writer and for
workers that wait past a deadline. Random ids in a table of their own would triple the file.
"""

from __future__ import annotations

import time
from typing import Any, Final

import apsw
import msgspec

from shared import limits
from shared.messages.commands import BatchLog, LoggedResult, Operation, Result

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(BatchLog).decode
_SECOND_NS: Final = 1_000_000_000
_KEPT_NS: Final = int(limits.BATCH_KEPT_SECONDS * _SECOND_NS)
_SOON_NS: Final = int(2 * limits.WRITE_DEADLINE_SECONDS * _SECOND_NS)


class Worker:
    """One incarnation of a worker process.

    `acked`: every seq up to it is finished there. `highest`: greatest seq ever taken up here; a
    greater one is surely new. `results`: by seq, what may have to be answered again.
    """

    __slots__ = ("acked", "highest", "incarnation", "results", "seen_ns")

    def __init__(self, incarnation: int) -> None:
        self.incarnation = incarnation
        self.acked = 0
        self.highest = 0
        self.results: dict[int, Result] = {}
        self.seen_ns = time.monotonic_ns()

    def acknowledge(self, acked: int) -> None:
        """Forget what the worker has finished."""
        finished = acked - self.acked
        if finished <= 0:
            return
        results = self.results
        if finished > len(results):
            self.results = {seq: result for seq, result in results.items() if seq > acked}
        else:
            for seq in range(self.acked + 1, acked + 1):
                results.pop(seq, None)
        self.acked = acked
        self.highest = max(self.highest, acked)

    def remember(self, result: Result) -> None:
        """Keep a result whose COMMIT has returned, or that needs none."""
        self.results[result.seq] = result
        self.highest = max(self.highest, result.seq)


class Client:
    """One connection of a worker. Answers go to the connection that asked."""

    __slots__ = ("identity", "worker")

    def __init__(self, identity: bytes, worker: Worker) -> None:
        self.identity = identity
        self.worker = worker


Entry = tuple[Client, Operation, int]
"""Whose, what, and its share of the bytes of the message that it came in."""


class Answers:
    """All workers that one database has heard of."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._workers: dict[int, Worker] = {}
        self._loaded_from_ns = time.monotonic_ns()
        self.complete = False
        """All that may still be asked for is in memory."""
        self._load(self._loaded_from_ns - _SOON_NS)

    def of(self, incarnation: int) -> Worker:
        """The worker of that incarnation, from now on known."""
        worker = self._workers.get(incarnation)
        if worker is None:
            worker = self._workers.setdefault(incarnation, Worker(incarnation))
        return worker

    def load_all(self) -> None:
        """Load the rest of `_batch` too: for operations whose deadline is longer than usual.

        A start loads the last seconds only, so that it stays quick after a busy minute (0.3 s at
        10 000 operations a second).
        """
        self._load(time.monotonic_ns() - _KEPT_NS)
        self.complete = True

    def forget_silent(self) -> None:
        """Drop the results of workers that have not been heard of for as long as any re-send."""
        before = time.monotonic_ns() - _KEPT_NS
        for worker in list(self._workers.values()):
            if worker.results and worker.seen_ns < before:
                worker.results = {}

    def _load(self, from_ns: int) -> None:
        """Read the `_batch` rows since `from_ns` that are not in memory yet."""
        if from_ns >= self._loaded_from_ns:
            return
        found: list[bytes] = []
        newest_first = self._connection.execute("SELECT at, entries FROM _batch ORDER BY seq DESC")
        row: tuple[Any, ...]
        for row in newest_first:
            at, entries = row
            if at < from_ns:
                break
            if at < self._loaded_from_ns:  # else loaded before, or of an earlier boot
                found.append(entries)
        newest_first.close(True)
        self._loaded_from_ns = from_ns
        for entries in reversed(found):
            self._take(_decode(entries))

    def _take(self, log: BatchLog) -> None:
        for incarnation, acked in log.acked:
            self.of(incarnation).acknowledge(acked)
        for logged in log.results:
            worker = self.of(logged.incarnation)
            if logged.seq > worker.acked:
                worker.remember(Result(logged.seq, logged.status, logged.payload, logged.step))


def encode_log(decided: list[tuple[Worker, Result]]) -> bytes:
    """The `entries` of one `_batch` row."""
    workers = {worker.incarnation: worker.acked for worker, _ in decided}
    results = [
        LoggedResult(worker.incarnation, result.seq, result.status, result.payload, result.step)
        for worker, result in decided
    ]
    return _encode(BatchLog(list(workers.items()), results))
