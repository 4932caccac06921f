"""The records that others refer to, or that refer to them: one statement for all of a level.

Ids are bound as one JSON text, so a list of any length is the same statement. Each row is the id by
which it belongs to its parents, then the record's JSON.
"""

from __future__ import annotations

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.side import items_of, side_table
from shared.sql.predicate import Predicate, Shape


def referred_sql(target: Collection, rule: Predicate | None, shape: Shape) -> str:
    """Records of `target` by their own ids.

    Parameters: the shape's, the ids as JSON, then the rule's.
    """
    table = quote_identifier(target.table)
    return (
        f'SELECT r."id", {shape.sql} FROM json_each(?) wanted'
        f' CROSS JOIN {table} r ON r."id" = wanted.value{_where(rule)}'
    )


def referring_sql(source: Collection, field: Field, rule: Predicate | None, shape: Shape) -> str:
    """Records of `source` whose `field` names one of the ids, in order of creation for each.

    Parameters: the shape's, the ids as JSON, how many are read of each id, the rule's, and how many
    are read in all.
    """
    table = quote_identifier(source.table)
    if source.is_view:
        return _referring_view_sql(source, field, rule, shape)
    if field.multiple:
        found = f"SELECT rid FROM {side_table(source, field)} WHERE value = wanted.value"
        order = "rid"
    else:
        column = quote_identifier(field.name)
        found = f"SELECT x._rowid_ FROM {table} x WHERE x.{column} = wanted.value"
        order = "x._rowid_"
    return (
        f"SELECT wanted.value, {shape.sql} FROM json_each(?) wanted"
        f" CROSS JOIN {table} r ON r._rowid_ IN ({found} ORDER BY {order} LIMIT ?)"
        f"{_where(rule)} LIMIT ?"
    )


def _referring_view_sql(
    source: Collection, field: Field, rule: Predicate | None, shape: Shape
) -> str:
    """A view has no rowid to look up by, nor an index: it is read once for all ids.

    It takes the same parameters; so many of each id are kept by their number.
    """
    column = f"r.{quote_identifier(field.name)}"
    items, value = "", column
    if field.multiple:
        items, value = f" CROSS JOIN {items_of(column)} item", "item.value"
    among = f"{value} IN (SELECT value FROM json_each(?))"
    numbered = f'row_number() OVER (PARTITION BY {value} ORDER BY r."id")'
    return (
        f"SELECT owner, shown FROM (SELECT {value} AS owner, {shape.sql} AS shown,"
        f" {numbered} AS place FROM {quote_identifier(source.table)} r{items}"
        f" WHERE {among}{'' if rule is None else f' AND ({rule.sql})'})"
        f" WHERE place <= ? LIMIT ?"
    )


def _where(rule: Predicate | None) -> str:
    return "" if rule is None else f" WHERE {rule.sql}"
