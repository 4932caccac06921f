"""Importing collections: many definitions as one change, all of it or nothing.

Each entry means the collection of its id, else of its name, else a new one. Entries may refer to one
another in any order, so what will stand beside each of them is worked out before any is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from shared.dates import now_text
from shared.errors import FieldError, Kind, QuillError, invalid
from shared.limits import IMPORTED_COLLECTIONS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import BASE, VIEW, VIEW_QUERY, Collection
from shared.schema.definition import read_definition
from shared.schema.fields.field import REQUIRED, WRONG_TYPE
from shared.schema.naming import free_id
from worker.catalog.collections import compile_and_change, submit_change
from worker.context import Context
from worker.records.caller import Origin
from worker.records.submit import Ask, Written
from worker.records.superuser_plan import Made

_FAILURE: Final = "validation_collections_import_failure"


class _Entry(NamedTuple):
    """One definition of the import.

    `given`: the id that it came with. `own_id`: of the collection that it is to be.
    """

    body: dict[str, object]
    old: Collection | None
    given: object
    own_id: str


async def import_collections(
    context: Context, body: Mapping[str, object], origin: Origin, ask: Ask
) -> Written:
    """Create and change the collections that `body` lists. No answer.

    With `deleteMissing`, fields and collections that are not listed go, the system's apart. Raises
    INVALID with the first problem, named by its collection and place.
    """
    try:
        return await submit_change(context, partial(_make_imported, body=body), origin, ask)
    except QuillError as error:
        raise _import_failure(error) from None


def imported(
    catalog: Catalog,
    raws: Sequence[Mapping[str, object]],
    now: str,
    *,
    delete_missing: bool,
    whole_fields: bool = False,
) -> tuple[list[Collection], frozenset[str]]:
    """All collections as they are to be, and the ids of those that were listed.

    `whole_fields`: a list of fields is all of them, as with `delete_missing`. Raises INVALID.
    """
    entries = _matched(catalog, raws)
    listed = frozenset(entry.own_id for entry in entries)
    beside = {
        one.id: one for one in catalog.all() if one.id in listed or one.system or not delete_missing
    }
    for entry in entries:
        beside[entry.own_id] = _outline(entry)
    renamed = {entry.given: entry.own_id for entry in entries if isinstance(entry.given, str)}
    for entry in entries:
        body = _completed(entry, renamed, delete_missing=delete_missing or whole_fields)
        others = [one for one in beside.values() if one.id != entry.own_id]
        around = Catalog(catalog.version, [*others, *(() if entry.old is None else (entry.old,))])
        try:
            beside[entry.own_id] = read_definition(body, entry.old, around, now)
        except QuillError as error:
            raise _in_collection(entry, error) from None
    return list(beside.values()), listed


def _make_imported(catalog: Catalog, *, body: Mapping[str, object]) -> Made:
    raws, delete_missing = _read_body(body)
    now = now_text()
    after, listed = imported(catalog, raws, now, delete_missing=delete_missing)
    _, steps = compile_and_change(catalog, after, listed, now)
    return Made(steps, None, "")


def _read_body(body: Mapping[str, object]) -> tuple[list[Mapping[str, object]], bool]:
    raws, delete_missing = body.get("collections"), body.get("deleteMissing")
    problems: dict[str, FieldError] = {}
    if raws is None or raws == []:
        problems["collections"] = REQUIRED
    elif not isinstance(raws, list) or not all(isinstance(one, dict) for one in raws):
        problems["collections"] = WRONG_TYPE
    elif len(raws) > IMPORTED_COLLECTIONS_MAX:
        message = f"Must be no more than {IMPORTED_COLLECTIONS_MAX} collections."
        problems["collections"] = FieldError("validation_length_too_long", message)
    if delete_missing is not None and not isinstance(delete_missing, bool):
        problems["deleteMissing"] = WRONG_TYPE
    if problems:
        raise invalid("An error occurred while validating the submitted data.", problems)
    assert isinstance(raws, list)
    return raws, bool(delete_missing)


# --- Entries ------------------------------------------------------------------------------------


def _matched(catalog: Catalog, raws: Sequence[Mapping[str, object]]) -> list[_Entry]:
    entries: list[_Entry] = []
    taken = catalog
    for raw in raws:
        entry = _entry(catalog, taken, raw)
        if any(entry.own_id == other.own_id for other in entries):
            raise invalid(f"The collection {raw.get('name')!r} is listed twice.")
        entries.append(entry)
        taken = Catalog(catalog.version, [*taken.all(), _outline(entry)])
    return entries


def _entry(catalog: Catalog, taken: Catalog, raw: Mapping[str, object]) -> _Entry:
    given, name = raw.get("id"), raw.get("name")
    old = catalog.by_id(given) if isinstance(given, str) else None
    if old is None and isinstance(name, str):
        old = next((one for one in catalog.all() if one.name.lower() == name.lower()), None)
    if old is not None:
        return _Entry({**raw, "id": old.id}, old, given, old.id)
    if isinstance(given, str) and given:
        return _Entry(dict(raw), None, given, given)
    kind = raw.get("type")
    own_id = free_id(str(kind or BASE), str(name), taken)
    return _Entry({**raw, "id": own_id}, None, given, own_id)


def _outline(entry: _Entry) -> Collection:
    """What others need to know of a collection whose definition is yet to be read."""
    old, body = entry.old, entry.body
    name, kind = body.get("name"), body.get("type")
    shown = str(name) if isinstance(name, str) and name else (old.name if old else "")
    if old is not None:
        return replace(old, name=shown, fields=(), indexes=())
    known = str(kind) if isinstance(kind, str) and kind else BASE
    options = {VIEW_QUERY: ""} if known == VIEW else {}
    return Collection(entry.own_id, shown, known, system=False, fields=(), options=options)


def _completed(
    entry: _Entry, renamed: Mapping[str, str], *, delete_missing: bool
) -> dict[str, object]:
    """The definition with fields that stay though they are not listed, and references put right."""
    body = dict(entry.body)
    listed = body.get("fields")
    if not isinstance(listed, list):
        return body
    fields: list[Any] = [_with_target(one, renamed) for one in listed]
    if entry.old is not None:
        fields = _with_known_ids(entry.old, fields)
        if not delete_missing:
            fields += _unlisted(entry.old, fields)
    body["fields"] = fields
    return body


def _with_known_ids(old: Collection, listed: Sequence[Any]) -> list[Any]:
    """A field of an id that is not known here is the one of its name, and keeps its data."""
    claimed = _texts(listed, "id")
    found: list[Any] = []
    for one in listed:
        known = old.by_name.get(str(one.get("name"))) if isinstance(one, dict) else None
        own = one.get("id") if isinstance(one, dict) else None
        odd = own is not None and not isinstance(own, str)
        if known is not None and known.id not in claimed and not odd and own not in old.by_id:
            found.append({**one, "id": known.id})
        else:
            found.append(one)
    return found


def _with_target(field: Any, renamed: Mapping[str, str]) -> Any:
    """A field whose reference names a collection by the id that it has here."""
    target = field.get("collectionId") if isinstance(field, dict) else None
    if isinstance(target, str) and target in renamed:
        return {**field, "collectionId": renamed[target]}
    return field


def _unlisted(old: Collection, listed: Sequence[Any]) -> list[dict[str, Any]]:
    given = _texts(listed, "id")
    named = _texts([one for one in listed if isinstance(one, dict) and not one.get("id")], "name")
    return [
        field.to_json() for field in old.fields if field.id not in given and field.name not in named
    ]


def _texts(listed: Sequence[Any], key: str) -> set[str]:
    """The values of a key; what is no text, and so nothing that is known, is left to be refused."""
    values = (one.get(key) for one in listed if isinstance(one, dict))
    return {value for value in values if isinstance(value, str)}


# --- Errors -------------------------------------------------------------------------------------


def _in_collection(entry: _Entry, error: QuillError) -> QuillError:
    name = entry.body.get("name") or entry.own_id
    told = "; ".join(f"{place}: {problem.message}" for place, problem in error.fields.items())
    return invalid(f"The collection {name}: {told or error.message}")


def _import_failure(error: QuillError) -> QuillError:
    """The reference tells every failure of an import under one key and code."""
    if error.kind is not Kind.INVALID or "collections" in error.fields:
        return error
    if "deleteMissing" in error.fields:
        return error
    told = "; ".join(problem.message for problem in error.fields.values())
    problem = FieldError(_FAILURE, told or error.message)
    return invalid("Failed to import collections.", {"collections": problem})
