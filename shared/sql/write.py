"""Builds the steps of a write: guards, and the statement with the shaped record as its result.

Values are stored values, already prepared and checked. What deleting a record means for those that
refer to it is in `shared.sql.delete`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from shared.limits import PLAN_CACHE_ENTRIES
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.sql.plan import Step, Value, forbid, require, returning
from shared.sql.predicate import Predicate
from shared.sql.row import row_source, row_values

MISSING_RELATION = "validation_missing_rel_records"
NOT_FOUND = "not_found"
_ROW: Final = re.compile(r'\br\."')


@lru_cache(PLAN_CACHE_ENTRIES)
def _returned(shape: str) -> str:
    """A shape for RETURNING, where SQLite knows columns by their bare names only."""
    return _ROW.sub('"', shape)


def insert_step(collection: Collection, values: Mapping[str, Value], shape: str) -> Step:
    """Insert a record; its shape is the result. Fields that `values` lacks get their default."""
    table = quote_identifier(collection.table)
    names = [field.name for field in collection.fields if field.name in values]
    columns = ", ".join(quote_identifier(name) for name in names)
    marks = ", ".join("?" * len(names))
    into = f"({columns}) VALUES ({marks})" if names else "DEFAULT VALUES"
    sql = f"INSERT INTO {table} {into} RETURNING {_returned(shape)}"
    return returning(sql, tuple(values[name] for name in names))


def update_step(
    collection: Collection,
    record_id: str,
    changes: Mapping[str, Value],
    shape: str,
    *,
    refusal: str = NOT_FOUND,
) -> Step:
    """Set the changed fields of a record; its shape is the result, `refusal` if it is missing."""
    table = quote_identifier(collection.table)
    names = [field.name for field in collection.fields if field.name in changes]
    if not names:
        sql = f'SELECT {shape} FROM {table} r WHERE r."id" = ?'
        return returning(sql, (record_id,), refusal=refusal)
    assignments = ", ".join(f"{quote_identifier(name)} = ?" for name in names)
    sql = f'UPDATE {table} SET {assignments} WHERE "id" = ? RETURNING {_returned(shape)}'
    params = (*(changes[name] for name in names), record_id)
    return returning(sql, params, refusal=refusal)


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


def candidate_guard(
    collection: Collection,
    values: Mapping[str, Value],
    rule: Predicate,
    params: tuple[Value, ...],
    *,
    refusal: str,
) -> Step:
    """The rule holds for the record that is about to be inserted. `params`: the rule's, bound."""
    sql = f"SELECT 1 FROM {row_source(collection)} WHERE {rule.sql}"
    return require(sql, row_values(collection, values) + params, refusal=refusal)


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
