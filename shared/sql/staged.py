"""The statements of an import: rows that wait in a file of their own, judged and taken over as sets.

The file is attached as `staged`; its table `rows` has the columns of the collection's table, and
three of its own whose names hold a colon, so that they are no field's: `:n` counts the rows, `:line`
says where a row stood, and `:given` which fields its record named (a digit for each field, 1 for
those named; NULL where all records name the same).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.listed import ListedField
from shared.schema.fields.relation import RelationField
from shared.schema.index import Index, read_index
from shared.schema.index_tokens import OPERATOR, QUOTED, Token, render_tokens
from shared.sql.plan import Step, Value, forbid, run

SCHEMA: Final = "staged"
_ROWS: Final = f'{SCHEMA}."rows"'
_RANGE: Final = 's.":n" BETWEEN ? AND ?'
ALL_ROWS: Final = (0, 2**62)
"""The range of everything that is staged."""

Range = tuple[int, int]
"""First and last `:n`."""


class UniqueKey(NamedTuple):
    """What must be unique in a collection: the id, or an index's key. `fields`: by their names."""

    fields: tuple[str, ...]
    keys: tuple[tuple[Token, ...], ...]
    where: tuple[Token, ...]

    def terms(self, alias: str) -> list[str]:
        """The key's terms over the row `alias`."""
        return [_over(alias, key) for key in self.keys]

    def condition(self, alias: str) -> str:
        """Which rows of `alias` it is about."""
        return f"({_over(alias, self.where)})" if self.where else "1"


def unique_keys(collection: Collection) -> list[UniqueKey]:
    """The id first, then the unique indexes."""
    indexes = [read_index(sql) for sql in collection.indexes]
    return [
        UniqueKey(("id",), ((Token(QUOTED, "id"),),), ()),
        *(_unique_key(one) for one in indexes if one.unique),
    ]


def _unique_key(index: Index) -> UniqueKey:
    keys = tuple(key[:-1] if key[-1].is_word("ASC", "DESC") else key for key in index.keys)
    return UniqueKey(tuple(index.key_fields()), keys, index.where)


def _over(alias: str, tokens: Sequence[Token]) -> str:
    named: list[Token] = []
    for token in tokens:
        if token.kind == QUOTED:
            named.append(Token(OPERATOR, f"{alias}."))
        named.append(token)
    return render_tokens(tuple(named))


# --- The staged file, on its own connection ------------------------------------------------------


def staged_table(collection: Collection) -> str:
    """Makes the table of the rows, without any of its indexes."""
    columns = ", ".join(
        f"{quote_identifier(one.name)} TEXT NOT NULL" if one.name == "id" else one.column()
        for one in collection.fields
    )
    own = '":n" INTEGER PRIMARY KEY, ":line" INTEGER NOT NULL, ":given" TEXT'
    return f'CREATE TABLE "rows" ({own}, {columns})'


def stage_row(collection: Collection) -> str:
    """Adds a row: number, line, given, then the values of all fields."""
    return f'INSERT INTO "rows" VALUES (?, ?, ?{", ?" * len(collection.fields)})'


def staged_index(number: int, key: UniqueKey, condition: str) -> str:
    """A unique index over the staged rows. `condition`: which of them count, besides its own."""
    wanted = [f"({render_tokens(key.where)})"] * bool(key.where) + [condition] * bool(condition)
    where = " AND ".join(wanted)
    terms = ", ".join(map(render_tokens, key.keys))
    sql = f'CREATE UNIQUE INDEX ":unique:{number}" ON "rows" ({terms})'
    return f"{sql} WHERE {where}" if where else sql


def order_ids() -> list[str]:
    """Statements that give the ids of all rows, which are random ones, to the rows in order.

    So the index of ids is written from its left to its right, page by page, rather than all over.
    """
    return [
        'CREATE TABLE "ids" ("k" INTEGER PRIMARY KEY, "id" TEXT NOT NULL)',
        'INSERT INTO "ids" ("id") SELECT "id" FROM "rows" ORDER BY "id"',
        'UPDATE "rows" SET "id" = (SELECT i."id" FROM "ids" i WHERE i."k" = "rows".":n")',
        'DROP TABLE "ids"',
    ]


