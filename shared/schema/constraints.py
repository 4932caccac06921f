"""From what SQLite says about a broken constraint to the fields at fault.

SQLite names columns, or the index where its key has an expression; which index is reported when
several are broken is its own choice, so what is named is told and nothing is guessed.
"""

from __future__ import annotations

import re
from typing import Final

from shared.errors import FieldError
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import INVALID, REQUIRED
from shared.schema.index import read_index

# Extended result codes: https://sqlite.org/rescode.html
UNIQUE: Final = 2067
PRIMARY_KEY: Final = 1555
NOT_NULL: Final = 1299
CHECK: Final = 275

NOT_UNIQUE: Final = FieldError("validation_not_unique", "Value must be unique.")
_INDEX: Final = re.compile(r"index '(.*)'", re.DOTALL)


def constraint_fields(
    catalog: Catalog, collection: Collection, extended_code: int, message: str
) -> dict[str, FieldError]:
    """Field name → error for a failed write to `collection`; empty when no field is at fault.

    `extended_code`, `message`: what the writer's FAILED result carries. A constraint of another
    table (a cascade's) names no field of this one.
    """
    _, _, named = message.partition("constraint failed: ")
    if extended_code in (UNIQUE, PRIMARY_KEY):
        return dict.fromkeys(_unique_fields(catalog, collection, named), NOT_UNIQUE)
    if extended_code == NOT_NULL:
        return dict.fromkeys(_columns(collection, named), REQUIRED)
    if extended_code == CHECK:
        return {named: INVALID} if collection.field(named) is not None else {}
    return {}


def _unique_fields(catalog: Catalog, collection: Collection, named: str) -> list[str]:
    found = _INDEX.fullmatch(named)
    if found is None:
        return _columns(collection, named)
    name = found[1].replace("''", "'").lower()  # written as a text literal
    current = catalog.by_id(collection.id) or collection
    for sql in current.indexes:
        index = read_index(sql)
        if index.name.lower() == name:
            return index.key_fields()
    return []


def _columns(collection: Collection, named: str) -> list[str]:
    """The fields in `table.a, table.b`; neither name can hold a dot or comma."""
    fields: list[str] = []
    for column in named.split(", "):
        table, _, name = column.partition(".")
        if table.lower() == collection.table.lower() and collection.field(name) is not None:
            fields.append(name)
    return fields
