"""The table of a collection: the DDL that makes it, follows a changed definition, and drops it.

Fields are matched by id, so a rename keeps its data. Every statement is a complete one, in the order
in which they must run, within one transaction.

Each column with one reference has an index of the system's own, `"<collection id>:<field id>"`:
whatever deletes a record looks there for what refers to it. The name holds ids, so it outlives
every rename, and a ":", which no collection's name and no user's index may hold. It is listed in no
definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.relation import RelationField
from shared.schema.index import read_index
from shared.schema.index_list import carried_index


def create_table(collection: Collection) -> list[str]:
    """The table and its indexes.

    The rowid is declared, so that VACUUM keeps it.
    """
    columns = ", ".join(field.column() for field in collection.fields)
    table = quote_identifier(collection.table)
    return [
        f"CREATE TABLE {table} (_rowid_ INTEGER PRIMARY KEY, {columns})",
        *collection.indexes,
        *_index_references(collection, collection.fields),
    ]


def drop_table(collection: Collection) -> list[str]:
    """Away with the table; its indexes go with it."""
    return [f"DROP TABLE {quote_identifier(collection.table)}"]


def alter_table(old: Collection, new: Collection) -> list[str]:
    """From the table of `old` to that of `new`, which has the same id; data stays.

    An index that goes on as it is, names of fields and table apart, is not built again.
    """
    carried = {sql: _carried_sql(sql, old, new) for sql in old.indexes}
    kept = {sql for sql in carried.values() if sql in new.indexes}
    table = quote_identifier(new.table)
    return [
        *(_drop_index(sql) for sql, goes_on in carried.items() if goes_on not in kept),
        *_drop_reference_indexes(old, new),
        *_rename_table(old.table, new.table),
        *_drop_columns(table, old, new),
        *_rename_columns(table, old, new),
        *_add_columns(table, old, new.fields),
        *(sql for sql in new.indexes if sql not in kept),
        *_index_references(new, [field for field in new.fields if field.id not in old.by_id]),
    ]


def _reference_index(collection: Collection, field: Field) -> str:
    """Its quoted name. Ids differ by case, too, or hold anything: such are spelled in hex."""
    name = f"{collection.id}:{field.id}"
    if not (name.isascii() and name.isprintable() and name == name.lower()):
        name = f":{name.encode().hex()}"
    return quote_identifier(name)


def _has_reference_index(field: Field) -> bool:
    return isinstance(field, RelationField) and not field.multiple


def _index_references(collection: Collection, fields: Sequence[Field]) -> list[str]:
    table = quote_identifier(collection.table)
    return [
        f"CREATE INDEX {_reference_index(collection, field)}"
        f" ON {table} ({quote_identifier(field.name)})"
        for field in fields
        if _has_reference_index(field)
    ]


def _drop_reference_indexes(old: Collection, new: Collection) -> list[str]:
    """SQLite drops no column that an index mentions."""
    return [
        f"DROP INDEX IF EXISTS {_reference_index(old, field)}"  # a depot of an earlier build
        for field in old.fields
        if field.id not in new.by_id and _has_reference_index(field)
    ]


def _carried_sql(sql: str, old: Collection, new: Collection) -> str | None:
    index = carried_index(sql, old, new.fields)
    return index.sql(new.table) if index is not None else None


def _drop_index(sql: str) -> str:
    return f"DROP INDEX {quote_identifier(read_index(sql).name)}"


def _rename_table(old: str, new: str) -> list[str]:
    """By way of a third name where only the case differs: SQLite takes the two for one."""
    if old == new:
        return []
    steps = [old, new] if old.lower() != new.lower() else [old, f"{old}:renamed", new]
    return [
        f"ALTER TABLE {quote_identifier(before)} RENAME TO {quote_identifier(after)}"
        for before, after in pairwise(steps)
    ]


def _drop_columns(table: str, old: Collection, new: Collection) -> list[str]:
    dropped = [field.name for field in old.fields if field.id not in new.by_id]
    return [f"ALTER TABLE {table} DROP COLUMN {quote_identifier(name)}" for name in dropped]


def _rename_columns(table: str, old: Collection, new: Collection) -> list[str]:
    """Through names that no field can have where a new name is still somebody's old one."""
    pairs = [(one.name, new.by_id[one.id].name) for one in old.fields if one.id in new.by_id]
    changed = [(before, after) for before, after in pairs if before != after]
    present = {before.lower() for before, _ in pairs}
    first: list[str] = []
    second: list[str] = []
    for before, after in changed:
        if after.lower() in present:
            passing = f"{after}:renamed"
            first.append(_rename_column(table, before, passing))
            second.append(_rename_column(table, passing, after))
        else:
            first.append(_rename_column(table, before, after))
    return first + second


def _rename_column(table: str, before: str, after: str) -> str:
    names = f"{quote_identifier(before)} TO {quote_identifier(after)}"
    return f"ALTER TABLE {table} RENAME COLUMN {names}"


def _add_columns(table: str, old: Collection, fields: Sequence[Field]) -> list[str]:
    added = [field for field in fields if field.id not in old.by_id]
    return [f"ALTER TABLE {table} ADD COLUMN {field.column()}" for field in added]
