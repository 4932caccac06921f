"""Builds the steps of a write: guards, and the statement with the shaped record as its result.

A shape that only names columns is what the statement itself returns. One with parameters or with
look-ups of its own is read by a step of its own, since RETURNING sees the table as it was before.

Values are stored values, already prepared and checked. What deleting a record means for those that
refer to it is in `shared.sql.delete`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from shared.limits import PLAN_CACHE_ENTRIES
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.sql.modifiers import Assignment, Guard
from shared.sql.plan import Step, StepKind, Value, forbid, require, returning, run
from shared.sql.predicate import Fragment, Predicate, Shape
from shared.sql.row import BoundRow, is_text

MISSING_RELATION = "validation_missing_rel_records"
NOT_FOUND = "not_found"
_ROW: Final = re.compile(r'\br\."')


@lru_cache(PLAN_CACHE_ENTRIES)
def _returned(shape: str) -> str:
    """A shape for RETURNING, where SQLite knows columns by their bare names only."""
    return _ROW.sub('"', shape)


def is_returnable(shape: Shape) -> bool:
    """Whether a statement may return this shape of the row that it writes."""
    return not shape.params and not reads_rows(shape)


def reads_rows(fragment: Fragment) -> bool:
    """Whether it looks at anything but the row `r` and its parameters. True where in doubt."""
    return "SELECT" in fragment.sql


def shaped_source(collection: Collection, shape: Shape) -> str:
    """`<shape> FROM … WHERE id = ?`; parameters: the shape's, then the record's id."""
    return f'{shape.sql} FROM {quote_identifier(collection.table)} AS r WHERE r."id" = ?'


def shaped_step(
    collection: Collection, record_id: str, shape: Shape, bound: tuple[Value, ...]
) -> Step:
    """The record's shape is the result, NOT_FOUND if it is missing. `bound`: the shape's values."""
    sql = f"SELECT {shaped_source(collection, shape)}"
    return returning(sql, (*bound, record_id), refusal=NOT_FOUND)


def insert_sql(collection: Collection, columns: Iterable[str], shape: Shape) -> str:
    """Insert a record with values for `columns`, in that order; other fields get their default."""
    table = quote_identifier(collection.table)
    names = [quote_identifier(name) for name in columns]
    marks = ", ".join("?" * len(names))
    into = f"({', '.join(names)}) VALUES ({marks})" if names else "DEFAULT VALUES"
    sql = f"INSERT INTO {table} {into}"
    return f"{sql} RETURNING {_returned(shape.sql)}" if is_returnable(shape) else sql


def insert_steps(
    collection: Collection,
    sql: str,
    values: Mapping[str, Value],
    shape: Shape,
    bound: tuple[Value, ...],
) -> list[Step]:
    """Insert a record by `insert_sql` of the same columns and shape; the shape is the result."""
    params = tuple(values.values())
    if is_returnable(shape):
        return [Step(StepKind.RETURN, sql, params)]
    return [run(sql, params), shaped_step(collection, str(values["id"]), shape, bound)]


def update_steps(
    collection: Collection,
    record_id: str,
    values: Mapping[str, Value],
    assignments: Sequence[Assignment],
    shape: Shape,
    bound: tuple[Value, ...],
) -> list[Step]:
    """Set values and expressions over the old row; the shape is the result.

    NOT_FOUND if the record is missing. The statement does not depend on the order of the changes.
    """
    changed: dict[str, tuple[str, tuple[Value, ...]]] = {
        name: ("?", (value,)) for name, value in values.items()
    }
    changed.update({one.field.name: (one.sql, one.params) for one in assignments})
    ordered = [
        (field.name, *changed[field.name]) for field in collection.fields if field.name in changed
    ]
    if not ordered:
        return [shaped_step(collection, record_id, shape, bound)]
    table = quote_identifier(collection.table)
    assigned = ", ".join(f"{quote_identifier(name)} = {sql}" for name, sql, _ in ordered)
    sql = f'UPDATE {table} SET {assigned} WHERE "id" = ?'
    params = (*(value for _, _, used in ordered for value in used), record_id)
    if is_returnable(shape):
        return [returning(f"{sql} RETURNING {_returned(shape.sql)}", params, refusal=NOT_FOUND)]
    changing = run(sql, params, refusal=NOT_FOUND)
    return [changing, shaped_step(collection, record_id, shape, bound)]


def existence_guard(collection: Collection, record_id: str, *, exists: bool, refusal: str) -> Step:
    """The record is there, or is not."""
    sql = f'SELECT 1 FROM {quote_identifier(collection.table)} WHERE "id" = ?'
    guard = require if exists else forbid
    return guard(sql, (record_id,), refusal=refusal)


def stored_sql(collection: Collection, names: Sequence[str]) -> str:
    """The stored values of some fields of one record, given its id."""
    columns = ", ".join(map(quote_identifier, names))
    return f'SELECT {columns} FROM {quote_identifier(collection.table)} WHERE "id" = ?'


def stored_guard(
    collection: Collection, record_id: str, stored: Mapping[str, Value], *, refusal: str
) -> Step:
    """These values are still what is stored."""
    same = "".join(f" AND {quote_identifier(name)} IS ?" for name in stored)
    sql = f'SELECT 1 FROM {quote_identifier(collection.table)} WHERE "id" = ?{same}'
    return require(sql, (record_id, *stored.values()), refusal=refusal)


def swap_step(collection: Collection, record_id: str, name: str, old: Value, new: Value) -> Step:
    """Put one stored value in the place of another; where that is gone, nothing happens."""
    table, column = quote_identifier(collection.table), quote_identifier(name)
    sql = f'UPDATE {table} SET {column} = ? WHERE "id" = ? AND {column} IS ?'
    return run(sql, (new, record_id, old))


def row_guard(collection: Collection, record_id: str, guard: Guard) -> Step:
    """A condition over the row `r` holds before the update."""
    table = quote_identifier(collection.table)
    sql = f'SELECT 1 FROM {table} r WHERE r."id" = ? AND ({guard.sql})'
    return require(sql, (record_id, *guard.params), refusal=guard.refusal)


def other_guard(collection: Collection, record_id: str, *, refusal: str) -> Step:
    """Besides this record there is another one."""
    sql = f'SELECT 1 FROM {quote_identifier(collection.table)} WHERE "id" <> ? LIMIT 1'
    return require(sql, (record_id,), refusal=refusal)


def never(*, refusal: str) -> Step:
    """A guard that does not hold."""
    return require("SELECT 1 WHERE 0", refusal=refusal)


def rule_guard(
    collection: Collection,
    record_id: str,
    rule: Predicate | None,
    params: tuple[Value, ...],
    *,
    refusal: str = NOT_FOUND,
) -> Step:
    """The record exists and the rule holds for it. `params`: the rule's, bound."""
    table = quote_identifier(collection.table)
    condition = "" if rule is None else f" AND ({rule.sql})"
    sql = f'SELECT 1 FROM {table} r WHERE r."id" = ?{condition}'
    return require(sql, (record_id, *params), refusal=refusal)


