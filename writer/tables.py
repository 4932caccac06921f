"""How the rows of each table are told in the change log: under which name, key and field ids.

Read from the catalog (`_collections`) and from SQLite's own description of the tables, whenever
the schema moves. Which tables are left out is an explicit list, never a leading underscore.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

import apsw
import msgspec

from shared.quote import quote_identifier, quote_text
from shared.schema.reserved import USER_SECRETS, USERS_TABLE
from shared.sql.plan import Value

INTERNAL: Final = frozenset(
    {
        "_head", "_change", "_commit", "_batch", "_idempotency", "_attempts",
        "_schema_history", "_schema_state",
        "_session", "_authorization_code", "_otp_code",
    }
)  # fmt: skip
CATALOG_TABLE: Final = "_collections"
SETTINGS_TABLE: Final = "_settings"
"""The accepted settings: a part of the catalog that is not logged."""
ROW_NUMBER: Final = "_rowid_"
"""The rowid of our own tables, which says nothing to anybody outside."""

Row = tuple[Any, ...]
encode = msgspec.msgpack.Encoder().encode


class Detail(enum.Enum):
    """How much of a row may be told."""

    WHOLE = 1
    KEY_ONLY = 2
    TABLE_ONLY = 3
    NOTHING = 4
    MESSAGE = 5
    """No table of the database: its rows are (topic, what `_change` stores)."""
    STORED = 6
    """The hook cannot read its rows: they are looked up by their rowids (`stored_rows.py`)."""


class _FieldEntry(msgspec.Struct):
    id: str
    name: str
    type: str


_read_fields = msgspec.json.Decoder(list[_FieldEntry]).decode


class LoggedTable:
    """Turns rows of one table, as the pre-update hook gives them, into what `_change` stores."""

    __slots__ = ("_ids", "_open", "_secret", "_take", "detail", "is_catalog", "key", "name")

    def __init__(
        self, name: str, columns: list[tuple[str, bool]], key: list[int], detail: Detail
    ) -> None:
        """`columns`: (field id, secret?) in table order; `key`: positions of the key's columns."""
        self.name = name
        self.detail = detail
        self.is_catalog = name in (CATALOG_TABLE, SETTINGS_TABLE)
        self.key = _key_reader(key)
        told = [i for i, (field, _) in enumerate(columns) if field != ROW_NUMBER]
        self._ids = tuple(field for field, _ in columns)
        self._open = tuple(i for i in told if not columns[i][1])
        self._secret = tuple(i for i in told if columns[i][1])
        self._take = _picker([columns[i][0] for i in self._open], self._open)

    def whole(self, row: Row) -> bytes:
        """All values that may be told, by field id."""
        return encode(self._take(row))

    def changed(self, old: Row, new: Row) -> bytes:
        """The former values of what an update changed; of a secret, only that it changed."""
        ids = self._ids
        before: dict[str, Value] = {ids[i]: old[i] for i in self._open if old[i] != new[i]}
        for i in self._secret:
            if old[i] != new[i]:
                before[ids[i]] = None
        return encode(before)


class StoredTable(LoggedTable):
    """One with virtual columns. `told`: what its rows are told as. `row_sql`: takes a rowid."""

    __slots__ = ("row_sql", "told")

    def __init__(self, told: LoggedTable, row_sql: str) -> None:
        super().__init__(told.name, [], [], Detail.STORED)
        self.told = told
        self.row_sql = row_sql


def _key_reader(key: list[int]) -> Callable[[Row], Value]:
    """One column is the key itself, several become a msgpack array."""
    if len(key) == 1:
        return itemgetter(key[0])
    return lambda row: encode([row[i] for i in key])


def _picker(ids: list[str], at: tuple[int, ...]) -> Callable[[Row], dict[str, Value]]:
    """A function from a row to its told columns; one C call each for the usual shapes."""
    if at and at == tuple(range(at[0], at[0] + len(at))):
        part = slice(at[0], at[0] + len(at))
        return lambda row: dict(zip(ids, row[part], strict=False))
    if len(at) > 1:
        take = itemgetter(*at)
        return lambda row: dict(zip(ids, take(row), strict=False))
    return lambda row: {field: row[i] for field, i in zip(ids, at, strict=True)}


