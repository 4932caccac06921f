"""How many bytes the change log holds, and up to which row it must be cut to hold fewer.

Summing up the lengths of a million rows takes seconds, so what is written is counted as it is
written, in segments of consecutive rows. What a former writer left is estimated at the start from
a few rows of each segment.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import apsw

from shared import limits
from writer.capture import ChangeRow

_SEGMENT_BYTES: Final = limits.MIB
_ROW_BYTES: Final = 32  # about what a row takes without its values
_SAMPLES: Final = 128
_ROWS_PER_SAMPLE: Final = 8


class ChangeSizes:
    """Bytes of `_change` by segments: [last n, bytes], oldest first."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.total = 0
        self._segments: deque[list[int]] = deque()
        self._estimate(connection)

    def note(self, changes: list[ChangeRow]) -> None:
        """These rows are committed."""
        size = len(changes) * _ROW_BYTES
        for _n, _table, _act, _key, old, new in changes:
            if new is not None:
                size += len(new)
            if old is not None:
                size += len(old)
        self._add(changes[-1][0], size)

    def is_over(self) -> bool:
        """Whether a round of retention is due."""
        return self.total > limits.CHANGE_KEPT_BYTES

    def excess_end(self) -> int:
        """Last n of what is too much; 0 when the log is short enough.

        It cuts a round deeper than the bound, so that a round is not due after every batch.
        """
        if not self.is_over():
            return 0
        return self._end(self.total - limits.CHANGE_KEPT_BYTES + limits.RETENTION_BYTES_PER_ROUND)

    def round_end(self) -> int:
        """Last n that one round may take: whole segments, one at least; 0 when there is none."""
        return self._end(limits.RETENTION_BYTES_PER_ROUND)

    def trimmed(self, n: int) -> None:
        """Rows up to `n` are gone."""
        segments = self._segments
        while segments and segments[0][0] <= n:
            self.total -= segments.popleft()[1]

    def _end(self, size: int) -> int:
        """Last n of the first segments that make up `size` bytes."""
        last = 0
        for n, bytes_ in self._segments:
            if size <= 0:
                break
            last = n
            size -= bytes_
        return last

    def _add(self, n: int, size: int) -> None:
        self.total += size
        segments = self._segments
        if segments and segments[-1][1] < _SEGMENT_BYTES:
            segments[-1][0] = n
            segments[-1][1] += size
        else:
            segments.append([n, size])

    def _estimate(self, connection: apsw.Connection) -> None:
        """Look at rows all over the log. Lengths stand in front: long values are not read."""
        row: tuple[Any, ...] = connection.execute(
            "SELECT (SELECT n FROM _change ORDER BY n LIMIT 1),"
            " (SELECT n FROM _change ORDER BY n DESC LIMIT 1)"
        ).fetchall()[0]
        if row[0] is None:
            return
        first, last = int(row[0]), int(row[1])
        rows = max((last - first) // _SAMPLES, _ROWS_PER_SAMPLE) + 1
        for start in range(first, last + 1, rows):
            end = min(start + rows - 1, last)
            sizes: list[tuple[Any, ...]] = connection.execute(
                "SELECT ifnull(length(old), 0) + ifnull(length(new), 0) FROM _change"
                " WHERE n BETWEEN ? AND ? ORDER BY n LIMIT ?",
                (start, end, _ROWS_PER_SAMPLE),
            ).fetchall()
            average = _ROW_BYTES + sum(int(size) for (size,) in sizes) // max(len(sizes), 1)
            self.total += average * (end - start + 1)
            self._segments.append([end, average * (end - start + 1)])
