"""The statements that read records of a record API: one by its key, a page, and how many there are.

Values are bound in the order of the text: those of the rule first, whose placeholders are numbered,
then the filter's, what the page begins after, and its size.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.quote import quote_identifier
from shared.schema.api import RecordApi, SqlRule
from shared.sql.api.cursor_order import CursorOrder
from shared.sql.api.filters import Condition, Filter
from shared.sql.api.rules import ROW, source_sql


def point_sql(api: RecordApi, shape: str, rule: SqlRule | None, guard: str = "") -> str:
    """One record by its key, as `shape`, where the rule lets it be seen.

    `guard`: a statement that must find a row as well, if any. Bound: rule, key, guard.
    """
    key = f"{ROW}.{quote_identifier(api.key.column.name)} = ?"
    where = key if rule is None else f"{rule.condition} AND {key}"
    if guard:  # of EXISTS SQLite would make a join, which is slower (docs/decisions/0038)
        where += f" AND ({guard}) IS NOT NULL"
    return f"SELECT {shape} FROM {source_sql(api)} WHERE {where}"


def page_sql(
    api: RecordApi,
    shape: str,
    rule: SqlRule | None,
    conditions: Sequence[Condition],
    order: CursorOrder,
) -> str:
    """A page: `shape` and the values for a cursor. Bound: rule, conditions, limit, offset."""
    columns = ", ".join((shape, *order.columns))
    where = _where(rule, conditions)
    return f"SELECT {columns} FROM {source_sql(api)}{where} ORDER BY {order.sql} LIMIT ? OFFSET ?"


def count_sql(api: RecordApi, rule: SqlRule | None, conditions: Sequence[Condition]) -> str:
    """How many rows there are. Bound: rule, conditions."""
    return f"SELECT count(*) FROM {source_sql(api)}{_where(rule, conditions)}"


def filter_conditions(found: Filter, rule: SqlRule | None) -> tuple[Condition, ...]:
    """What a filter asks of the rows that a rule lets be seen.

    SQLite may ask it first, and of what fails there the client is told. So what may fail is not
    asked of any other row: whoever hears of a failure could find out what hidden rows hold.
    """
    fallible = found.fallible
    if rule is None or fallible is None:
        return (found.condition,)
    allowed = fallible._replace(sql=f"CASE WHEN {rule.condition} THEN {fallible.sql} END")
    return (allowed,) if found.sure is None else (found.sure, allowed)


def trial_sql(trial: Condition) -> str:
    """Values of a filter tried over no row."""
    return f"SELECT {trial.sql}"


def allowed_sql(rule: SqlRule) -> str:
    """A row where a rule that speaks of no record allows. Bound: rule."""
    return f"SELECT 1 WHERE {rule.condition}"


def _where(rule: SqlRule | None, conditions: Sequence[Condition]) -> str:
    parts = [] if rule is None else [rule.condition]
    parts += [f"({one.sql})" for one in conditions]
    return f" WHERE {' AND '.join(parts)}" if parts else ""
