"""Reading a collection's definition: what POST and PATCH send, merged, completed and judged.

Everything that can be wrong is told at once, each with the dotted key of its place (`fields.2.name`).
What only SQLite or another layer can know is not judged here: whether data breaks a new unique
index, and what a rule means (the caller passes the check of rules in).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from shared.errors import FieldError, invalid
from shared.ids import collection_id
from shared.limits import COLLECTION_NAME_CHARS_MAX
from shared.schema.auth_options import merge_options
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, BASE, RULE_ATTRIBUTES, VIEW, Collection
from shared.schema.field_list import Problems, read_fields
from shared.schema.fields.field import REQUIRED, Field
from shared.schema.index import read_index
from shared.schema.index_list import (
    carried_indexes,
    index_names,
    missing_unique_problem,
    read_indexes,
)
from shared.schema.reserved import is_reserved_table

CheckRule = Callable[[Collection, str], str | None]
"""Judges a rule against the new collection: what is wrong with it, or None."""

_WORD: Final = re.compile(r"\w+", re.ASCII)
_ID_CHARS_MAX: Final = 100
_UNNAMED: Final = "unnamed"  # stands in where the name is wrong, so that the rest can be judged
_KINDS_LATER: Final = frozenset({AUTH, VIEW})
_WRONG_TYPE: Final = FieldError("validation_invalid_value", "The value has the wrong type.")


def read_definition(
    body: Mapping[str, object],
    old: Collection | None,
    catalog: Catalog,
    now: str,
    check_rule: CheckRule,
) -> Collection:
    """The collection that `body` asks for: a new one, or `old` changed.

    A change replaces each top-level key that it holds and keeps the rest. `now` is stored time.
    Raises QuillError (INVALID) with every problem found.
    """
    problems: Problems = {}
    kind = _read_kind(body, old, problems)
    name = _read_name(body, old, catalog, problems)
    own_id = _read_id(body, old, kind, name, catalog, problems)
    fields = _read_fields(body, old, kind, own_id, catalog, problems)
    table = name if "name" not in problems else (old.name if old else _UNNAMED)
    indexes = _read_indexes(body, old, table, own_id, fields, catalog, problems)
    rules = _read_rules(body, old, problems)
    options, option_problems = merge_options(old.options if old else {}, body)
    problems.update(option_problems)
    if old is not None and kind == AUTH and (missing := missing_unique_problem(indexes)):
        problems.setdefault("indexes", missing)
    new = Collection(
        id=own_id,
        name=name,
        type=kind,
        system=_read_system(body, old, problems),
        fields=fields,
        indexes=indexes,
        options=options,
        created=old.created if old else now,
        updated=now,
        **rules,
    )
    if not problems:
        problems = _rule_problems(new, check_rule)
    if problems:
        verb = "create" if old is None else "update"
        raise invalid(f"Failed to {verb} collection.", problems)
    return new


def _read_kind(body: Mapping[str, object], old: Collection | None, problems: Problems) -> str:
    kind = body.get("type")
    if old is not None:
        if kind not in (None, "", old.type):
            problems["type"] = FieldError(
                "validation_collection_type_change", "The collection type cannot be changed."
            )
        return old.type
    if kind in (None, "", BASE):
        return BASE
    if isinstance(kind, str) and kind in _KINDS_LATER:
        problems["type"] = FieldError(
            "validation_invalid_type", f"Collections of type {kind} are not supported yet."
        )
    else:
        problems["type"] = FieldError("validation_in_invalid", f"Must be {BASE}.")
    return BASE


def _read_name(
    body: Mapping[str, object], old: Collection | None, catalog: Catalog, problems: Problems
) -> str:
    raw = body.get("name", old.name if old is not None else "")
    name = raw if isinstance(raw, str) else ""
    if raw is not None and not isinstance(raw, str):
        problems["name"] = _WRONG_TYPE
    elif old is not None and name == old.name:
        return name
    elif (problem := _name_problem(name, old, catalog)) is not None:
        problems["name"] = problem
    return name


def _name_problem(name: str, old: Collection | None, catalog: Catalog) -> FieldError | None:
    if not name:
        return REQUIRED
    if len(name) > COLLECTION_NAME_CHARS_MAX:
        return _length_problem(COLLECTION_NAME_CHARS_MAX)
    if _WORD.fullmatch(name) is None:
        return FieldError("validation_match_invalid", "May hold only letters, digits and _.")
    if "_via_" in name:
        return FieldError("validation_found_via", "A name may not contain _via_.")
    if old is not None and old.system:
        return FieldError(
            "validation_collection_system_name_change", "System collections cannot be renamed."
        )
    return _taken_name_problem(name, old, catalog)


def _taken_name_problem(name: str, old: Collection | None, catalog: Catalog) -> FieldError | None:
    own_id = old.id if old is not None else None
    others = [one for one in catalog.all() if one.id != own_id]
    lower = name.lower()
    if any(one.name.lower() == lower for one in others):
        return FieldError(
            "validation_collection_name_exists", "This name (in any case) is already in use."
        )
    if any(one.id.lower() == lower for one in others):
        return FieldError(
            "validation_collection_name_id_duplicate", "This is the id of another collection."
        )
    if is_reserved_table(name) or any(lower in index_names(one) for one in catalog.all()):
        return FieldError(
            "validation_collection_name_invalid", "The name of an internal table or an index."
        )
    return None


def _read_id(
    body: Mapping[str, object],
    old: Collection | None,
    kind: str,
    name: str,
    catalog: Catalog,
    problems: Problems,
) -> str:
    raw = body.get("id")
    if old is not None:
        if raw not in (None, "", old.id):
            problems["id"] = FieldError("validation_in_invalid", "The id cannot be changed.")
        return old.id
    if raw is None or raw == "":
        return _free_id(kind, name, catalog)
    if not isinstance(raw, str):
        problems["id"] = _WRONG_TYPE
        return ""
    if len(raw) > _ID_CHARS_MAX:
        problems["id"] = _length_problem(_ID_CHARS_MAX)
    elif _WORD.fullmatch(raw) is None:
        problems["id"] = FieldError(
            "validation_match_invalid", "May hold only letters, digits and _."
        )
    elif catalog.find(raw) is not None:
        problems["id"] = FieldError(
            "validation_invalid_or_existing_id", "This id is already in use."
        )
    return raw


def _free_id(kind: str, name: str, catalog: Catalog) -> str:
    """The id that follows from the name; a collection renamed since may still have it."""
    first = chosen = collection_id(kind, name)
    count = 1
    while catalog.find(chosen) is not None:
        count += 1
        chosen = f"{first}{count}"
    return chosen


def _read_system(body: Mapping[str, object], old: Collection | None, problems: Problems) -> bool:
    raw = body.get("system")
    if raw is not None and not isinstance(raw, bool):
        problems["system"] = _WRONG_TYPE
    elif old is not None and raw is not None and raw != old.system:
        problems["system"] = FieldError(
            "validation_collection_system_flag_change", "The system flag cannot be changed."
        )
    elif old is None:
        return bool(raw)
    return old is not None and old.system


def _read_fields(
    body: Mapping[str, object],
    old: Collection | None,
    kind: str,
    own_id: str,
    catalog: Catalog,
    problems: Problems,
) -> tuple[Field, ...]:
    raw = body.get("fields")
    if raw is None:
        if old is not None:
            return old.fields
        raw = []

    def exists(collection_id: str) -> bool:
        return collection_id == own_id or catalog.by_id(collection_id) is not None

    fields, found = read_fields(raw, old, kind, exists)
    problems.update(found)
    return fields


def _read_indexes(
    body: Mapping[str, object],
    old: Collection | None,
    name: str,
    own_id: str,
    fields: tuple[Field, ...],
    catalog: Catalog,
    problems: Problems,
) -> tuple[str, ...]:
    raw = body.get("indexes")
    if raw is None:
        return carried_indexes(old, name, fields) if old is not None else ()
    indexes, found = read_indexes(
        raw, name=name, collection_id=own_id, fields=fields, old=old, catalog=catalog
    )
    own_name = FieldError("validation_existing_index_name", "This is the collection's own name.")
    if not found:
        for position, taken in enumerate(_index_names_in_order(indexes)):
            if taken == name.lower():
                found[f"indexes.{position}"] = own_name
    problems.update(found)
    return indexes


def _index_names_in_order(indexes: tuple[str, ...]) -> list[str]:
    return [read_index(sql).name.lower() for sql in indexes]


def _read_rules(
    body: Mapping[str, object], old: Collection | None, problems: Problems
) -> dict[str, Any]:
    rules: dict[str, str | None] = {}
    for key, attribute in RULE_ATTRIBUTES.items():
        before = getattr(old, attribute) if old is not None else None
        rule = body.get(key, before)
        if rule is not None and not isinstance(rule, str):
            problems[key] = _WRONG_TYPE
            continue
        if old is not None and old.system and rule != before:
            problems[key] = FieldError(
                "validation_collection_system_rule_change",
                "Rules of system collections cannot be changed.",
            )
        rules[attribute] = rule
    return rules


def _rule_problems(new: Collection, check_rule: CheckRule) -> Problems:
    problems: Problems = {}
    for key, attribute in RULE_ATTRIBUTES.items():
        rule = getattr(new, attribute)
        if rule and (reason := check_rule(new, rule)) is not None:
            problems[key] = FieldError("validation_invalid_rule", f"Invalid rule: {reason}")
    return problems


def _length_problem(most: int) -> FieldError:
    return FieldError(
        "validation_length_out_of_range",
        f"Must have between 1 and {most} characters.",
        {"min": 1, "max": most},
    )
