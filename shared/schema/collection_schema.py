"""The JSON Schema of a collection's records, for each of what one may do with one.

It says of which type a value is, and not all that its field checks: an empty value is exempt from
most of that, which schemas say only at length.
"""

from __future__ import annotations

from typing import Any, Final

from shared.schema.collection import AUTH, Collection
from shared.schema.fields.field import Field
from shared.schema.fields.number import NumberField
from shared.schema.fields.password import PasswordField
from shared.schema.fields.select import SelectField
from shared.schema.tables.mode import DIALECT, Mode

Schema = dict[str, Any]

_POINT: Final[Schema] = {
    "type": "object",
    "properties": {"lon": {"type": "number"}, "lat": {"type": "number"}},
    "required": ["lon", "lat"],
}
_EMAIL: Final = "email"


def collection_schema(collection: Collection, mode: Mode, *, hidden: bool) -> Schema:
    """The schema of one mode; a JSON document of its own. `hidden`: with hidden fields."""
    fields = [one for one in collection.fields if hidden or not one.hidden]
    if mode is Mode.SELECT:
        fields = [one for one in fields if not one.secret]
        # The address of an auth record is a key only for those who may see it.
        optional = (_EMAIL,) if collection.type == AUTH else ()
        required = [one.name for one in fields if one.name not in optional]
    else:
        fields = [one for one in fields if one.client_writable and _is_sent(one)]
        required = [one.name for one in fields if one.required and not one.fills_on_create]
    properties = {key: value for one in fields for key, value in _properties(one, mode).items()}
    return {
        "title": collection.name,
        "type": "object",
        "properties": properties,
        "required": [] if mode is Mode.UPDATE else required,
        "$schema": DIALECT,
    }


def _is_sent(field: Field) -> bool:
    return not field.secret or isinstance(field, PasswordField)


def _properties(field: Field, mode: Mode) -> dict[str, Schema]:
    """The keys that stand for a field: a new password is sent twice."""
    found = {field.name: _schema(field)}
    if isinstance(field, PasswordField) and mode is not Mode.SELECT:
        found[f"{field.name}Confirm"] = _schema(field)
    return found


def _schema(field: Field) -> Schema:
    if field.type == "json":
        return {}
    if field.type == "geoPoint":
        return _POINT
    if field.type == "bool":
        return {"type": "boolean"}
    if isinstance(field, NumberField):
        return {"type": "integer" if field.only_int else "number"}
    one: Schema = {"type": "string"}
    if isinstance(field, SelectField):
        one["enum"] = [*field.values] if field.multiple or field.required else ["", *field.values]
    return {"type": "array", "items": one} if field.multiple else one