def repeated_rows(key: UniqueKey, condition: str) -> str:
    """Rows that repeat the key of an earlier one: number, line, the line of the first."""
    terms = key.terms("s")
    wanted = [key.condition("s"), *(f"{term} IS NOT NULL" for term in terms)]
    wanted += [condition] * bool(condition)
    window = f'OVER (PARTITION BY {", ".join(terms)} ORDER BY s.":n")'
    return (
        'SELECT "n", "line", "first" FROM (SELECT s.":n" AS "n", s.":line" AS "line",'
        f' first_value(s.":line") {window} AS "first", row_number() {window} AS "place"'
        f' FROM "rows" s WHERE {" AND ".join(wanted)}) WHERE "place" > 1 ORDER BY "n"'
    )


def drop_rows() -> str:
    """Takes a row out again, given its number."""
    return 'DELETE FROM "rows" WHERE ":n" = ?'


def given_condition(collection: Collection, fields: Sequence[str]) -> str:
    """Rows whose records name all of these fields."""
    names = [one.name for one in collection.fields]
    return " AND ".join(
        f"""ifnull(substr(":given", {names.index(name) + 1}, 1), '1') = '1'""" for name in fields
    )


# --- Rows against the collection: each yields number and line, and takes a range -----------------


def taken_rows(collection: Collection, key: UniqueKey, *, upsert: bool, condition: str) -> str:
    """Rows whose key a stored record has; with `upsert`, one that is not itself replaced."""
    same = [f"({one}) = ({two})" for one, two in zip(key.terms("t"), key.terms("s"), strict=True)]
    tests = [key.condition("t"), *same]
    if upsert:
        tests.append(f'NOT EXISTS (SELECT 1 FROM {_ROWS} o WHERE o."id" = t."id")')
    wanted = [_RANGE, key.condition("s")] + [condition] * bool(condition)
    table = quote_identifier(collection.table)
    return (
        f'SELECT s.":n", s.":line" FROM {_ROWS} s WHERE {" AND ".join(wanted)}'
        f" AND EXISTS (SELECT 1 FROM {table} t WHERE {' AND '.join(tests)})"
    )


def known_elsewhere(other: Collection) -> str:
    """Rows whose id a record of another collection has."""
    table = quote_identifier(other.table)
    return (
        f'SELECT s.":n", s.":line" FROM {_ROWS} s WHERE {_RANGE}'
        f' AND EXISTS (SELECT 1 FROM {table} t WHERE t."id" = s."id")'
    )


def dangling_rows(
    field: RelationField, target: Collection, *, own: bool, stored: bool = True
) -> str:
    """Rows that refer to a record which is neither stored nor, in its `own` collection, staged.

    `stored`: records of the target count; those that are going to be replaced do not.
    """
    table, column = quote_identifier(target.table), f"s.{quote_identifier(field.name)}"
    wanted = "w.value" if field.multiple else column
    missing = []
    if stored:
        missing.append(f'NOT EXISTS (SELECT 1 FROM {table} t WHERE t."id" = {wanted})')
    if own:
        missing.append(f'NOT EXISTS (SELECT 1 FROM {_ROWS} o WHERE o."id" = {wanted})')
    tests = " AND ".join(missing)
    if field.multiple:
        inner = f"EXISTS (SELECT 1 FROM json_each({column}) w WHERE {tests})"
        found = f"{column} <> '[]' AND {inner}"
    else:
        found = f"{column} <> '' AND {tests}"
    return f'SELECT s.":n", s.":line" FROM {_ROWS} s WHERE {_RANGE} AND {found}'


def incomplete_rows(collection: Collection, field: str) -> str:
    """Rows that would become new records although they do not name a field."""
    return (
        f'SELECT s.":n", s.":line" FROM {_ROWS} s WHERE {_RANGE}'
        f" AND NOT ({given_condition(collection, [field])}) AND {_is_new(collection)}"
    )


