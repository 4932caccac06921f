"""Mending a definition that is refused: each problem, at its place, is answered by the least change.

Whatever is taken away is told. Nothing is opened that was closed: a rule becomes null, a field of
unknown meaning is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shared.errors import FieldError
from shared.limits import COLLECTION_INDEXES_MAX
from shared.schema.auth_fields import missing_auth_indexes
from shared.schema.collection import RULE_ATTRIBUTES, VIEW_QUERY
from shared.schema.index import read_index
from shared.schema.index_tokens import IndexDefinitionError
from shared.schema.system import SUPERUSERS
from worker.pb_data.report import Kind, Notes

_HOPELESS: Final = ("name", "id", "type", VIEW_QUERY)
_LOCKED: Final[dict[str, Any]] = {
    **dict.fromkeys(RULE_ATTRIBUTES), "authRule": None, "manageRule": None,
}  # fmt: skip
_NAME_TAIL: Final = "_"


def repair(
    body: dict[str, Any], problems: Mapping[str, FieldError], where: str, notes: Notes
) -> str:
    """Change `body` so that these problems are gone; why that cannot be, else `""`."""
    listed: dict[str, dict[int, FieldError]] = {"indexes": {}, "providers": {}}
    for key, problem in problems.items():
        if key in _HOPELESS:
            return f"{key}: {problem.message}"
        parts = key.split(".")
        if parts[0] == "fields":
            if len(parts) < 3:
                return f"{key}: {problem.message}"
            _mend_field(body["fields"][int(parts[1])], parts[2], problem, where, notes)
        elif parts[0] == "indexes" and len(parts) > 1:
            listed["indexes"][int(parts[1])] = problem
        elif key.startswith("oauth2.providers."):
            listed["providers"][int(parts[2])] = problem
        elif key == "indexes":
            _mend_indexes(body, where, notes)
        else:
            _mend_option(body, parts, problem, where, notes)
    _drop_indexes(body, listed["indexes"], where, notes)
    _drop_providers(body, listed["providers"], where, notes)
    return ""


# --- Fields -------------------------------------------------------------------------------------


def _mend_field(
    field: dict[str, Any], key: str, problem: FieldError, where: str, notes: Notes
) -> None:
    place = f"{where}.{field.get('name')}"
    if key == "type":
        why = f"the type {field.get('type')!r} is not known: kept as hidden JSON"
        _become(field, "json", hidden=True)
    elif key == "collectionId":
        kind = "json" if _count(field.get("maxSelect")) > 1 else "text"
        why = f"refers to a collection that is not there: kept as {kind}"
        _become(field, kind)
    elif key == "name":
        old = str(field.get("name"))
        field["name"] = old + _NAME_TAIL
        why = f"renamed to {field['name']}: {problem.message}"
    elif key == "id":
        why = f"has a new id: {problem.message}"
        field.pop("id", None)
    elif key in field:
        why = f"without its option {key} ({field[key]!r}): {problem.message}"
        field.pop(key)
    else:
        why = f"kept as hidden JSON: {key}: {problem.message}"
        _become(field, "json", hidden=True)
    notes.add(Kind.CHANGED, place, why)


def _become(field: dict[str, Any], kind: str, *, hidden: bool = False) -> None:
    kept = {key: field[key] for key in ("id", "name", "presentable", "help") if key in field}
    hidden = hidden or field.get("hidden") is True
    field.clear()
    field.update(kept | {"type": kind, "hidden": hidden})


def _count(value: object) -> float:
    return value if isinstance(value, int | float) else 0


# --- Indexes ------------------------------------------------------------------------------------


def _mend_indexes(body: dict[str, Any], where: str, notes: Notes) -> None:
    """Too many of them, or one is missing that every auth collection has."""
    indexes = [one for one in body["indexes"] if isinstance(one, str)]
    for sql in indexes[COLLECTION_INDEXES_MAX:]:
        notes.add(Kind.LEFT_OUT, where, f"an index too many: {sql}")
    del indexes[COLLECTION_INDEXES_MAX:]
    readable = tuple(sql for sql in indexes if _is_readable(sql))
    indexes += missing_auth_indexes(str(body["id"]), str(body["name"]), readable)
    body["indexes"] = indexes


def _is_readable(sql: str) -> bool:
    try:
        read_index(sql)
    except IndexDefinitionError:
        return False
    return True


def _drop_indexes(
    body: dict[str, Any], problems: Mapping[int, FieldError], where: str, notes: Notes
) -> None:
    for position, problem in problems.items():
        why = f"the index {body['indexes'][position]}: {problem.message}"
        notes.add(Kind.LEFT_OUT, where, why)
    body["indexes"] = [one for n, one in enumerate(body["indexes"]) if n not in problems]


# --- Options ------------------------------------------------------------------------------------


def _drop_providers(
    body: dict[str, Any], problems: Mapping[int, FieldError], where: str, notes: Notes
) -> None:
    if not problems:
        return
    providers = body["oauth2"]["providers"]
    for position, problem in problems.items():
        one = providers[position]
        name = one.get("name") if isinstance(one, dict) else one
        notes.add(Kind.LEFT_OUT, where, f"the OAuth2 provider {name!r}: {problem.message}")
    body["oauth2"]["providers"] = [one for n, one in enumerate(providers) if n not in problems]


def _mend_option(
    body: dict[str, Any], parts: list[str], problem: FieldError, where: str, notes: Notes
) -> None:
    key = ".".join(parts)
    if key in _LOCKED:
        notes.add(Kind.LOCKED, f"{where}.{key}", f"{problem.message} It was “{body.get(key)}”.")
        body[key] = _LOCKED[key]
        return
    place: Any = body
    for part in parts[:-1]:
        place = place.get(part) if isinstance(place, dict) else None
    if isinstance(place, dict) and parts[-1] in place:
        place.pop(parts[-1])
    else:
        body.pop(parts[0], None)
    notes.add(Kind.CHANGED, f"{where}.{key}", f"has its default now: {problem.message}")
    if key == "mfa.enabled" and body.get("name") != SUPERUSERS:
        notes.add(Kind.LOCKED, f"{where}.authRule", "nobody can log in, since MFA cannot be asked")
        body["authRule"] = None
