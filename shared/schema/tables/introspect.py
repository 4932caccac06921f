"""Reads the tables and views of a database, from SQLite's own functions and its stored definitions.

A view is read without the types of its columns, which `shared.schema.tables.view` infers. What is
broken (a view of a table that is gone, a virtual table whose module is missing) is read with its
name and the reason, and is in nobody's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final, NamedTuple

from shared.quote import quote_identifier
from shared.schema.tables.check import Check, Promise, Promised, promised
from shared.schema.tables.column import (
    Column,
    DataType,
    Generated,
    JsonCheck,
    Reference,
    Uuid,
    preferred_type,
    strict_type,
)
from shared.schema.tables.definition import (
    Definition,
    DefinitionError,
    read_definition,
    tells_more,
)
from shared.schema.tables.table import ForeignKey, Kind, Origin, Table, Tables, Unique
from shared.schema.tables.words import fold

Run = Callable[[str, Sequence[Any]], Iterable[Sequence[Any]]]
"""Runs one SELECT with its values on a read-only connection. All calls should see one snapshot."""

NOT_INFERRED: Final = "the types of its columns are not inferred"

_LIST_SQL: Final = (
    "SELECT name, type, wr, strict FROM pragma_table_list"
    " WHERE schema = ? COLLATE NOCASE AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_COLUMNS_SQL: Final = (
    'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?)'
    " ORDER BY cid"
)
_FOREIGN_SQL: Final = (
    'SELECT id, "table", "from", "to", on_delete, on_update FROM pragma_foreign_key_list(?, ?)'
    " ORDER BY id DESC, seq"
)
_UNIQUES_SQL: Final = (
    "SELECT l.seq, l.origin, l.partial, x.name, x.coll"
    " FROM pragma_index_list(?1, ?2) AS l, pragma_index_xinfo(l.name, ?2) AS x"
    ' WHERE l."unique" AND x.key ORDER BY l.seq DESC, x.seqno'
)


def _definitions_sql(schema: str) -> str:
    table = f"{quote_identifier(schema)}.sqlite_schema"
    return f"SELECT name, sql FROM {table} WHERE type IN ('table', 'view')"


class _Listed(NamedTuple):
    """One row of SQLite's list of tables, and the definition."""

    name: str
    kind: Kind
    without_rowid: bool
    strict: bool
    sql: str


def read_tables(run: Run, schema: str = "main", *, refused: type[Exception]) -> Tables:
    """The tables and views of the database that is attached as `schema`.

    `refused`: what `run` raises where SQLite refuses a statement for what the database holds, as
    it does for a broken view; anything else that it raises passes through.
    """
    sql = {str(name): str(text) for name, text in run(_definitions_sql(schema), ())}
    listed = [
        _Listed(str(name), Kind(kind), bool(without_rowid), bool(strict), sql[name])
        for name, kind, without_rowid, strict in run(_LIST_SQL, (schema,))
        if name in sql
    ]
    return Tables(_read(run, schema, one, refused) for one in sorted(listed))


def read_table(
    run: Run, name: str, schema: str = "main", *, refused: type[Exception]
) -> Table | None:
    """One table or view by its name, or None. As `read_tables`."""
    return read_tables(run, schema, refused=refused).find(name)


def _read(run: Run, schema: str, listed: _Listed, refused: type[Exception]) -> Table:
    known = Table(
        name=listed.name,
        schema=schema,
        kind=listed.kind,
        strict=listed.strict,
        without_rowid=listed.without_rowid and listed.kind is Kind.TABLE,
        sql=listed.sql,
    )
    try:
        rows = list(run(_COLUMNS_SQL, (listed.name, schema)))
        if listed.kind is not Kind.TABLE:
            columns = tuple(_column(row, known) for row in rows)
            problem = NOT_INFERRED if listed.kind is Kind.VIEW else ""
            return replace(known, columns=columns, problem=problem)
        return _whole(run, known, rows)
    except refused as error:
        return replace(known, checks=None, problem=f"SQLite cannot use it: {error}")