class Candidate:
    """A record that is about to be inserted, as one rule judges it.

    `lasting`: the rule asks nothing of other rows, so what it says cannot change until the insert.
    """

    __slots__ = ("_compared", "_row", "_sql", "lasting", "rule")

    def __init__(self, collection: Collection, rule: Predicate) -> None:
        self.rule = rule
        self.lasting = not reads_rows(rule)
        self._row = BoundRow(collection, rule)
        self._sql = f"SELECT 1 FROM {self._row.source} WHERE {rule.sql}"
        texts = (field.name for field in collection.fields if is_text(field))
        self._compared = next(
            (name for name in texts if rule.sql == f"r.{quote_identifier(name)} = ?"), None
        )

    def told(self, values: Mapping[str, Value], params: tuple[Value, ...]) -> bool | None:
        """What the rule says, where no SQL is needed for it: one text of the record equals another.

        None where it is. Most rules are `owner = @request.auth.id`; asking SQLite takes 4 µs (m).
        """
        if self._compared is None:
            return None
        value, wanted = values.get(self._compared), params[0]
        if type(value) is not str or type(wanted) is not str:
            return None
        return value == wanted

    def guard(
        self, values: Mapping[str, Value], params: tuple[Value, ...], *, refusal: str
    ) -> Step:
        """The rule holds for a record with these values. `params`: the rule's, bound."""
        return require(self._sql, self._row.values(values) + params, refusal=refusal)


def relation_guard(target: Collection, ids: Sequence[str], field: str) -> Step:
    """Every id is a record of `target`; refusal `validation_missing_rel_records:<field>`."""
    table = quote_identifier(target.table)
    refusal = f"{MISSING_RELATION}:{field}"
    if len(ids) == 1:
        return require(f'SELECT 1 FROM {table} WHERE "id" = ?', (ids[0],), refusal=refusal)
    sql = (
        f"SELECT 1 FROM json_each(?) wanted WHERE NOT EXISTS"
        f' (SELECT 1 FROM {table} t WHERE t."id" = wanted.value)'
    )
    return forbid(sql, (msgspec.json.encode(list(ids)).decode(),), refusal=refusal)
