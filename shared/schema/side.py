"""Side tables: what a list in a record's column holds, as rows that an index can find.

Each field of several values has a table `(value, rid)` beside its collection's, `rid` being the
record's `_rowid_`, indexed both ways: by value for whatever asks who has one, by record for whatever
asks what a record has. The column stays what is read and written; triggers of the collection's table
keep the rows equal to it, so no writer needs to know of them. But for one: SQLite fires no trigger
for a row that REPLACE removes, so an upsert is written with ON CONFLICT DO UPDATE.

Their names are made of ids, so they outlive every rename, and hold a ":", which no collection's name
and no user's index may hold.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.quote import quote_identifier
from shared.schema.collection import VIEW, Collection
from shared.schema.fields.field import Field


def owned_name(collection: Collection, field: Field) -> str:
    """The unquoted name of what belongs to a field: its side table, or its index if it has one value.

    Ids differ by case, too, or hold anything: such are spelled in hex.
    """
    name = f"{collection.id}:{field.id}"
    if name.isascii() and name.isprintable() and name == name.lower():
        return name
    return f":{name.encode().hex()}"


def side_table(collection: Collection, field: Field) -> str:
    """The quoted name of a field's side table."""
    return quote_identifier(owned_name(collection, field))


def has_side_table(field: Field) -> bool:
    """Whether a field's values have one: fields of several values, in collections with a table."""
    return field.multiple


def side_fields(collection: Collection) -> list[Field]:
    """The fields of a collection that have side tables."""
    if collection.type == VIEW:
        return []
    return [field for field in collection.fields if has_side_table(field)]


def create_side(collection: Collection, field: Field, *, filled: bool) -> list[str]:
    """Side table and index, without its triggers; `filled`: with what the column holds already."""
    side = side_table(collection, field)
    columns = "value TEXT NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (value, rid)"
    statements = [f"CREATE TABLE {side} ({columns}) WITHOUT ROWID"]
    if filled:
        column = f"x.{quote_identifier(field.name)}"
        statements.append(
            f"INSERT INTO {side} (value, rid) SELECT CAST(j.value AS TEXT), x._rowid_"
            f" FROM {quote_identifier(collection.table)} x CROSS JOIN {items_of(column)} j"
            f" WHERE {column} <> '[]' AND j.value IS NOT NULL GROUP BY 1, 2"
        )
    return [*statements, f"CREATE INDEX {_part('rid', collection, field)} ON {side} (rid, value)"]


def drop_side(collection: Collection, field: Field) -> list[str]:
    """Away with the side table; the triggers go before it."""
    return [f"DROP TABLE IF EXISTS {side_table(collection, field)}"]


def create_triggers(collection: Collection, fields: Iterable[Field]) -> list[str]:
    """The triggers that keep the side tables of these fields."""
    return [sql for field in fields for sql in _triggers(collection, field)]


def drop_triggers(collection: Collection, fields: Iterable[Field]) -> list[str]:
    """Away with them: SQLite alters no column that a trigger mentions."""
    return [
        f"DROP TRIGGER IF EXISTS {_part(event, collection, field)}"
        for field in fields
        for event in ("insert", "update", "delete")
    ]


def items_of(column: str) -> str:
    """The items of a list as a table with a column `value`.

    A text that is no JSON (a migration's, say) holds nothing; json_each would fail on it.
    """
    return f"json_each(iif(json_valid({column}), {column}, '[]'))"


def _triggers(collection: Collection, field: Field) -> list[str]:
    table, side = quote_identifier(collection.table), side_table(collection, field)
    column = quote_identifier(field.name)
    # OR IGNORE would be overridden by the conflict clause of the statement outside.
    add = (
        f"INSERT INTO {side} (value, rid) SELECT DISTINCT CAST(value AS TEXT), new._rowid_"
        f" FROM {items_of(f'new.{column}')} WHERE value IS NOT NULL;"
    )
    remove = f"DELETE FROM {side} WHERE rid = old._rowid_;"
    moments = {
        "insert": (f"INSERT ON {table} WHEN new.{column} <> '[]'", add),
        "update": (
            # It may name columns that it does not change, too.
            f"UPDATE OF {column} ON {table} WHEN new.{column} IS NOT old.{column}",
            f"{remove} {add}",
        ),
        "delete": (f"DELETE ON {table} WHEN old.{column} <> '[]'", remove),
    }
    return [
        f"CREATE TRIGGER {_part(event, collection, field)} AFTER {moment} BEGIN {body} END"
        for event, (moment, body) in moments.items()
    ]


def _part(part: str, collection: Collection, field: Field) -> str:
    """The quoted name of an index or trigger; no other name can begin like this one."""
    return quote_identifier(f":{part}:{owned_name(collection, field)}")
