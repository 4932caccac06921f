"""Changes that wait to be told, bounded by their number and by the bytes of their values."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from shared.limits import REALTIME_CHANGES_WAITING_BYTES, REALTIME_CHANGES_WAITING_MAX
from shared.messages.changes import Change
from shared.sql.plan import Value

_CHANGE_BYTES: Final = 500  # of the object itself, roughly
_VALUE_BYTES: Final = 50


class Backlog:
    """A queue in the order of the log. `size` is in bytes, roughly."""

    __slots__ = ("_changes", "size")

    def __init__(self) -> None:
        self._changes: deque[tuple[Change, int]] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Change]:
        return (change for change, _size in self._changes)

    def extend(self, changes: Iterable[Change]) -> bool:
        """Add `changes`. False when that is more than may wait, whatever was added."""
        for change in changes:
            size = change_bytes(change)
            self._changes.append((change, size))
            self.size += size
        return (
            len(self._changes) <= REALTIME_CHANGES_WAITING_MAX
            and self.size <= REALTIME_CHANGES_WAITING_BYTES
        )

    def first(self) -> Change:
        """The oldest one. Raises IndexError when there is none."""
        return self._changes[0][0]

    def head(self, count: int) -> Iterator[Change]:
        """The oldest `count`."""
        return (change for change, _size in islice(self._changes, count))

    def drop(self, count: int) -> None:
        """Forget the oldest `count`, which were told."""
        for _ in range(count):
            self.size -= self._changes.popleft()[1]


def change_bytes(change: Change) -> int:
    """About what a change holds in memory."""
    return _CHANGE_BYTES + _values_bytes(change.old) + _values_bytes(change.new)


def _values_bytes(values: dict[str, Value] | None) -> int:
    if values is None:
        return 0
    texts = sum(len(value) for value in values.values() if isinstance(value, str | bytes))
    return texts + _VALUE_BYTES * len(values)
