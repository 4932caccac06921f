"""Which conditions may look through long texts, and so are none for the event loop.

LIKE takes up to the product of both lengths within one step of SQLite's, where no clock can end it:
0.95 s for 250 characters in a text of 5 MB (m). A thread does not hold the loop up meanwhile.
"""

from __future__ import annotations

from typing import Final

from shared.limits import (
    EDITOR_FIELD_BYTES_DEFAULT,
    JSON_FIELD_BYTES_DEFAULT,
    LIKE_TEXT_BYTES_QUICK,
    TEXT_CHARS_DEFAULT,
)
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.fields.editor import EditorField
from shared.schema.fields.field import Field
from shared.schema.fields.json import JsonField
from shared.schema.fields.listed import ListedField
from shared.schema.fields.text import TextField
from shared.sql.predicate import Predicate

_SEARCHES: Final = (" LIKE ", " GLOB ", " REGEXP ")
_CHAR_BYTES_MAX: Final = 4
_ITEM_BYTES: Final = 64  # of a list; most are ids


def searches_long_texts(catalog: Catalog, condition: Predicate | None) -> bool:
    """Whether a condition with a search in texts names a field that may hold a long text, in any collection.

    It may be compared in another way, or be another collection's of the same name: then the thread
    is a detour and nothing worse.
    """
    if condition is None or not any(word in condition.sql for word in _SEARCHES):
        return False
    names = {one.name for made in catalog.all() for one in made.fields if _may_be_long(one)}
    return any(quote_identifier(name) in condition.sql for name in names)


def _may_be_long(field: Field) -> bool:
    return _bytes_max(field) > LIKE_TEXT_BYTES_QUICK


def _bytes_max(field: Field) -> int:
    if isinstance(field, EditorField):
        return field.max_size or EDITOR_FIELD_BYTES_DEFAULT
    if isinstance(field, JsonField):
        return field.max_size or JSON_FIELD_BYTES_DEFAULT
    if isinstance(field, TextField):
        return (field.max or TEXT_CHARS_DEFAULT) * _CHAR_BYTES_MAX
    return field.most * _ITEM_BYTES if isinstance(field, ListedField) else 0
