"""Which tables and views may be record APIs: those whose rows have a type and one lasting name.

A table is STRICT and not temporary; its key is one column: an INTEGER, a BLOB whose CHECK lets only
UUIDs in or that refers to such a column, or, beyond what others allow, a TEXT. A view has to have a
schema and a column that is such a key of a table that it reads.
"""

from __future__ import annotations

import enum
from typing import NamedTuple

from shared.schema.tables.column import Column, DataType
from shared.schema.tables.table import Kind, Table, Tables


class NoRecordApiError(Exception):
    """A table or view that can be no record API; the text says why, after its name."""


class KeyKind(enum.Enum):
    """What the ids of a record API are."""

    INTEGER = enum.auto()
    UUID = enum.auto()
    TEXT = enum.auto()


class Key(NamedTuple):
    """The column whose values are the ids."""

    column: Column
    kind: KeyKind


def record_key(table: Table, tables: Tables) -> Key:
    """The key of a table or view as a record API. Raises NoRecordApiError.

    `tables`: those of its database. A view's types have to be inferred before.
    """
    if table.temporary:
        raise NoRecordApiError("is temporary")
    if table.kind is Kind.VIEW:
        return _key_of_view(table, tables)
    if table.kind is not Kind.TABLE:
        raise NoRecordApiError(f"is a {table.kind.value} table")
    if not table.columns:
        raise NoRecordApiError(f"has no columns: {table.problem}")
    if not table.strict:
        raise NoRecordApiError("is not STRICT")
    return _key(table, tables)


def excluded_problem(column: Column, key: Column) -> str:
    """Why a column cannot be excluded from a record API with that key; `""` if it can."""
    if column.name == key.name:
        return "is the primary key"
    if column.nullable or column.has_default or column.generated is not None:
        return ""
    return "is NOT NULL and has no default, so that nothing could be created"


def _key_of_view(view: Table, tables: Tables) -> Key:
    if view.problem:
        raise NoRecordApiError(f"has no schema: {view.problem}")
    if view.key is None:
        raise NoRecordApiError(
            "shows no column that is the key of each row: the primary key of a STRICT table,"
            " unchanged, or its MIN or MAX where rows are grouped by another column"
        )
    return _key(view, tables)


def _key(table: Table, tables: Tables) -> Key:
    column = table.key
    if column is None:
        count = len(table.primary_key)
        raise NoRecordApiError(
            f"has a primary key of {count} columns" if count else "has no primary key"
        )
    if column.generated is not None:
        raise NoRecordApiError("has a generated column as its primary key")
    if column.type is DataType.INTEGER:
        return Key(column, KeyKind.INTEGER)
    if column.type is DataType.TEXT:
        return Key(column, KeyKind.TEXT)
    if column.type is DataType.BLOB and _is_uuid(column, tables):
        return Key(column, KeyKind.UUID)
    if column.type is DataType.BLOB and table.checks is None:
        raise NoRecordApiError(f"has a BLOB as its primary key, and {table.problem}")
    if column.type is DataType.BLOB:
        raise NoRecordApiError(
            "has a BLOB as its primary key, and no CHECK of is_uuid, is_uuid_v4 or is_uuid_v7"
        )
    raise NoRecordApiError("has a primary key that is no INTEGER, BLOB or TEXT")


def _is_uuid(column: Column, tables: Tables) -> bool:
    """Whether it, or what it refers to in the end, is checked for UUIDs."""
    seen: list[tuple[str, str]] = []
    while column.uuid is None:
        referred = tables.referred(column)
        if referred is None or (referred[0].name, referred[1].name) in seen:
            return False
        if not referred[0].strict or referred[1].type is not DataType.BLOB:
            return False
        seen.append((referred[0].name, referred[1].name))
        column = referred[1]
    return True
