"""Reading a collection's definition: what POST and PATCH send, merged, completed and judged.

Everything that can be wrong is told at once, each with the dotted key of its place (`fields.2.name`).
What only SQLite or another layer can know is not judged here: whether data breaks a new unique
index, what a rule means, and which fields a view has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from shared.errors import FieldError, Problems, invalid
from shared.limits import VIEW_QUERY_CHARS_MAX
from shared.schema.auth_fields import auth_fields, missing_auth_indexes
from shared.schema.auth_judge import option_problems
from shared.schema.auth_merge import carry_field_names, merge_options
from shared.schema.auth_options import new_options
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, BASE, RULE_ATTRIBUTES, VIEW, VIEW_QUERY, Collection
from shared.schema.field_list import ID_FIELD, read_fields
from shared.schema.fields import field_from_json
from shared.schema.fields.field import REQUIRED, WRONG_TYPE, Field
from shared.schema.fields.options import is_clean_text
from shared.schema.index import read_index
from shared.schema.index_list import carried_indexes, missing_unique_problem, read_indexes
from shared.schema.naming import read_id, read_name
from shared.schema.system import SUPERUSERS_ID
from shared.schema.view import clean_query

_UNNAMED: Final = "unnamed"  # stands in where the name is wrong, so that the rest can be judged
_KINDS: Final = (BASE, AUTH, VIEW)
_AUTH_RULES: Final = ("authRule", "manageRule")
_SYSTEM_RULE: Final = FieldError(
    "validation_collection_system_rule_change", "Rules of system collections cannot be changed."
)


def read_definition(
    body: Mapping[str, object], old: Collection | None, catalog: Catalog, now: str
) -> Collection:
    """The collection that `body` asks for: a new one, or `old` changed.

    A change replaces each top-level key that it holds and keeps the rest. `catalog`: the other
    collections as they will be, and perhaps this one as it was. `now` is stored time. A new view
    comes without fields, an old one with those that it had: they follow from its query. Raises
    QuillError (INVALID) with every problem found.
    """
    problems: Problems = {}
    kind = _read_kind(body, old, problems)
    name = read_name(body, old, catalog, problems)
    own_id = read_id(body, old, kind, name, catalog, problems)
    new = Collection(
        id=own_id,
        name=name,
        type=kind,
        system=_read_system(body, old, problems),
        fields=(),
        options=old.options if old else {},
        created=old.created if old else now,
        updated=now,
        **_read_rules(body, old, kind, problems),
    )
    if kind == VIEW:
        new = _with_query(new, body, old, problems)
    else:
        fields = _read_fields(body, old, kind, own_id, catalog, problems)
        new = replace(new, fields=fields)
        table = name if "name" not in problems else (old.name if old else _UNNAMED)
        indexes = _read_indexes(body, old, table, new, catalog, problems)
        new = replace(new, indexes=indexes)
        if kind == AUTH:
            new = _with_options(new, body, old, problems)
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
    if kind in (None, ""):
        return BASE
    if isinstance(kind, str) and kind in _KINDS:
        return kind
    problems["type"] = FieldError("validation_in_invalid", f"Must be one of: {', '.join(_KINDS)}.")
    return BASE


def _read_system(body: Mapping[str, object], old: Collection | None, problems: Problems) -> bool:
    raw = body.get("system")
    if raw is not None and not isinstance(raw, bool):
        problems["system"] = WRONG_TYPE
    elif old is not None and raw is not None and raw != old.system:
        problems["system"] = FieldError(
            "validation_collection_system_flag_change", "The system flag cannot be changed."
        )
    elif old is None:
        return bool(raw)
    return old is not None and old.system


def _read_rules(
    body: Mapping[str, object], old: Collection | None, kind: str, problems: Problems
) -> dict[str, Any]:
    rules: dict[str, str | None] = {}
    for key, attribute in RULE_ATTRIBUTES.items():
        before = getattr(old, attribute) if old is not None else None
        rule = body.get(key, before)
        if rule is not None and (not isinstance(rule, str) or not is_clean_text(rule)):
            problems[key] = WRONG_TYPE
            continue
        if old is not None and old.system and rule != before:
            problems[key] = _SYSTEM_RULE
        if kind == VIEW and rule is not None and key not in ("listRule", "viewRule"):
            message = "Views are only read: this rule must be null."
            problems[key] = FieldError("validation_nil", message)
        rules[attribute] = rule
    return rules


# --- Tables -------------------------------------------------------------------------------------


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

    def kind_of(collection_id: str) -> str | None:
        if collection_id == own_id:
            return kind
        found = catalog.by_id(collection_id)
        return None if found is None else found.type

    fields, found = read_fields(raw, _known_fields(old, kind), kind, kind_of)
    problems.update(found)
    return fields


def _known_fields(old: Collection | None, kind: str) -> tuple[Field, ...]:
    if old is not None:
        return old.fields
    return auth_fields() if kind == AUTH else (field_from_json(ID_FIELD),)


def _read_indexes(
    body: Mapping[str, object],
    old: Collection | None,
    table: str,
    new: Collection,
    catalog: Catalog,
    problems: Problems,
) -> tuple[str, ...]:
    raw = body.get("indexes")
    if raw is None and old is not None:
        indexes = carried_indexes(old, table, new.fields)
        if new.type == AUTH and (missing := missing_unique_problem(indexes)):
            problems["indexes"] = missing
        return indexes

    def read(listed: object) -> tuple[tuple[str, ...], Problems]:
        return read_indexes(
            listed, name=table, collection_id=new.id, fields=new.fields, old=old, catalog=catalog
        )

    raw = [] if raw is None else raw
    indexes, found = read(raw)
    if new.type == AUTH and not found and isinstance(raw, list):
        if old is None:
            indexes, found = read([*raw, *missing_auth_indexes(new.id, table, indexes)])
        elif (missing := missing_unique_problem(indexes)) is not None:
            found["indexes"] = missing
    for position, sql in enumerate(indexes if not found else ()):
        if read_index(sql).name.lower() == table.lower():
            message = "This is the collection's own name."
            found[f"indexes.{position}"] = FieldError("validation_existing_index_name", message)
    problems.update(found)
    return indexes


def _with_options(
    new: Collection, body: Mapping[str, object], old: Collection | None, problems: Problems
) -> Collection:
    before = old.options if old is not None else new_options()
    options, found = merge_options(before, body)
    if old is not None:
        carry_field_names(options, old.fields, new.fields)
        for key in _AUTH_RULES if old.system else ():
            if options[key] != before[key]:
                found[key] = _SYSTEM_RULE
    if not found and not problems:
        own = new.id == SUPERUSERS_ID
        found = option_problems(options, new.fields, new.indexes, superusers=own)
    problems.update(found)
    return replace(new, options=options)


# --- Views --------------------------------------------------------------------------------------


def _with_query(
    new: Collection, body: Mapping[str, object], old: Collection | None, problems: Problems
) -> Collection:
    """Fields that a client sends for a view are what it was shown, and say nothing."""
    if body.get("indexes") not in (None, []):
        message = "Views have no indexes of their own."
        problems["indexes"] = FieldError("validation_indexes_not_supported", message)
    before = old.options.get(VIEW_QUERY, "") if old is not None else ""
    query = body.get(VIEW_QUERY)
    if query is None:
        query = before
    if not isinstance(query, str) or not is_clean_text(query):
        problems[VIEW_QUERY] = WRONG_TYPE
    elif not query.strip():
        problems[VIEW_QUERY] = REQUIRED
    elif len(query) > VIEW_QUERY_CHARS_MAX:
        message = f"Must be no longer than {VIEW_QUERY_CHARS_MAX} characters."
        problems[VIEW_QUERY] = FieldError("validation_length_too_long", message)
    fields = old.fields if old is not None else ()
    return replace(new, fields=fields, options={VIEW_QUERY: clean_query(str(query))})
