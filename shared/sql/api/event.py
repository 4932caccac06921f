"""A change of a record as SQL: who may hear of it, and what he is shown, in one statement.

The row is made of the values that the log holds, with the type and the collation of each column of
its table, so that rule, filter and shape mean what they mean in a list; or, where the log has no
more than the key, it is the stored one.

| first column | means |
|---|---|
| text | the record |
| NULL | the filter does not hold |
| 0 | the rule does not hold |

Values are bound in the order of the text: the rule's, whose placeholders are numbered, the
filter's, then those of the row, or its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.quote import quote_identifier
from shared.schema.api import Action, RecordApi
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.table import Table
from shared.sql.api.filters import Condition
from shared.sql.api.rules import ROW, source_sql
from shared.sql.api.shape import record_sql
from shared.sql.plan import Value

_BINARY: Final = "BINARY"
_SHOWN: Final = "1"


class EventSql(NamedTuple):
    """The statements of one view of an API's changes.

    `row`: over logged values. `stored`: over the stored row. `row_trial`, `stored_trial`: the same
    with a number in place of the record, to find out whether it was the record that failed.
    """

    row: str
    stored: str
    row_trial: str
    stored_trial: str


def event_sql(api: RecordApi, condition: Condition | None) -> EventSql:
    """The statements for one filter. LIKE has to be case-sensitive on the connection."""
    shape, row = record_sql(api, plain=True), _row_source(api.table)
    key = quote_identifier(api.key.column.name)
    stored = f"{source_sql(api)} WHERE {ROW}.{key} = ?"
    return EventSql(
        _judged(api, condition, shape, row),
        _judged(api, condition, shape, stored),
        _judged(api, condition, _SHOWN, row),
        _judged(api, condition, _SHOWN, stored),
    )


def row_values(table: Table, logged: Mapping[str, Value]) -> tuple[Value, ...]:
    """The values of a row for `EventSql.row`; what was not logged is NULL."""
    return tuple([logged.get(column.name) for column in table.columns])


def _judged(api: RecordApi, condition: Condition | None, shown: str, source: str) -> str:
    if condition is not None:
        shown = f"CASE WHEN {condition.sql} THEN {shown} END"
    rule = api.rules.get(Action.READ)
    if rule is not None:
        shown = f"CASE WHEN {rule.condition} THEN {shown} ELSE 0 END"
    return f"SELECT {shown} FROM {source}"


def _row_source(table: Table) -> str:
    columns = ", ".join(map(_bound, table.columns))
    return f"(SELECT {columns}) AS {ROW}"


def _bound(column: Column) -> str:
    """A value as one of its column. The values of a column of any type have none of their own."""
    value = "?" if column.type is DataType.ANY else f"CAST(? AS {column.type.value})"
    if column.collation.upper() != _BINARY:
        value = f"{value} COLLATE {quote_identifier(column.collation)}"
    return f"{value} AS {quote_identifier(column.name)}"
