"""Names and ids of collections: what they may look like, and whether they are free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from shared.errors import FieldError, Problems
from shared.ids import collection_id
from shared.limits import COLLECTION_ID_CHARS_MAX, COLLECTION_NAME_CHARS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import REQUIRED, WRONG_TYPE
from shared.schema.reserved import is_reserved_table

_WORD: Final = re.compile(r"\w+", re.ASCII)


def read_name(
    body: Mapping[str, object], old: Collection | None, catalog: Catalog, problems: Problems
) -> str:
    """The name that a definition asks for; adds to `problems` what is wrong with it."""
    raw = body.get("name", old.name if old is not None else "")
    name = raw if isinstance(raw, str) else ""
    if raw is not None and not isinstance(raw, str):
        problems["name"] = WRONG_TYPE
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
    if catalog.names.has_collection(name, but=own_id):
        return FieldError(
            "validation_collection_name_exists", "This name (in any case) is already in use."
        )
    if catalog.names.has_id(name, but=own_id):
        return FieldError(
            "validation_collection_name_id_duplicate", "This is the id of another collection."
        )
    if is_reserved_table(name) or catalog.names.has_index(name):
        return FieldError(
            "validation_collection_name_invalid", "The name of an internal table or an index."
        )
    return None


def read_id(
    body: Mapping[str, object],
    old: Collection | None,
    kind: str,
    name: str,
    catalog: Catalog,
    problems: Problems,
) -> str:
    """The id that a definition asks for, or the one that follows from kind and name."""
    raw = body.get("id")
    if old is not None:
        if raw not in (None, "", old.id):
            problems["id"] = FieldError("validation_in_invalid", "The id cannot be changed.")
        return old.id
    if raw is None or raw == "":
        return free_id(kind, name, catalog)
    if not isinstance(raw, str):
        problems["id"] = WRONG_TYPE
        return ""
    if len(raw) > COLLECTION_ID_CHARS_MAX:
        problems["id"] = _length_problem(COLLECTION_ID_CHARS_MAX)
    elif _WORD.fullmatch(raw) is None:
        problems["id"] = FieldError(
            "validation_match_invalid", "May hold only letters, digits and _."
        )
    elif catalog.find(raw) is not None:
        problems["id"] = FieldError(
            "validation_invalid_or_existing_id", "This id is already in use."
        )
    return raw


def free_id(kind: str, name: str, catalog: Catalog) -> str:
    """The id that follows from the name; a collection renamed since may still have it."""
    first = chosen = collection_id(kind, name)
    count = 1
    while catalog.find(chosen) is not None:
        count += 1
        chosen = f"{first}{count}"
    return chosen


def _length_problem(most: int) -> FieldError:
    return FieldError(
        "validation_length_out_of_range",
        f"Must have between 1 and {most} characters.",
        {"min": 1, "max": most},
    )
