"""The change log as readers see it: pages of decoded rows of `_change` after a position.

The feed, clients that resume and server code that follows the log all read it here. Numbers have
no gaps, but for the oldest rows, which retention removes. So of a position it can always be said
whether everything after it is still there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import msgspec

from shared.limits import LOG_PAGE_BYTES, LOG_PAGE_ROWS, LOG_PAGE_ROWS_SCANNED
from shared.messages.changes import Act, Change
from shared.sql.plan import Value
from worker.engine.snapshot import Snapshot

_COLUMNS = "n, tbl, act, key, old, new"
_ALL_SQL = f"SELECT {_COLUMNS} FROM _change WHERE n > ? ORDER BY n LIMIT ?"
# `n` and `tbl` stand first in a row, so the values of the rows left out are never read.
_SOME_SQL = (
    f"SELECT {_COLUMNS} FROM _change WHERE n > ? AND n <= ?"
    " AND tbl IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?"
)
_HEAD_SQL = "SELECT n, feed FROM _head"
_FIRST_SQL = "SELECT n FROM _change ORDER BY n LIMIT 1"
_REDEFINED_SQL = (
    "SELECT key, max(n) FROM _change defined WHERE n > ?1 AND tbl = '_collections'"
    " AND key IN (SELECT value FROM json_each(?2)) AND EXISTS (SELECT 1 FROM _change former"
    " WHERE former.n > ?1 AND former.n < defined.n AND former.tbl = defined.key) GROUP BY key"
)
UNHEARD = ""
"""Stands for the table of a row that nobody wanted when it was read."""
_NO_VALUES = (int(Act.UPDATE), None, None, None)
_decode = msgspec.msgpack.decode
_encode_json = msgspec.json.encode


Interest = Callable[[str, Value], bool]
"""Whether anybody wants the changes of a table's (`Change.table`) row with this key."""


class PageLimits(NamedTuple):
    """How much one page may hold.

    `rows`: changes in it.  `size`: bytes of their values; the change that passes it is the last.
    `scanned`: rows of the log looked at for those, where only some tables are wanted.
    """

    rows: int = LOG_PAGE_ROWS
    size: int = LOG_PAGE_BYTES
    scanned: int = LOG_PAGE_ROWS_SCANNED


PAGE_LIMITS = PageLimits()


class ChangePage(NamedTuple):
    """What follows a position in the log.

    `changes`: in order.  `upto`: all up to this n has been looked at; the next page follows it.
    `gone`: there was more between the position and `upto`, which is not there any more, or the
    position is of the future; the page has no changes then.
    `head`, `feed`: the log's last n and its id, of the same moment.
    """

    changes: list[Change]
    upto: int
    gone: bool
    head: int
    feed: int

    @property
    def at_head(self) -> bool:
        """Nothing more was there to be read."""
        return self.upto >= self.head


def read_changes(
    snapshot: Snapshot,
    after: int,
    limits: PageLimits = PAGE_LIMITS,
    tables: Collection[str] | None = None,
) -> ChangePage:
    """The page after row `after`, of some tables (`Change.table`) or of all.

    Call it inside one read transaction; whether `after` is of this log (`feed`), the caller
    compares. Raises InterruptError where the snapshot's time is up.
    """
    head, feed = head_of(snapshot)
    if after == head:
        return ChangePage([], head, gone=False, head=head, feed=feed)
    kept = head if after > head else kept_from(snapshot, head)
    if not kept <= after < head:
        return ChangePage([], kept, gone=True, head=head, feed=feed)
    if tables is None:
        changes = changes_after(snapshot, after, limits)
        return ChangePage(changes, changes[-1].n, gone=False, head=head, feed=feed)
    end = min(head, after + limits.scanned)
    changes, whole = _changes_of(snapshot, after, end, limits, tables)
    upto = end if whole else changes[-1].n
    return ChangePage(changes, upto, gone=False, head=head, feed=feed)


def head_of(snapshot: Snapshot) -> tuple[int, int]:
    """The log's last n and its id, as of the snapshot."""
    row = snapshot.row(_HEAD_SQL)
    assert row is not None
    head, feed = row
    assert isinstance(head, int)
    assert isinstance(feed, int)
    return head, feed


def kept_from(snapshot: Snapshot, head: int) -> int:
    """The oldest position after which everything is still there; `head` in an empty log."""
    first = snapshot.value(_FIRST_SQL)
    return first - 1 if isinstance(first, int) else head


def changes_after(
    snapshot: Snapshot,
    after: int,
    limits: PageLimits = PAGE_LIMITS,
    interest: Interest | None = None,
) -> list[Change]:
    """The rows that are there after row `after`, without a look at what is missing before them.

    `interest`: rows that it says no to become `UNHEARD`, without their values.
    """
    enough = _Enough(limits.size)
    rows = snapshot.rows_until(_ALL_SQL, (after, limits.rows), enough)
    if interest is None:
        return [change_of(row) for row in rows]
    return [
        change_of(row if interest(str(row[1]), row[3]) else (row[0], UNHEARD, *_NO_VALUES))
        for row in rows
    ]


def redefined_after(snapshot: Snapshot, after: int, tables: Collection[str]) -> dict[str, int]:
    """Where collections were last defined anew, of which the log has changes before that; by id.

    Counted since row `after`. Rules and fields speak of what is stored now. What was stored under a
    former definition may be what a rule was opened, or a field shown, after it was cleared away;
    and ids are made of names, so a collection or a field that was dropped may be there again.
    """
    params = (after, _encode_json(sorted(tables)).decode())
    found = snapshot.rows(_REDEFINED_SQL, params)
    return {str(key): n for key, n in found if isinstance(n, int)}


def change_of(row: tuple[Value, ...]) -> Change:
    """A row of `_change`, decoded: n, tbl, act, key, old, new."""
    n, table, act, key, old, new = row
    assert isinstance(n, int)
    assert isinstance(act, int)
    return Change(n, str(table), Act(act), key, _values(old), _values(new))


def _changes_of(
    snapshot: Snapshot, after: int, end: int, limits: PageLimits, tables: Collection[str]
) -> tuple[list[Change], bool]:
    """The changes of some tables in (after, end], and whether those are all of them."""
    enough = _Enough(limits.size)
    wanted = _encode_json(sorted(tables)).decode()
    rows = snapshot.rows_until(_SOME_SQL, (after, end, wanted, limits.rows), enough)
    return [change_of(row) for row in rows], not enough.reached and len(rows) < limits.rows


class _Enough:
    """Says when the values of the rows seen so far are more than `size` bytes."""

    __slots__ = ("_left", "reached")

    def __init__(self, size: int) -> None:
        self._left = size
        self.reached = False

    def __call__(self, row: tuple[Value, ...]) -> bool:
        self._left -= _blob_bytes(row[4]) + _blob_bytes(row[5])
        self.reached = self._left < 0
        return self.reached


def _blob_bytes(value: Value) -> int:
    return len(value) if isinstance(value, bytes) else 0


def _values(blob: Value) -> dict[str, Value] | None:
    return _decode(blob, type=dict[str, Value]) if isinstance(blob, bytes) else None