def read_tables(connection: apsw.Connection) -> dict[str, LoggedTable | None]:
    """Every table by name; None for those that are not logged."""
    entries = _catalog_entries(connection)
    tables: dict[str, LoggedTable | None] = {}
    listed: list[Row] = connection.execute(
        "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND type != 'view'"
    ).fetchall()
    for name, kind, without_rowid in listed:
        quiet = name in INTERNAL or ":" in name or name.startswith("sqlite_")
        if quiet or kind in ("shadow", "virtual"):
            tables[name] = None
        elif name == SETTINGS_TABLE:
            tables[name] = LoggedTable(name, [], [0], Detail.NOTHING)
        else:
            entry = entries.get(name)
            tables[name] = _describe(connection, name, entry, without_rowid=bool(without_rowid))
    return tables


_Entry = tuple[str, str, list[_FieldEntry]]


def _catalog_entries(connection: apsw.Connection) -> dict[str, _Entry]:
    """(id, kind, fields) of each collection by its table's name."""
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (CATALOG_TABLE,)
    ).fetchall()
    if not found:
        return {}
    rows: list[Row] = connection.execute(
        "SELECT name, id, type, fields FROM _collections"
    ).fetchall()
    return {name: (id_, kind, _read_fields(fields)) for name, id_, kind, fields in rows}


_HIDDEN_VIRTUAL: Final = 2
_ROWIDS: Final = ("rowid", "_rowid_", "oid")


def _describe(
    connection: apsw.Connection, name: str, entry: _Entry | None, *, without_rowid: bool
) -> LoggedTable:
    """Columns in table order, and the key."""
    columns: list[Row] = connection.execute(
        f"SELECT name, pk, hidden FROM pragma_table_xinfo({quote_text(name)}) ORDER BY cid"
    ).fetchall()
    names: list[str] = [column for column, _, _ in columns]
    primary = [i for i, column in enumerate(columns) if column[1]]
    primary.sort(key=lambda i: columns[i][1])
    detail = Detail.KEY_ONLY if name == CATALOG_TABLE else Detail.WHOLE
    if "id" in names and (entry is not None or ROW_NUMBER in names):
        key = [names.index("id")]  # our own tables, whose rowid says nothing outside
    else:
        key = primary or list(range(len(names)))  # without any key, a row is its own
    if entry is None:
        secret = USER_SECRETS if name == USERS_TABLE else frozenset[str]()
        table = LoggedTable(name, [(column, column in secret) for column in names], key, detail)
    else:
        id_, kind, fields = entry
        by_name = {field.name: field for field in fields}
        table = LoggedTable(id_, [_told(c, by_name.get(c), kind) for c in names], key, detail)
    if any(hidden == _HIDDEN_VIRTUAL for _, _, hidden in columns):
        return _stored(name, names, table, without_rowid=without_rowid)
    return table


def _stored(
    name: str, columns: list[str], table: LoggedTable, *, without_rowid: bool
) -> LoggedTable:
    """The driver cannot read rows with virtual columns."""
    taken = {column.lower() for column in columns}
    rowid = next((one for one in _ROWIDS if one not in taken), None)
    if without_rowid or rowid is None:
        return LoggedTable(table.name, [], [], Detail.TABLE_ONLY)
    shown = ", ".join(map(quote_identifier, columns))
    return StoredTable(
        table, f"SELECT {shown} FROM main.{quote_identifier(name)} WHERE {rowid} = ?"
    )


def _told(column: str, field: _FieldEntry | None, kind: str) -> tuple[str, bool]:
    if field is None:
        return column, False
    secret = field.type == "password" or (kind == "auth" and field.name == "tokenKey")
    return field.id, secret