def new_rows(collection: Collection) -> str:
    """Rows whose id no stored record has."""
    return f'SELECT s.":n", s.":line" FROM {_ROWS} s WHERE {_RANGE} AND {_is_new(collection)}'


def needed_elsewhere(collection: Collection, other: Collection, field: Field) -> str:
    """Ids of stored records that no row has, although a record of `other` refers to them."""
    table, outer = quote_identifier(collection.table), quote_identifier(other.table)
    column = f"o.{quote_identifier(field.name)}"
    many = isinstance(field, ListedField) and field.multiple
    source = f"{outer} o CROSS JOIN json_each({column}) w" if many else f"{outer} o"
    wanted = "w.value" if many else column
    return (
        f'SELECT t."id" FROM {source} CROSS JOIN {table} t ON t."id" = {wanted}'
        f' WHERE NOT EXISTS (SELECT 1 FROM {_ROWS} s WHERE s."id" = t."id") LIMIT 1'
    )


def _is_new(collection: Collection) -> str:
    table = quote_identifier(collection.table)
    return f'NOT EXISTS (SELECT 1 FROM {table} t WHERE t."id" = s."id")'


# --- Taking the rows over, in the writer ----------------------------------------------------------


def insert_rows(collection: Collection, rows: Range, *, new_only: bool = False) -> Step:
    """Insert the staged rows, in their order; `new_only`: those without a stored record."""
    names = ", ".join(quote_identifier(one.name) for one in collection.fields)
    shown = ", ".join(f"s.{quote_identifier(one.name)}" for one in collection.fields)
    unless = f" AND {_is_new(collection)}" if new_only else ""
    table = quote_identifier(collection.table)
    sql = f"INSERT INTO {table} ({names}) SELECT {shown} FROM {_ROWS} s WHERE {_RANGE}{unless}"
    return run(sql, rows)


def update_rows(
    collection: Collection, given: Mapping[str, str], stamped: Sequence[str], now: str, rows: Range
) -> Step:
    """Set fields of stored records: those of `given`, where the row names the field beside each.

    `stamped`: fields that are `now` unless their row names them.
    """
    table = quote_identifier(collection.table)
    sets: list[str] = []
    params: list[Value] = []
    for name in dict.fromkeys((*given, *stamped)):
        column = quote_identifier(name)
        if name in given:
            said = given_condition(collection, [given[name]])
            other = "?" if name in stamped else f"{table}.{column}"
            sets.append(f"{column} = iif({said}, s.{column}, {other})")
        else:
            sets.append(f"{column} = ?")
        params += [now] * (name in stamped)
    sql = (
        f"UPDATE {table} SET {', '.join(sets)} FROM {_ROWS} s"
        f' WHERE {table}."id" = s."id" AND {_RANGE}'
    )
    return run(sql, (*params, *rows))


def delete_all(collection: Collection) -> Step:
    """Delete every record; nothing is done about what refers to them."""
    return run(f"DELETE FROM {quote_identifier(collection.table)}")


def never_any(sql: str, rows: Range, *, refusal: str) -> Step:
    """A guard that none of the rows is found by one of the queries over a range."""
    return forbid(f"{sql} LIMIT 1", rows, refusal=refusal)


def never_needed(sql: str, *, refusal: str) -> Step:
    """A guard that no record is needed elsewhere."""
    return forbid(sql, refusal=refusal)


# --- What became of an import ------------------------------------------------------------------

_KEY: Final = "import|"
RECEIPT_SQL: Final = "SELECT response FROM _idempotency WHERE key = ?"
"""How many rows an import has brought so far, given `receipt_key`; no row: none."""


def receipt_key(import_id: str) -> str:
    """Under which the rows that an import brought are counted."""
    return f"{_KEY}{import_id}"


def receipt(import_id: str, rows: int, at: int) -> Step:
    """Keeps, with the rows themselves, that so many of them have come. `at`: unix seconds."""
    sql = (
        "INSERT INTO _idempotency (key, fingerprint, at, response) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET response = excluded.response"
    )
    return run(sql, (receipt_key(import_id), "import", at, str(rows)))
