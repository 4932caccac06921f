"""Capture: what SQLite's pre-update hook reports becomes the rows of `_change`.

The hook only collects; an operation that fails cuts the list back together with its savepoint;
what is left is encoded once, before the COMMIT of the same transaction. It takes no trigger and no
column in users' tables, and never decides who may see a change.

The hook stays set for as long as users' statements are prepared: SQLite compiles REPLACE and
DELETE differently without one, and the statement cache would keep that. It reports the delete of
a REPLACE whether or not `recursive_triggers` is on (tested), so that stays at SQLite's default.
"""

from __future__ import annotations

import apsw

from shared import limits
from shared.messages.changes import TOPICS, Act
from shared.sql.plan import Value
from writer.tables import Detail, LoggedTable, Row, encode, read_tables

Event = tuple[LoggedTable, Row | None, Row | None]
"""Table, row before, row after; both None: too much to tell. Of a stored one (rowid,) and None."""
ChangeRow = tuple[int, str, int, Value, bytes | None, bytes | None]

_CREATE, _UPDATE, _DELETE, _RESET, _MESSAGE = (int(act) for act in Act)
_TOPICS = LoggedTable(TOPICS, [], [0], Detail.MESSAGE)


class Capture:
    """Collects the row events of one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._tables: dict[str, LoggedTable | None] = {}
        self._reset: dict[str, LoggedTable] = {}
        self.events: list[Event] = []
        self.catalog_touched = False
        """An event of `_collections` came since this was last set to False."""
        self.stored_touched = False
        """There may be events of rows that are still to be looked up."""
        self.reload()
        self.resume()

    def reload(self) -> None:
        """Read the schema and the catalog again; after each statement that may change them."""
        self.pause()
        self._tables = read_tables(self._connection)
        self.resume()

    def pause(self) -> None:
        """Stop listening, for the writer's own statements on internal tables."""
        self._connection.preupdate_hook(None)

    def resume(self) -> None:
        """Listen to users' statements."""
        self._connection.preupdate_hook(self._on_row)

    def begin_definition(self) -> None:
        """A schema change or bulk work follows: a table's rows are one reset, but the catalog's."""
        self._reset.clear()
        self._connection.preupdate_hook(self._on_rewritten_row)

    def learn(self) -> None:
        """Read schema and catalog again in the middle of a schema change."""
        self._connection.preupdate_hook(None)
        self._tables = read_tables(self._connection)
        self._connection.preupdate_hook(self._on_rewritten_row)

    def end_definition(self) -> None:
        """The schema change is done: learn the new schema; reset what it emptied or rewrote."""
        self.events += [(table, None, None) for table in self._reset.values()]
        self.reload()

    def cut(self, mark: int) -> None:
        """Forget the events after the first `mark`, as the savepoint forgot their rows."""
        del self.events[mark:]
        self.catalog_touched = False

    def clear(self) -> None:
        """Forget everything, at the start of a transaction."""
        self.events.clear()
        self.catalog_touched = self.stored_touched = False

    def publish(self, topic: str, data: str) -> bool:
        """Add a message to the events. False when it is larger than a row of the log may be."""
        told = encode({"data": data})
        if len(topic.encode()) + len(told) > limits.CHANGE_ROW_BYTES_MAX:
            return False
        self.events.append((_TOPICS, None, (topic, told)))
        return True

    def _on_row(self, update: apsw.PreUpdate) -> None:
        """On the hot path: 2.5 µs a row, most of it the driver's."""
        try:
            table = self._tables[update.table_name]
        except KeyError:
            table = self._meet(update.table_name)
        if table is None:
            return
        if table.detail is Detail.WHOLE:
            self.events.append((table, update.old, update.new))
        else:
            self._on_quiet_row(table, update)

    def _on_quiet_row(self, table: LoggedTable, update: apsw.PreUpdate) -> None:
        if table.detail is Detail.TABLE_ONLY:
            self.events.append((table, None, None))
            return
        if table.detail is Detail.STORED:
            self.stored_touched = True
            self.events.append((table, (update.rowid,), None))
            if update.rowid_new != update.rowid:
                self.events.append((table, (update.rowid_new,), None))
            return
        self.catalog_touched = self.catalog_touched or table.is_catalog
        if table.detail is not Detail.NOTHING:
            self.events.append((table, update.old, update.new))

    def _on_rewritten_row(self, update: apsw.PreUpdate) -> None:
        table = self._tables.get(update.table_name)
        if table is None:
            return
        if table.is_catalog:
            self.catalog_touched = True
            if table.detail is not Detail.NOTHING:
                self.events.append((table, update.old, update.new))
        else:
            self._reset[table.name] = table

    def _meet(self, name: str) -> LoggedTable:
        """A table that another process made meanwhile. No SQL may run inside the hook."""
        table = LoggedTable(name, [], [], Detail.TABLE_ONLY)
        self._tables[name] = table
        return table


def encode_events(events: list[Event], n: int) -> tuple[list[ChangeRow], list[int]]:
    """The rows for `_change` that follow row `n`, and the last n after each event."""
    rows: list[ChangeRow] = []
    last: list[int] = []
    for table, old, new in events:
        if old is None and new is not None and table.detail is Detail.WHOLE:
            n += 1  # the usual case, spelled out: a new row
            told = table.whole(new)
            if len(told) > limits.CHANGE_ROW_BYTES_MAX:
                rows.append((n, table.name, _CREATE, table.key(new), None, None))
            else:
                rows.append((n, table.name, _CREATE, table.key(new), None, told))
        else:
            for act, key, before, after in _tell(table, old, new):
                n += 1
                rows.append((n, table.name, act, key, before, after))
        last.append(n)
    return rows, last


_Told = tuple[int, Value, bytes | None, bytes | None]


def _tell(table: LoggedTable, old: Row | None, new: Row | None) -> list[_Told]:
    """One event as one row, or two when an update gave the row another key."""
    if old is None and new is None:
        return [] if table.detail is Detail.NOTHING else [(_RESET, None, None, None)]
    if old is None:
        assert new is not None
        if table.detail is Detail.MESSAGE:
            topic, told = new
            return [(_MESSAGE, topic, None, told)]
        return [_fitting(table, _CREATE, new, None, new)]
    if new is None:
        return [_fitting(table, _DELETE, old, old, None)]
    if table.key(old) != table.key(new):
        return [
            _fitting(table, _DELETE, old, old, None),
            _fitting(table, _CREATE, new, None, new),
        ]
    return [_fitting(table, _UPDATE, new, old, new)]


def _fitting(table: LoggedTable, act: int, keyed: Row, old: Row | None, new: Row | None) -> _Told:
    """With values where they may be told and fit, else by key only; such a delete is a reset."""
    key = table.key(keyed)
    if table.detail is Detail.WHOLE:
        after = None if new is None else table.whole(new)
        if old is None:
            before = None
        else:
            before = table.whole(old) if new is None else table.changed(old, new)
        if len(before or b"") + len(after or b"") <= limits.CHANGE_ROW_BYTES_MAX:
            return act, key, before, after
    return (_RESET if act == _DELETE else act), key, None, None
