"""The table of a collection: the DDL that makes it, follows a changed definition, and drops it.

Fields are matched by id, so a rename keeps its data. Every statement is a complete one, in the order
in which they must run, within one transaction. What must hold of the rows before a table is altered
is told by `shared.schema.conversion`.

Each column with one reference has an index of the system's own, `"<collection id>:<field id>"`:
whatever deletes a record looks there for what refers to it. It is listed in no definition. A column
with several values has a side table of that name instead (`shared.schema.side`).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from itertools import pairwise

from shared.quote import quote_identifier
from shared.schema.collection import VIEW, Collection
from shared.schema.conversion import converted_sql, declaration, is_rebuilt
from shared.schema.fields.field import Field
from shared.schema.fields.relation import RelationField
from shared.schema.index import Index, read_index
from shared.schema.index_list import carried_index
from shared.schema.side import (
    create_side,
    create_triggers,
    drop_side,
    drop_triggers,
    has_side_table,
    owned_name,
    side_fields,
)


def create_table(collection: Collection) -> list[str]:
    """The table, its indexes and side tables.

    The rowid is declared, so that VACUUM keeps it.
    """
    columns = ", ".join(field.column() for field in collection.fields)
    table = quote_identifier(collection.table)
    return [
        f"CREATE TABLE {table} (_rowid_ INTEGER PRIMARY KEY, {columns})",
        *collection.indexes,
        *reference_indexes(collection, reference_fields(collection)),
        *_create_sides(collection, side_fields(collection)),
        *create_triggers(collection, side_fields(collection)),
    ]


def drop_table(collection: Collection) -> list[str]:
    """Away with the table and its side tables; indexes and triggers go with it."""
    return [
        f"DROP TABLE {quote_identifier(collection.table)}",
        *(sql for field in side_fields(collection) for sql in drop_side(collection, field)),
    ]


def complete_table(collection: Collection, present: Container[str]) -> list[str]:
    """The system's own indexes and side tables that are not among the names `present`."""
    if collection.type == VIEW:
        return []
    lacking = [field for field in collection.fields if owned_name(collection, field) not in present]
    sides = [field for field in lacking if has_side_table(field)]
    return [
        *reference_indexes(collection, [one for one in lacking if is_reference(one)]),
        *_create_sides(collection, sides, filled=collection.by_id),
        *drop_triggers(collection, sides),
        *create_triggers(collection, sides),
    ]


def alter_table(old: Collection, new: Collection) -> list[str]:
    """From the table of `old` to that of `new`, which has the same id; data stays.

    An index that goes on as it is, names of fields and table apart, is not built again. Views that
    read the table must be dropped before, since SQLite would check them at each step.
    """
    rebuilt = {field.id for field in new.fields if _is_rebuilt(field, old)}
    carried = {sql: carried_index(sql, old, new.fields) for sql in old.indexes}
    kept = {
        index.sql(new.table): sql
        for sql, index in carried.items()
        if index is not None and _goes_on(index, new, rebuilt)
    }
    columns = [
        *_drop_columns(old, new),
        *_rename_columns(old, new),
        *_add_columns(old, new),
        *_rebuild_columns(old, new, rebuilt),
        # After the columns: what is told of rewritten rows is told under the name in force.
        *_rename_table(old.table, new.table),
    ]
    ended = _without(side_fields(old), side_fields(new))
    begun = _without(side_fields(new), side_fields(old))
    triggers_move = bool(columns or ended or begun)
    return [
        *(_drop_index(sql) for sql in old.indexes if sql not in kept.values()),
        *_drop_reference_indexes(
            old, _without(reference_fields(old), reference_fields(new), rebuilt)
        ),
        *(drop_triggers(old, side_fields(old)) if triggers_move else ()),
        *(sql for field in ended for sql in drop_side(old, field)),
        *columns,
        *(sql for sql in new.indexes if sql not in kept),
        *reference_indexes(new, _without(reference_fields(new), reference_fields(old), rebuilt)),
        *_create_sides(new, begun, filled=old.by_id),
        *(create_triggers(new, side_fields(new)) if triggers_move else ()),
    ]


# --- Indexes and side tables ------------------------------------------------------------------


def reference_indexes(collection: Collection, fields: Iterable[Field]) -> list[str]:
    """The system's own indexes of fields that hold one reference each."""
    table = quote_identifier(collection.table)
    return [
        f"CREATE INDEX {quote_identifier(owned_name(collection, field))}"
        f" ON {table} ({quote_identifier(field.name)})"
        for field in fields
    ]


def reference_fields(collection: Collection) -> list[Field]:
    """The fields of a collection with such an index."""
    return [field for field in collection.fields if is_reference(field)]


