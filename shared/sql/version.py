"""The version of a record, as SQL: what its ETag is made of.

A version is the record's stored values, secrets apart: a new password is told by no ETag. The text
that is hashed is the record as a superuser sees it, which is often the very answer.
"""

from __future__ import annotations

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
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
