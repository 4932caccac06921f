"""Rows that the pre-update hook cannot read: those of tables with virtual columns.

The hook tells their rowids. Before the COMMIT each row is read twice: as another connection still
sees it, and as the transaction leaves it. So they are told with what SQLite itself computes in their
virtual columns, and each row at most once a transaction, however often it changed in there.

| before | after | told |
|---|---|---|
| none | row | a create, where it was touched last |
| row | row with that key | an update, where it was touched last |
| row | none | a delete, where it was touched first |
| row | row with another key | the delete and the create of these |
| none | none | nothing |

In that order nothing is created under a key that an earlier row has still to give up.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final, NamedTuple

import apsw

from shared.sqlite.connect import open_reader
from writer.capture import Event
from writer.tables import Detail, LoggedTable, Row, StoredTable

_NOTHING: Final[Event] = (LoggedTable("", [], [], Detail.NOTHING), None, None)


class _Fate(NamedTuple):
    """Of one row: where it was touched, the first and the last time, and what became of it."""

    first: int
    last: int
    before: Row | None
    after: Row | None


class _Touched(NamedTuple):
    """A row. Its table is the one of the first touch: a schema may be read again in between."""

    table: StoredTable
    first: int
    last: int


def told(connection: apsw.Connection, events: list[Event]) -> list[Event]:
    """As many events, with the rows of `connection` in place of the rowids. Before the COMMIT."""
    rows: dict[tuple[str, int], _Touched] = {}
    for at, (table, touch, _) in enumerate(events):
        if isinstance(table, StoredTable) and touch is not None:
            known = rows.get((table.name, touch[0]))
            first = _Touched(table, at, at) if known is None else known
            rows[table.name, touch[0]] = first._replace(last=at)
    found = [_NOTHING if _is_touch(event) else event for event in events]
    unread = set[str]()
    with closing(open_reader(connection.filename)) as reader:
        for (name, rowid), touched in rows.items():
            if name in unread:
                continue
            try:
                fate = _fate(touched, rowid, reader, connection)
            except apsw.Error:  # too long to be read, or of a table that was made anew
                unread.add(name)
                found[touched.first] = (touched.table.told, None, None)
            else:
                _tell(found, touched.table.told, fate)
    return found


def _is_touch(event: Event) -> bool:
    return isinstance(event[0], StoredTable) and event[1] is not None


def _fate(
    touched: _Touched, rowid: int, reader: apsw.Connection, connection: apsw.Connection
) -> _Fate:
    """Raises apsw.Error."""
    sql = touched.table.row_sql
    before = reader.execute(sql, (rowid,)).fetchall()
    after = connection.execute(sql, (rowid,)).fetchall()
    return _Fate(
        touched.first, touched.last, before[0] if before else None, after[0] if after else None
    )


def _tell(found: list[Event], table: LoggedTable, fate: _Fate) -> None:
    first, last, before, after = fate
    if before is None or after is None or table.key(before) == table.key(after):
        if before is not None or after is not None:
            found[first if after is None else last] = (table, before, after)
    elif first == last:
        found[first] = (table, before, after)
    else:
        found[first] = (table, before, None)
        found[last] = (table, None, after)
