"""Statements that read a record API as a collection: its rows under the alias `r`.

    SELECT r.":json" FROM (SELECT … FROM "main"."t" AS _ROW_ WHERE (rule)) AS r WHERE (filter) …

The rule speaks of the table and the filter of what is made of it. SQLite takes the inner SELECT
apart, so indexes of the table serve both. Bound are the rule's values first, then the filter's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from shared.language.expression import Expression
from shared.quote import quote_identifier, quote_text
from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.catalog import Catalog
from shared.schema.mirror import ID, compared_columns, is_id, mirror_of, other_columns
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.eligibility import KeyKind
from shared.sql.api.filters import column_sql
from shared.sql.api.rules import source_sql
from shared.sql.api.shape import record_sql
from shared.sql.conditions import Use, compile_condition
from shared.sql.order import order_of
from shared.sql.predicate import Predicate, may_fail
from shared.sql.select import Statement

_JSON, _KEY, _SEEN = 'r.":json"', 'r.":key"', 'r.":seen"'  # no field's name holds a colon
_ID: Final = f'r."{ID}"'
_NO_CATALOG: Final = Catalog(0, ())
_SEARCH: Final = " LIKE "


def shape_sql(api: RecordApi) -> str:
    """The JSON of a record over `_ROW_`: as its API shows it, with the keys of a collection's."""
    own = {"collectionId": quote_text(api.name), "collectionName": quote_text(api.name)}
    own[ID] = _id_text(api)
    head = f"json_object({', '.join(f'{quote_text(key)}, {sql}' for key, sql in own.items())})"
    others = [one for one in api.columns if not is_id(api, one)]
    if not other_columns(api):
        return head
    rest = record_sql(replace(api, columns=tuple(others)), plain=True)
    return f"substr({head}, 1, length({head}) - 1) || ',' || substr({rest}, 2)"


def compile_mirror(api: RecordApi, expression: Expression) -> Predicate:
    """A filter over the API's rows. Raises LanguageError, ForbiddenNameError."""
    return compile_condition(
        expression,
        mirror_of(api),
        _NO_CATALOG,
        caller=None,
        use=Use.PAGE,
        client=True,
        superuser=False,
    )


def searches(condition: Predicate | None) -> bool:
    """Whether a filter looks into texts, where no clock ends a step."""
    return condition is not None and _SEARCH in condition.sql


def mirror_page(api: RecordApi, condition: Predicate | None, sort: str) -> Statement:
    """A page: one JSON record a row. Bound after the statement's own values: limit, offset.

    `sort`: in the words of the rule language; by the key unless given. Raises LanguageError.
    """
    order = order_of(sort, mirror_of(api), _NO_CATALOG, caller=None, superuser=False)
    terms = ", ".join(
        (_KEY if one.sql == _ID else one.sql) + (" DESC" if one.descending else "")
        for one in order.terms
    )
    sql = f"SELECT {_JSON} FROM {_found(api, condition)} ORDER BY {terms} LIMIT ? OFFSET ?"
    return Statement(sql, tuple(one for one in (condition, order) if one is not None))


def mirror_count(api: RecordApi, condition: Predicate | None) -> Statement:
    """How many records there are."""
    sql = f"SELECT count(*) FROM {_found(api, condition)}"
    return Statement(sql, () if condition is None else (condition,))


def _found(api: RecordApi, condition: Predicate | None) -> str:
    """Rows and condition; one that may fail is asked of no row that the rule hides."""
    rule = api.rules.get(Action.READ)
    if condition is None:
        return _rows(api, rule, {})
    if rule is None or not may_fail(condition):
        return f"{_rows(api, rule, {})} WHERE {condition.sql}"
    rows = _rows(api, rule, {":seen": rule.condition})
    return f"{rows} WHERE CASE WHEN {_SEEN} THEN {condition.sql} END"


def _rows(api: RecordApi, rule: SqlRule | None, more: dict[str, str]) -> str:
    columns = {
        ":json": shape_sql(api),
        ":key": column_sql(api.key.column),
        ID: column_sql(api.key.column) if api.key.kind is KeyKind.INTEGER else _id_text(api),
        **{one.name: _compared(one) for one in compared_columns(api)},
        **more,
    }
    shown = ", ".join(f"{sql} AS {quote_identifier(name)}" for name, sql in columns.items())
    where = "" if rule is None else f" WHERE {rule.condition}"
    return f"(SELECT {shown} FROM {source_sql(api)}{where}) AS r"


def _compared(column: Column) -> str:
    """A column's value as it is compared with what clients write."""
    name = column_sql(column)
    return f"base64_url_safe({name})" if column.type is DataType.BLOB else name


def _id_text(api: RecordApi) -> str:
    name = column_sql(api.key.column)
    if api.key.kind is KeyKind.TEXT:
        return name
    return f"base64_url_safe({name})" if api.key.kind is KeyKind.UUID else f"CAST({name} AS TEXT)"
