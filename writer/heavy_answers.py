"""Which large rows of `_batch` are of no more use, so that answers of a megabyte do not pile up.

An answer is kept because its operation may be sent again: until its worker says that it is
finished (`acked`), at the latest until a while after its deadline. Rows of small answers stay for
BATCH_KEPT_SECONDS all the same (`writer.retention`); of large ones only BATCH_KEPT_BYTES stay, and
those that somebody still waits for, however many. Rows of an earlier writer are not known here and
go by their age.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import islice
from typing import Final, NamedTuple

from shared import limits
from writer.answers import Worker

_SPARE_NS: Final = int(limits.WRITE_DEADLINE_SECONDS * 1_000_000_000)


class _Row(NamedTuple):
    """A row of `_batch`. `awaited`: by worker, the last seq in it. `until_ns`: CLOCK_MONOTONIC."""

    seq: int
    size: int
    awaited: dict[Worker, int]
    until_ns: int


class HeavyAnswers:
    """The large rows that this writer has committed, oldest first."""

    def __init__(self) -> None:
        self._rows: deque[_Row] = deque()
        self._bytes = 0

    def note(self, seq: int, size: int, awaited: dict[Worker, int], deadline_ns: int) -> None:
        """Row `seq` is committed. `deadline_ns`: the last one of its operations."""
        self._rows.append(_Row(seq, size, awaited, deadline_ns + _SPARE_NS))
        self._bytes += size

    def disposable(self) -> list[int]:
        """Rows to delete with the next commit; call `forget` when it has succeeded."""
        if self._bytes <= limits.BATCH_KEPT_BYTES:
            return []
        now = time.monotonic_ns()
        found: list[int] = []
        excess = self._bytes - limits.BATCH_KEPT_BYTES
        for row in islice(self._rows, limits.BATCH_HEAVY_ROWS_PER_COMMIT):
            if excess <= 0 or not _is_finished(row, now):
                break
            found.append(row.seq)
            excess -= row.size
        return found

    def forget(self, count: int) -> None:
        """The first `count` rows are deleted."""
        for _ in range(count):
            self._bytes -= self._rows.popleft().size


def _is_finished(row: _Row, now_ns: int) -> bool:
    """Nobody will ask for any answer in it."""
    if now_ns > row.until_ns:
        return True
    return all(seq <= worker.acked for worker, seq in row.awaited.items())
