"""Which changes of a field's type or number of values keep its data, and how the data is carried.

One value becomes a list of it and of a list the last item stays, as a record that is written with
too many would have it. Types change only where each value says the same afterwards; where that hangs
on the values, a guard of the plan finds the first that does not fit (`shared.schema.fitting`), so
that such a change is refused as a whole.
"""

from __future__ import annotations

from typing import Final

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.text import TextField
from shared.schema.fitting import fitting_sql

TYPE_CHANGE: Final = "validation_field_type_change"

# Stored as one text that means no more than it says.
_TEXTS: Final = frozenset({"text", "editor", "email", "url", "date", "autodate", "select"})
_TEXT_SOURCES: Final = _TEXTS | {"relation"}
_JSON_SOURCES: Final = _TEXT_SOURCES | {"number", "bool", "geoPoint"}
_NUMBERS: Final = frozenset({("number", "bool"), ("bool", "number"), ("number", "text")})


def can_convert(old: Field, new: Field) -> bool:
    """Whether `old`, with its data, may become `new`; the data may still forbid it.

    A secret never becomes readable, a file's name never a text that nobody takes care of, and no
    text a reference.
    """
    if old.type == new.type:
        return True
    if new.type == "json":
        return old.type in _JSON_SOURCES
    if old.multiple or (isinstance(new, TextField) and (new.pattern or new.primary_key)):
        return False  # SQL has no patterns to judge the values by
    if old.type in _TEXT_SOURCES:
        return new.type in _TEXTS or new.type == "number"
    return (old.type, new.type) in _NUMBERS


def conversion_guards(old: Collection, new: Collection) -> list[tuple[str, str]]:
    """(SQL, refusal) of guards that must find nothing, before the table of `old` is altered.

    Each finds a value that would not fit its field's new type: `validation_field_type_change:<field>`
    with the new name.
    """
    guards = []
    table = quote_identifier(old.table)
    for field in new.fields:
        before = old.by_id.get(field.id)
        if before is None or before.type == field.type:
            continue
        column = quote_identifier(before.name)
        fits = fitting_sql(field, column, _scalar_sql(before, field, column))
        if fits is not None:
            empty = f"{column} IS NULL OR {column} = ''"
            sql = f"SELECT 1 FROM {table} WHERE NOT ({empty}) AND ({fits}) IS NOT TRUE LIMIT 1"
            guards.append((sql, f"{TYPE_CHANGE}:{field.name}"))
    return guards


def is_rebuilt(old: Field, new: Field) -> bool:
    """Whether the column of `old` is made anew as that of `new`: another declaration or other values.

    Without it, a change of type is none for the table.
    """
    return declaration(old) != declaration(new) or converted_sql(old, new, "x") != "x"


def converted_sql(old: Field, new: Field, column: str) -> str:
    """The value of `new` as SQL over `column`, which holds that of `old`."""
    if old.type == new.type and old.multiple and not new.multiple:
        return f"coalesce(json_extract(iif(json_valid({column}), {column}, '[]'), '$[#-1]'), '')"
    value = _scalar_sql(old, new, column)
    if new.multiple and not old.multiple:
        return f"iif({value} = '', '[]', json_array({value}))"
    return value


def _scalar_sql(old: Field, new: Field, column: str) -> str:
    """The value as the new type has it, before it is made a list of one."""
    if new.type == "json" and old.type != "json":
        return _json_sql(old, column)
    if new.type == "number" and old.type in _TEXT_SOURCES:
        return f"CAST({column} AS NUMERIC)"
    if new.type == "text" and old.type == "number":
        return f"CAST({column} AS TEXT)"
    return column


def _json_sql(old: Field, column: str) -> str:
    """The JSON text of a value; of an empty text it is NULL, JSON's own empty value."""
    if old.multiple or old.type == "geoPoint":
        return f"iif(json_valid({column}), {column}, NULL)"
    if old.type == "bool":
        return f"iif({column}, 'true', 'false')"
    if old.type == "number":
        return f"CAST({column} AS TEXT)"
    return f"iif({column} = '', NULL, json_quote({column}))"


def declaration(field: Field) -> str:
    """The column's definition without its name."""
    return field.column().removeprefix(quote_identifier(field.name))