def is_reference(field: Field) -> bool:
    """Whether a field holds one reference."""
    return isinstance(field, RelationField) and not field.multiple


def _without(
    fields: Iterable[Field], others: Iterable[Field], but: Container[str] = ()
) -> list[Field]:
    """Those fields that are not among the others by their id, and those with an id in `but`."""
    ids = {field.id for field in others}
    return [field for field in fields if field.id not in ids or field.id in but]


def _drop_reference_indexes(old: Collection, fields: Iterable[Field]) -> list[str]:
    """SQLite drops no column that an index mentions."""
    return [f"DROP INDEX IF EXISTS {quote_identifier(owned_name(old, field))}" for field in fields]


def _create_sides(
    collection: Collection, fields: Iterable[Field], filled: Iterable[str] = ()
) -> list[str]:
    """`filled`: ids of the fields whose columns may hold something."""
    return [
        sql for field in fields for sql in create_side(collection, field, filled=field.id in filled)
    ]


def _goes_on(index: Index, new: Collection, rebuilt: set[str]) -> bool:
    """Whether an index under its new names is still wanted, and all its columns stay."""
    if index.sql(new.table) not in new.indexes:
        return False
    names = {field.name for field in new.fields if field.id in rebuilt}
    return not names & index.fields()


def _drop_index(sql: str) -> str:
    return f"DROP INDEX {quote_identifier(read_index(sql).name)}"


# --- Columns, under the old name of the table --------------------------------------------------


def _rename_table(old: str, new: str) -> list[str]:
    """By way of a third name where only the case differs: SQLite takes the two for one."""
    if old == new:
        return []
    steps = [old, new] if old.lower() != new.lower() else [old, f"{old}:renamed", new]
    return [
        f"ALTER TABLE {quote_identifier(before)} RENAME TO {quote_identifier(after)}"
        for before, after in pairwise(steps)
    ]


def _drop_columns(old: Collection, new: Collection) -> list[str]:
    return [
        _alter(old, f"DROP COLUMN {quote_identifier(field.name)}")
        for field in old.fields
        if field.id not in new.by_id
    ]


def _rename_columns(old: Collection, new: Collection) -> list[str]:
    """Through names that no field can have where a new name is still somebody's old one."""
    pairs = [(one.name, new.by_id[one.id].name) for one in old.fields if one.id in new.by_id]
    changed = [(before, after) for before, after in pairs if before != after]
    present = {before.lower() for before, _ in pairs}
    first: list[str] = []
    second: list[str] = []
    for before, after in changed:
        if after.lower() in present:
            passing = f"{after}:renamed"
            first.append(_rename_column(old, before, passing))
            second.append(_rename_column(old, passing, after))
        else:
            first.append(_rename_column(old, before, after))
    return first + second


def _rename_column(collection: Collection, before: str, after: str) -> str:
    names = f"{quote_identifier(before)} TO {quote_identifier(after)}"
    return _alter(collection, f"RENAME COLUMN {names}")


def _add_columns(old: Collection, new: Collection) -> list[str]:
    added = [field for field in new.fields if field.id not in old.by_id]
    return [_alter(old, f"ADD COLUMN {field.column()}") for field in added]


def _is_rebuilt(field: Field, old: Collection) -> bool:
    before = old.by_id.get(field.id)
    return before is not None and is_rebuilt(before, field)


def _rebuild_columns(old: Collection, new: Collection, rebuilt: set[str]) -> list[str]:
    """Columns of another declaration or with other values: made beside the old ones and filled.

    They have their new names already. All are filled in one pass over the rows.
    """
    fields = [field for field in new.fields if field.id in rebuilt]
    if not fields:
        return []
    passing = {field.id: f"{field.name}:converted" for field in fields}
    values = ", ".join(
        f"{quote_identifier(passing[field.id])} ="
        f" {converted_sql(old.by_id[field.id], field, quote_identifier(field.name))}"
        for field in fields
    )
    return [
        *(
            _alter(old, f"ADD COLUMN {quote_identifier(passing[field.id])}{declaration(field)}")
            for field in fields
        ),
        f"UPDATE {quote_identifier(old.table)} SET {values}",
        *_replace_columns(old, fields, passing),
    ]


def _replace_columns(
    old: Collection, fields: Sequence[Field], passing: dict[str, str]
) -> list[str]:
    return [
        sql
        for field in fields
        for sql in (
            _alter(old, f"DROP COLUMN {quote_identifier(field.name)}"),
            _rename_column(old, passing[field.id], field.name),
        )
    ]


def _alter(collection: Collection, change: str) -> str:
    return f"ALTER TABLE {quote_identifier(collection.table)} {change}"
