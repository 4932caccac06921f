"""The field types: one file each. A new type is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.errors import FieldError
from shared.schema.fields.autodate import AutodateField
from shared.schema.fields.bool import BoolField
from shared.schema.fields.date import DateField
from shared.schema.fields.editor import EditorField
from shared.schema.fields.email import EmailField
from shared.schema.fields.field import Field
from shared.schema.fields.file import FileField
from shared.schema.fields.geo_point import GeoPointField
from shared.schema.fields.json import JsonField
from shared.schema.fields.number import NumberField
from shared.schema.fields.options import DefinitionError
from shared.schema.fields.password import PasswordField
from shared.schema.fields.relation import RelationField
from shared.schema.fields.select import SelectField
from shared.schema.fields.text import TextField
from shared.schema.fields.url import UrlField

FIELD_TYPES: Final[dict[str, type[Field]]] = {
    field.kind: field
    for field in (
        TextField,
        EditorField,
        NumberField,
        BoolField,
        EmailField,
        UrlField,
        DateField,
        AutodateField,
        SelectField,
        FileField,
        RelationField,
        JsonField,
        GeoPointField,
        PasswordField,
    )
}


def field_from_json(raw: Mapping[str, object]) -> Field:
    """The field that a definition in wire form describes; limits are not checked yet.

    Raises DefinitionError for an unknown type and for options of the wrong type.
    """
    kind = raw.get("type")
    found = FIELD_TYPES.get(kind) if isinstance(kind, str) else None
    if found is None:
        known = ", ".join(sorted(FIELD_TYPES))
        error = FieldError("validation_in_invalid", f"Must be one of: {known}.")
        raise DefinitionError({"type": error})
    return found(raw)
