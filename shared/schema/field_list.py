"""The fields of a definition: read one by one, matched with the old ones by id, checked together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError, Problems
from shared.ids import RECORD_ID_CHARS, field_id
from shared.limits import COLLECTION_FIELDS_MAX
from shared.schema.collection import AUTH, VIEW
from shared.schema.conversion import TYPE_CHANGE, can_convert
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.fields.options import DefinitionError
from shared.schema.fields.relation import RelationField
from shared.schema.fields.text import ID_AUTOGENERATE, ID_NAME, ID_PATTERN

ID_FIELD: Final[Mapping[str, Any]] = {
    "id": field_id("text", ID_NAME),
    "name": ID_NAME,
    "type": "text",
    "system": True,
    "required": True,
    "primaryKey": True,
    "min": RECORD_ID_CHARS,
    "max": RECORD_ID_CHARS,
    "pattern": ID_PATTERN,
    "autogeneratePattern": ID_AUTOGENERATE,
}
"""The first field of every collection."""

VIEW_ID_FIELD: Final[Mapping[str, Any]] = {
    **ID_FIELD,
    "min": 0,
    "max": 0,
    "pattern": "",
    "autogeneratePattern": "",
}
"""The first field of every view, whose ids may be any texts."""

_FORCED: Final[Mapping[str, Mapping[str, Any]]] = {
    ID_NAME: {"system": True, "required": True, "primaryKey": True, "hidden": False},
    "password": {"required": True, "hidden": True},
    "tokenKey": {"required": True, "hidden": True},
}
"""What a definition cannot change about system fields, whatever it says."""

_AUTH_RESERVED: Final = frozenset({"passwordconfirm", "oldpassword"})
_SYSTEM_CHANGE: Final = FieldError(
    "validation_system_field_change", "System fields cannot be renamed or change their type."
)


def read_fields(
    raw: object, known: Sequence[Field], kind: str, kind_of: Callable[[str], str | None]
) -> tuple[tuple[Field, ...], Problems]:
    """The fields that a definition lists, system fields added, and what is wrong with them.

    `known`: the fields before the change, or the system fields that a new collection of this kind
    has. A field without id is the known one of the same name, or new. `kind_of` tells the kind of
    the collection of an id, the one being defined included, or None. Keys of problems begin with
    `fields`.
    """
    if not isinstance(raw, list) or len(raw) > COLLECTION_FIELDS_MAX:
        message = f"Must be a list of at most {COLLECTION_FIELDS_MAX} fields."
        return (), {"fields": FieldError("validation_invalid_value", message)}
    problems: Problems = {}
    fields: list[Field] = []
    used = {one["id"] for one in raw if isinstance(one, dict) and isinstance(one.get("id"), str)}
    for position, one in enumerate(raw):
        place = f"fields.{position}"
        try:
            field = field_from_json(_completed(one, known, used))
        except DefinitionError as problem:
            problems.update({f"{place}.{key}": error for key, error in problem.problems.items()})
            continue
        found = _field_problems(field, fields, known, kind)
        found = found or _reference_problems(field, kind, kind_of)
        problems.update({f"{place}.{key}": error for key, error in found.items()})
        fields.append(field)
    return (*_missing_system(fields, known), *fields), problems


def _completed(raw: object, known: Sequence[Field], used: set[str]) -> dict[str, Any]:
    """A definition with its id and with what is not the client's to say. May add to `used`."""
    if not isinstance(raw, dict):
        error = FieldError("validation_invalid_value", "Must be an object.")
        raise DefinitionError({"type": error})
    found = dict(raw)
    name, kind = found.get("name"), found.get("type")
    before = _before(found, known, used)
    if before is not None:
        found["id"] = before.id
    elif not found.get("id") and isinstance(name, str) and isinstance(kind, str):
        found["id"] = _new_id(kind, name, known, used)
    if isinstance(found.get("id"), str):
        used.add(found["id"])
    found["system"] = before.system if before is not None else False
    if name == ID_NAME or (before is not None and before.name == ID_NAME):
        given = {key: value for key, value in found.items() if _is_said(key, value)}
        found = {**ID_FIELD, **given, **_FORCED[ID_NAME]}
    elif found["system"] and before is not None:
        found |= _FORCED.get(before.name, {})
    return found


def _is_said(key: str, value: object) -> bool:
    """An option of the id that is empty has its default; only nothing to generate from is meant."""
    return value is not None and (value != "" or key == "autogeneratePattern")


def _before(raw: Mapping[str, Any], known: Sequence[Field], used: set[str]) -> Field | None:
    """The known field that a definition means: by id, else by name if nobody else claims it."""
    given, name = raw.get("id"), raw.get("name")
    found = next((one for one in known if one.id == given), None)
    if found is None:
        named = next((one for one in known if one.name == name), None)
        if named is not None and (named.system or (not given and named.id not in used)):
            return named
    return found


def _new_id(kind: str, name: str, known: Sequence[Field], used: set[str]) -> str:
    first = chosen = field_id(kind, name)
    taken = used.union(field.id for field in known)
    count = 1
    while chosen in taken:
        count += 1
        chosen = f"{first}{count}"
    return chosen


def _field_problems(
    field: Field, others: Sequence[Field], known: Sequence[Field], kind: str
) -> Problems:
    problems = field.definition_problems()
    before = next((one for one in known if one.id == field.id), None)
    if any(field.id == other.id for other in others):
        problems["id"] = FieldError("validation_duplicated_field_id", "This id is used twice.")
    lower = field.name.lower()
    kept = [one for one in known if one.system and one.id != field.id]
    if any(lower == other.name.lower() for other in (*others, *kept)):
        problems["name"] = FieldError(
            "validation_duplicated_field_name", "This name is used twice."
        )
    if kind == AUTH and lower in _AUTH_RESERVED:
        problems["name"] = FieldError("validation_reserved_field_name", "This name is reserved.")
    if lower == ID_NAME and (field.name != ID_NAME or field.type != "text"):
        problems["name"] = FieldError(
            "validation_not_in_invalid", f"{ID_NAME} is the primary key, a text field."
        )
    if before is not None:
        problems.update(_change_problems(field, before))
    return problems


def _reference_problems(field: Field, kind: str, kind_of: Callable[[str], str | None]) -> Problems:
    """The target must be there, and rows of views, which come and go, are no target of records."""
    problems = field.reference_problems(lambda collection_id: kind_of(collection_id) is not None)
    if isinstance(field, RelationField) and kind != VIEW and kind_of(field.target_id) == VIEW:
        message = "Only view collections may refer to view collections."
        code = "validation_relation_field_non_view_base_collection"
        problems["collectionId"] = FieldError(code, message)
    return problems


def _change_problems(field: Field, before: Field) -> Problems:
    if before.system and field.name != before.name:
        return {"name": _SYSTEM_CHANGE}
    if before.system and field.type != before.type:
        return {"type": _SYSTEM_CHANGE}
    if not can_convert(before, field):
        return field.change_problems(before)
    return {
        key: problem
        for key, problem in field.change_problems(before).items()
        if problem.code != TYPE_CHANGE
    }


def _missing_system(fields: Sequence[Field], known: Sequence[Field]) -> list[Field]:
    """System fields that the definition left out: they stay, or are made."""
    present = {field.id for field in fields}
    return [field for field in known if field.system and field.id not in present]
