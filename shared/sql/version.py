"""The version of a record, as SQL: what its ETag is made of, and the guard that it still is so.

A version is the record's stored values, secrets apart: a new password is told by no ETag. The text
that is hashed is the record as a superuser sees it, which is often the very answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.sql.plan import Step, Value, require
from shared.sql.predicate import Shape
from shared.sql.shape import shape_of


def version_shape(collection: Collection, catalog: Catalog) -> Shape:
    """The text of a row `r` that stands for its version, whoever asks."""
    return shape_of(collection, catalog, hidden=True)


def version_fields(collection: Collection) -> tuple[Field, ...]:
    """The fields whose values are the version."""
    return tuple(field for field in collection.fields if not field.secret)


def stored_version_sql(collection: Collection, shape: Shape) -> str:
    """The version's text and each of its values, for one record by its id."""
    columns = "".join(f", r.{quote_identifier(one.name)}" for one in version_fields(collection))
    table = quote_identifier(collection.table)
    return f'SELECT {shape.sql}{columns} FROM {table} r WHERE r."id" = ?'


def same_values(
    collection: Collection, record_id: str, values: Mapping[str, Value], *, refusal: str
) -> Step:
    """A guard: the record is there, and these of its stored values are what they were."""
    table = quote_identifier(collection.table)
    names = [field.name for field in collection.fields if field.name in values]
    same = "".join(f" AND r.{quote_identifier(name)} IS ?" for name in names)
    sql = f'SELECT 1 FROM {table} r WHERE r."id" = ?{same}'
    return require(sql, (record_id, *(values[name] for name in names)), refusal=refusal)
