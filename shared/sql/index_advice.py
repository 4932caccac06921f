"""Which index would help: read from a statement of ours and from SQLite's plan for it.

Only statements that this folder made are read, in which each table has an alias and each column is
written `alias."name"`; so a few patterns tell what is compared with what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from shared.quote import quote_backtick
from shared.schema.collection import Collection
from shared.schema.fields.relation import RelationField
from shared.schema.index import read_index
from shared.sql.order import OrderTerm
from shared.sql.query_plan import PlanLine, sorts_rows

_NAME: Final = r'"((?:[^"]|"")+)"'
_TABLE: Final = re.compile(rf"\b(?:FROM|JOIN)\s+{_NAME}\s+(?:AS\s+)?(\w+)")
_EQUAL: Final = re.compile(rf"(?<![\w+.])(\w+)\.{_NAME}\s+(?:=|IS(?!\s+NOT\b)|IN\b)")
_EQUAL_RIGHT: Final = re.compile(rf"[^<>!]=\s+(\w+)\.{_NAME}")
_COLUMN: Final = re.compile(rf"r\.{_NAME}")
_SCAN: Final = re.compile(r"SCAN (\w+)( USING .*)?")
_ROW: Final = "r"
_NAME_CHARS_MAX: Final = 100

Columns = tuple[tuple[str, bool], ...]
"""Names of columns, and whether the index has them descending."""


def missing_indexes(
    collections: Mapping[str, Collection],
    sql: str,
    lines: Sequence[PlanLine],
    terms: Sequence[OrderTerm] = (),
) -> list[str]:
    """CREATE INDEX statements for the tables that `sql` reads whole, or sorts.

    `collections`: by table. `terms`: those of the ORDER BY over the row `r`, where there is one.
    Indexes that are there already are not named, nor any for a table read whole for no equality.
    """
    tables = {alias: _unquoted(table) for table, alias in _TABLE.findall(sql)}
    equal = _equal_columns(sql)
    found: dict[str, None] = {}
    for alias in _scanned(lines):
        collection = collections.get(tables.get(alias, ""))
        if collection is None or collection.is_view:
            continue
        order = _ordered(terms) if alias == _ROW else ()
        if not equal.get(alias) and not (order and sorts_rows(lines)):
            continue
        columns = _index_columns(collection, equal.get(alias, ()), order)
        if columns and not _is_there(collection, [name for name, _ in columns]):
            found[_create(collection, columns)] = None
    return list(found)


def widest(statements: Iterable[str]) -> list[str]:
    """The statements without those whose columns are the first ones of another's."""
    unique = list(dict.fromkeys(statements))
    heads = {one: _columns_of(one) for one in unique}
    return [
        one
        for one in unique
        if not any(other != one and heads[other].startswith(heads[one]) for other in unique)
    ]


def _columns_of(statement: str) -> str:
    return statement[statement.index(" ON ") :].removesuffix(")")


def _scanned(lines: Sequence[PlanLine]) -> list[str]:
    """Aliases that are read whole; also `r`, when its rows are found by an index and sorted."""
    found = [match[1] for line in lines if (match := _SCAN.fullmatch(line.text))]
    return [*found, _ROW] if sorts_rows(lines) and _ROW not in found else found


def _equal_columns(sql: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for pattern in (_EQUAL, _EQUAL_RIGHT):
        for alias, name in pattern.findall(sql):
            found.setdefault(alias, {})[_unquoted(name)] = None
    return {alias: tuple(names) for alias, names in found.items()}


def _ordered(terms: Sequence[OrderTerm]) -> Columns:
    """The sort's columns as far as they are plain.

    The rowid is every index's last column, ascending, and the last term of a sort has the direction
    of the one before: so that one is made ascending, and the index is walked backwards if need be.
    """
    columns: list[tuple[str, bool]] = []
    for term in terms:
        match = _COLUMN.fullmatch(term.sql)
        if match is None:
            break
        columns.append((_unquoted(match[1]), term.descending))
    return tuple((name, down is not columns[-1][1]) for name, down in columns)


def _index_columns(collection: Collection, equal: Iterable[str], order: Columns) -> Columns:
    first = {name: False for name in equal if collection.field(name) is not None and name != "id"}
    return tuple((first | {n: d for n, d in order if n not in first}).items())


def _is_there(collection: Collection, names: list[str]) -> bool:
    if len(names) == 1:
        field = collection.field(names[0])
        if names[0] == "id" or (isinstance(field, RelationField) and not field.multiple):
            return True
    keys = [read_index(sql).key_fields() for sql in collection.indexes]
    return any(key[: len(names)] == names for key in keys)


def _create(collection: Collection, columns: Columns) -> str:
    name = "_".join(["idx", collection.name, *(name for name, _ in columns)])[:_NAME_CHARS_MAX]
    keys = ", ".join(quote_backtick(name) + (" DESC" if down else "") for name, down in columns)
    return f"CREATE INDEX {quote_backtick(name)} ON {quote_backtick(collection.name)} ({keys})"


def _unquoted(name: str) -> str:
    return name.replace('""', '"')