def _whole(run: Run, known: Table, rows: Sequence[Sequence[Any]]) -> Table:
    at = (known.name, known.schema)
    uniques = _uniques(run(_UNIQUES_SQL, at))
    foreign_keys = _foreign_keys(run(_FOREIGN_SQL, at))
    keyed = sorted((int(row[4]), str(row[0])) for row in rows if row[4])
    key = tuple(name for _, name in keyed)
    # `INTEGER PRIMARY KEY DESC` is a key with an index of its own, and no rowid.
    indexed = any(unique.origin is Origin.PRIMARY_KEY for unique in uniques)
    whole = len(key) == 1 and next(row[1].upper() for row in rows if row[4]) == "INTEGER"
    rowid = key[0] if whole and not indexed and not known.without_rowid else None
    known = replace(known, primary_key=key, rowid=rowid, uniques=uniques, foreign_keys=foreign_keys)
    columns = tuple(_column(row, known) for row in rows)
    return _defined(replace(known, columns=_referring(columns, foreign_keys)))


def _column(row: Sequence[Any], table: Table) -> Column:
    name, declared, not_null, default, _, hidden = row
    rowid = name == table.rowid
    return Column(
        name=name,
        declared=declared,
        type=strict_type(declared) if table.strict else preferred_type(declared),
        enforced=table.strict or rowid or not declared,
        nullable=not (not_null or rowid),
        default=default,
        generated=Generated(hidden) if hidden in (2, 3) else None,
        hidden=hidden == 1,
    )


def _uniques(rows: Iterable[Sequence[Any]]) -> tuple[Unique, ...]:
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        parts = list(group)
        columns, collations = tuple(row[3] for row in parts), tuple(row[4].upper() for row in parts)
        found.append(Unique(columns, collations, Origin(parts[0][1]), bool(parts[0][2])))
    return tuple(found)


def _foreign_keys(rows: Iterable[Sequence[Any]]) -> tuple[ForeignKey, ...]:
    """In the order of the definition: SQLite counts them from its end."""
    found = []
    for _, group in groupby(rows, key=lambda row: row[0]):
        parts = list(group)
        _, table, _, _, on_delete, on_update = parts[0]
        columns, to = tuple(row[2] for row in parts), tuple(row[3] for row in parts)
        found.append(ForeignKey(columns, table, to, on_delete, on_update))
    return tuple(found)


def _referring(
    columns: tuple[Column, ...], foreign_keys: tuple[ForeignKey, ...]
) -> tuple[Column, ...]:
    """With the first foreign key of each column alone."""
    first = {
        fold(key.columns[0]): Reference(key.table, key.to[0])
        for key in reversed(foreign_keys)
        if len(key.columns) == 1
    }
    return tuple(replace(one, reference=first.get(fold(one.name))) for one in columns)


def _defined(table: Table) -> Table:
    """With what only the text of the definition says."""
    if not tells_more(table.sql):
        return table
    try:
        definition = read_definition(table.sql)
        _check_names(definition, table)
    except DefinitionError as error:
        return replace(table, checks=None, problem=str(error))
    columns = tuple(
        replace(column, collation=defined.collation, formula=defined.formula)
        for column, defined in zip(table.columns, definition.columns, strict=True)
    )
    checked = replace(table, columns=columns, checks=definition.checks)
    return replace(checked, columns=_promising(columns, definition.checks))


def _check_names(definition: Definition, table: Table) -> None:
    read = [fold(column.name) for column in definition.columns]
    if read != [fold(column.name) for column in table.columns]:
        raise DefinitionError("its definition was read with other columns than SQLite's")


_UUIDS: Final = {
    Promise.UUID: Uuid.ANY,
    Promise.UUID_V4: Uuid.V4,
    Promise.UUID_V7: Uuid.V7,
}


def _promising(columns: tuple[Column, ...], checks: Iterable[Check]) -> tuple[Column, ...]:
    by_column: dict[str, list[Promised]] = {}
    for check in checks:
        for one in promised(check):
            by_column.setdefault(fold(one.column), []).append(one)
    return tuple(_with_promises(one, by_column.get(fold(one.name), ())) for one in columns)


def _with_promises(column: Column, promises: Iterable[Promised]) -> Column:
    for one in promises:
        if one.promise in _UUIDS:
            column = replace(column, uuid=_UUIDS[one.promise])
        elif one.promise is Promise.GEOMETRY and column.type in (DataType.BLOB, DataType.ANY):
            column = replace(column, geometry=True)
        elif one.promise is Promise.JSON:
            column = replace(column, json=JsonCheck(name=one.schema, extra=one.extra))
        elif one.promise is Promise.JSON_MATCHES:
            column = replace(column, json=JsonCheck(text=one.schema))
    return column
