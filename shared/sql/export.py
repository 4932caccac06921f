"""The SELECT of an export: stored values of all records that are meant, row by row, in their order."""

from __future__ import annotations

from collections.abc import Sequence

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.geo_point import GeoPointField
from shared.schema.fields.json import JsonField
from shared.sql.order import Order
from shared.sql.predicate import Predicate
from shared.sql.select import Statement


def is_json(field: Field) -> bool:
    """Whether a field's value is JSON text in an export."""
    return field.multiple or isinstance(field, JsonField | GeoPointField)


def export_statement(
    collection: Collection, fields: Sequence[Field], condition: Predicate | None, order: Order
) -> Statement:
    """A row a record, a column a field; JSON as text that is sure to be JSON."""
    shown = ", ".join(_value(one) for one in fields)
    where = "" if condition is None else f" WHERE {condition.sql}"
    table = quote_identifier(collection.table)
    sql = f"SELECT {shown} FROM {table} r{where} ORDER BY {order.sql}"
    return Statement(sql, tuple(one for one in (condition, order) if one is not None))


def _value(field: Field) -> str:
    column = f"r.{quote_identifier(field.name)}"
    return field.json_sql(column) if is_json(field) else column


def insert_heading(table: str, names: Sequence[str]) -> str:
    """The beginning of an INSERT statement, up to its rows."""
    listed = ", ".join(map(quote_identifier, names))
    return f"INSERT INTO {quote_identifier(table)} ({listed}) VALUES"


def table_outline(table: str, columns: Sequence[tuple[str, str]]) -> str:
    """A CREATE TABLE for programs that know no collections; column names and types of SQLite."""
    listed = ", ".join(f"{quote_identifier(name)} {kind}" for name, kind in columns)
    return f"CREATE TABLE IF NOT EXISTS {quote_identifier(table)} ({listed})"
