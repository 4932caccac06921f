"""One row of bound values that SQL can treat as a row of the table: the alias `r` over no table.

A would-be record is judged by its rule this way, and a row of the change feed matched and shaped.
CAST gives each value the affinity of its column, so comparisons come out as over the table; nothing
is converted, since the values are stored values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.sql.plan import Value
from shared.sql.predicate import Predicate, Shape

_CASTS: Final = {"number": "NUMERIC", "bool": "INTEGER"}
_EXACT_INTEGERS: Final = 2.0**53


def row_source(collection: Collection) -> str:
    """`(SELECT CAST(? AS TEXT) AS "id", …) r`, in the order of the collection's fields."""
    return _source(collection.fields)


def is_text(field: Field) -> bool:
    """Whether the column of a field holds texts, which SQLite compares by their characters."""
    return field.type not in _CASTS


class BoundRow:
    """The row `r` as far as one predicate reads it, for one that is asked often.

    With all columns of a small collection SQLite takes 5 µs, with the one that most rules name 2 (m).
    """

    __slots__ = ("_fields", "source")

    def __init__(self, collection: Collection, read_by: Predicate) -> None:
        self._fields = tuple(
            field
            for field in collection.fields
            if f"r.{quote_identifier(field.name)}" in read_by.sql
        )
        self.source = _source(self._fields)

    def values(self, record: Mapping[str, Value]) -> tuple[Value, ...]:
        """The parameters of `source` from values by field name; what is missing is zero."""
        return tuple([_stored(field, record, field.name) for field in self._fields])


def _source(fields: Iterable[Field]) -> str:
    columns = ", ".join(
        f"CAST(? AS {_CASTS.get(field.type, 'TEXT')}) AS {quote_identifier(field.name)}"
        for field in fields
    )
    return f"(SELECT {columns or 1}) r"


def row_values(collection: Collection, record: Mapping[str, Value]) -> tuple[Value, ...]:
    """The parameters of `row_source` from values by field name; what is missing is zero."""
    return tuple(_stored(field, record, field.name) for field in collection.fields)


def row_values_by_id(collection: Collection, record: Mapping[str, Value]) -> tuple[Value, ...]:
    """The same from values by field id, as the change feed has them; secrets are missing there."""
    return tuple(_stored(field, record, field.id) for field in collection.fields)


def match_sql(collection: Collection, rule: Predicate | None, shape: Shape) -> str:
    """The shape of a logged row where the rule holds, else no row.

    Secrets are not logged, so a rule that asks for one of the row's own has no answer: it denies.
    Parameters: the shape's, those of `row_source`, then the rule's.
    """
    where = "TRUE" if rule is None else f"({rule.sql})"
    if _asks_secret(collection, f"{where} {shape.sql}"):
        where = f"FALSE AND {where}"
    return f"SELECT {shape.sql} FROM {row_source(collection)} WHERE {where}"


def _asks_secret(collection: Collection, sql: str) -> bool:
    return any(
        field.secret and f"r.{quote_identifier(field.name)}" in sql for field in collection.fields
    )


def _stored(field: Field, record: Mapping[str, Value], key: str) -> Value:
    value = record[key] if key in record else field.zero()
    # A NUMERIC column stores 5.0 as 5, which shows when it is rendered as text.
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)
    return value
