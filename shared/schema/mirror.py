"""A record API as a collection: the fields under which its columns are filtered and sorted.

The mirror is a view collection that no catalog has. Its `id` is the key: a number where the key is
one, so that its index serves and its order is the table's, and else the text that clients know.
Blobs are the texts that they are shown as. What the rule language could compare only wrongly is
shown and is no field: columns of type ANY, and geometries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from shared.schema.api import RecordApi
from shared.schema.collection import VIEW, Collection
from shared.schema.fields.field import Field
from shared.schema.fields.json import JsonField
from shared.schema.fields.number import NumberField
from shared.schema.fields.text import TextField
from shared.schema.tables.column import Column, DataType
from shared.schema.tables.eligibility import KeyKind
from shared.schema.tables.words import fold

ID: Final = "id"
_OWN_KEYS: Final = ("collectionid", "collectionname", "expand")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBERS: Final = (DataType.INTEGER, DataType.REAL)


def mirror_problem(api: RecordApi) -> str:
    """Why an API cannot be shown as a collection; `""` if it can."""
    for column in api.shown:
        name = fold(column.name)
        if name in _OWN_KEYS or (name == ID and not is_id(api, column)):
            return (
                f"The record API {api.name} has a column {column.name}, which means something else"
                " in records of collections."
            )
    return ""


def is_id(api: RecordApi, column: Column) -> bool:
    """Whether the column is shown as `id` and under no other name."""
    return fold(column.name) == ID and column.name == api.key.column.name


def other_columns(api: RecordApi) -> tuple[Column, ...]:
    """The shown columns beside that which is the `id`."""
    return tuple(one for one in api.shown if not is_id(api, one))


def compared_columns(api: RecordApi) -> tuple[Column, ...]:
    """Those of them that are fields: the rule language can name them and compare their values."""
    return tuple(
        one for one in other_columns(api) if _kind(one) is not None and _NAME.fullmatch(one.name)
    )


def mirror_of(api: RecordApi) -> Collection:
    """The collection that stands for an API without a `mirror_problem`."""
    key = NumberField if api.key.kind is KeyKind.INTEGER else TextField
    fields = [key({"id": ID, "name": ID}), *_fields(api)]
    return Collection(id=api.name, name=api.name, type=VIEW, system=False, fields=tuple(fields))


def _fields(api: RecordApi) -> Iterator[Field]:
    for column in compared_columns(api):
        kind = _kind(column)
        assert kind is not None
        yield kind({"id": column.name, "name": column.name})


def _kind(column: Column) -> type[Field] | None:
    if column.geometry or column.type is DataType.ANY:
        return None
    if column.json is not None:
        return JsonField
    return NumberField if column.type in _NUMBERS else TextField
