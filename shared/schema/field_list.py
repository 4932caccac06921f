"""The fields of a definition: read one by one, matched with the old ones by id, checked together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError
from shared.ids import RECORD_ID_CHARS, field_id
from shared.limits import COLLECTION_FIELDS_MAX
from shared.schema.collection import AUTH, Collection
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.schema.fields.options import DefinitionError
from shared.schema.fields.text import ID_AUTOGENERATE, ID_NAME, ID_PATTERN

Problems = dict[str, FieldError]

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

_FORCED: Final[Mapping[str, Mapping[str, Any]]] = {
    ID_NAME: {"system": True, "required": True, "primaryKey": True, "hidden": False},
    "password": {"required": True, "hidden": True},
    "tokenKey": {"required": True, "hidden": True},
}
"""What a definition cannot change about system fields, whatever it says."""

_AUTH_RESERVED: Final = frozenset({"passwordconfirm", "oldpassword"})
_ONLY_SYSTEM: Final = frozenset({"password"})
_SYSTEM_CHANGE: Final = FieldError(
    "validation_system_field_change", "System fields cannot be renamed or change their type."
)


def read_fields(
    raw: object, old: Collection | None, kind: str, exists: Callable[[str], bool]
) -> tuple[tuple[Field, ...], Problems]:
    """The fields that a definition lists, system fields added, and what is wrong with them.

    A field without id is the old one of the same name, or new. `exists` tells whether an id is
    that of a collection, the one being defined included. Keys of problems begin with `fields`.
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
            field = field_from_json(_completed(one, old, used))
        except DefinitionError as problem:
            problems.update({f"{place}.{key}": error for key, error in problem.problems.items()})
            continue
        found = _field_problems(field, fields, old, kind) or field.reference_problems(exists)
        problems.update({f"{place}.{key}": error for key, error in found.items()})
        fields.append(field)
    return (*_missing_system(fields, old), *fields), problems


def _completed(raw: object, old: Collection | None, used: set[str]) -> dict[str, Any]:
    """A definition with its id and with what is not the client's to say. May add to `used`."""
    if not isinstance(raw, dict):
        error = FieldError("validation_invalid_value", "Must be an object.")
        raise DefinitionError({"type": error})
    found = dict(raw)
    name, kind = found.get("name"), found.get("type")
    before = _before(found, old, used)
    if before is not None:
        found["id"] = before.id
    elif not found.get("id") and isinstance(name, str) and isinstance(kind, str):
        found["id"] = _new_id(kind, name, old, used)
    if isinstance(found.get("id"), str):
        used.add(found["id"])
    found["system"] = before.system if before is not None else False
    if name == ID_NAME or (before is not None and before.name == ID_NAME):
        given = {key: value for key, value in found.items() if value not in (None, "")}
        found = {**ID_FIELD, **given, **_FORCED[ID_NAME]}
    elif found["system"] and before is not None:
        found |= _FORCED.get(before.name, {})
    return found


def _before(raw: Mapping[str, Any], old: Collection | None, used: set[str]) -> Field | None:
    """The old field that a definition means: by id, else by name if nobody else claims it."""
    if old is None:
        return None
    given, name = raw.get("id"), raw.get("name")
    found = old.field_by_id(given) if isinstance(given, str) else None
    if found is None and isinstance(name, str):
        named = old.field(name)
        if named is not None and (named.system or (not given and named.id not in used)):
            return named
    return found


def _new_id(kind: str, name: str, old: Collection | None, used: set[str]) -> str:
    first = chosen = field_id(kind, name)
    taken = used | (set(old.by_id) if old is not None else set())
    count = 1
    while chosen in taken:
        count += 1
        chosen = f"{first}{count}"
    return chosen


def _field_problems(
    field: Field, others: Sequence[Field], old: Collection | None, kind: str
) -> Problems:
    problems = field.definition_problems()
    before = old.field_by_id(field.id) if old is not None else None
    if any(field.id == other.id for other in others):
        problems["id"] = FieldError("validation_duplicated_field_id", "This id is used twice.")
    lower = field.name.lower()
    kept = [one for one in old.fields if one.system and one.id != field.id] if old else []
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
    if before is None and field.type in _ONLY_SYSTEM:
        message = "New fields of this type are not supported yet."
        problems["type"] = FieldError("validation_in_invalid", message)
    if before is not None:
        problems.update(_change_problems(field, before))
    return problems


def _change_problems(field: Field, before: Field) -> Problems:
    if before.system and field.name != before.name:
        return {"name": _SYSTEM_CHANGE}
    if before.system and field.type != before.type:
        return {"type": _SYSTEM_CHANGE}
    return field.change_problems(before)


def _missing_system(fields: Sequence[Field], old: Collection | None) -> list[Field]:
    """System fields that the definition left out: they stay, or `id` is made."""
    if old is None:
        if any(field.name == ID_NAME for field in fields):
            return []
        return [field_from_json(ID_FIELD)]
    present = {field.id for field in fields}
    return [field for field in old.fields if field.system and field.id not in present]
