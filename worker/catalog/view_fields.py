"""The fields of a view, worked out from its query.

A plain column of a collection is a field of the same type and options, the id of another collection
a reference to it, counts and casts are numbers, texts and booleans; everything else is JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from shared.ids import field_id
from shared.limits import COLLECTION_FIELDS_MAX
from shared.schema.collection import Collection
from shared.schema.field_list import VIEW_ID_FIELD
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.fields.text import ID_NAME
from shared.schema.view import Form, stored_select
from worker.catalog.view_query import Cast, Column, ViewQuery, ViewQueryError, read_query

Lookup = Callable[[str], Collection | None]
"""The collection of a table by its name in lower case."""

_CASTS: Final[dict[Cast, dict[str, Any]]] = {
    Cast.WHOLE: {"type": "number", "onlyInt": True},
    Cast.NUMBER: {"type": "number"},
    Cast.TEXT: {"type": "text"},
    Cast.BOOL: {"type": "bool"},
}


class Inferred(NamedTuple):
    """What follows from a view's query.

    `select`: what the database's view is made of. `ids_are_sure`: the rows are those of one
    collection under its own ids, so that none is missing and none comes twice.
    """

    fields: tuple[Field, ...]
    select: str
    ids_are_sure: bool


def infer(query: str, columns: Sequence[str], lookup: Lookup) -> Inferred:
    """The fields of a query that yields `columns`, as SQLite says. Raises ViewQueryError."""
    read = read_query(query)
    _check_using(read, lookup)
    if len(read.columns) != len(columns):
        raise ViewQueryError("its columns are not understood")
    names = [name.lower() for name in columns]
    if ID_NAME not in columns:
        raise ViewQueryError("it must have a column id, unique in each row")
    if len(columns) > COLLECTION_FIELDS_MAX:
        raise ViewQueryError(f"it has more than {COLLECTION_FIELDS_MAX} columns")
    if len(set(names)) != len(names):
        raise ViewQueryError("two of its columns have the same name; give each an alias")
    fields: list[Field] = []
    formed: list[tuple[str, Form]] = []
    sure = False
    for name, column in zip(columns, read.columns, strict=True):
        found = _source(column, lookup)
        field = _field(name, column, found)
        if field.definition_problems().get("name") is not None:
            raise ViewQueryError(f"{name!r} is no name for a field; give the column an alias")
        fields.append(field)
        formed.append((name, _form(name, column, found)))
        sure = sure or (name == ID_NAME and found is not None and _is_sure(read, found))
    return Inferred(tuple(fields), stored_select(query, formed), sure)


def _check_using(read: ViewQuery, lookup: Lookup) -> None:
    for collection in map(lookup, read.tables):
        for field in collection.fields if collection is not None else ():
            if field.secret and field.name.lower() in read.using:
                raise ViewQueryError(f"{field.name} may not be compared by USING")


_Found = tuple[Collection, Field]


def _source(column: Column, lookup: Lookup) -> _Found | None:
    """The field that a column shows. Of several tables SQLite lets only one have such a column."""
    for table in column.sources:
        collection = lookup(table) if table is not None else None
        for field in collection.fields if collection is not None else ():
            if field.name.lower() == column.field.lower():
                assert collection is not None
                return collection, field
    return None


def _field(name: str, column: Column, found: _Found | None) -> Field:
    if name == ID_NAME:
        return field_from_json(VIEW_ID_FIELD)
    if found is not None and found[1].name == ID_NAME:
        shown: dict[str, Any] = {
            "type": "relation",
            "collectionId": found[0].id,
            "maxSelect": 1,
        }
    elif found is not None:
        shown = {**found[1].to_json(), "system": False}
    else:
        shown = {"type": "json"} if column.cast is None else _CASTS[column.cast]
    return field_from_json({**shown, "id": field_id(shown["type"], name), "name": name})


def _form(name: str, column: Column, found: _Found | None) -> Form:
    if name == ID_NAME:
        return Form.PLAIN if found is not None and found[1].type == "text" else Form.TEXT
    if found is not None:
        return Form.PLAIN
    if column.cast is None:
        return Form.JSON
    return Form.NUMBER if column.cast in (Cast.WHOLE, Cast.NUMBER) else Form.PLAIN


def _is_sure(read: ViewQuery, found: _Found) -> bool:
    return read.table == found[0].name.lower() and found[1].name == ID_NAME
