"""The indexes of a definition: each one valid, none twice, none that a renamed field left behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from shared.errors import FieldError, Problems
from shared.limits import COLLECTION_INDEXES_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.index import Index, Names, read_index
from shared.schema.index_tokens import QUOTED, IndexDefinitionError, Token
from shared.schema.names_in_use import NamesInUse
from shared.schema.reserved import is_reserved_table

_AUTH_UNIQUE: Final = ("tokenKey", "email")


def field_names(fields: Iterable[Field]) -> dict[str, str]:
    """The names that an index over these fields may use."""
    return {field.name.lower(): field.name for field in fields}


def renamed_fields(old: Iterable[Field], new: Iterable[Field]) -> dict[str, str]:
    """Former name → present name, of each field that is in both by its id."""
    present = {field.id: field.name for field in new}
    return {field.name.lower(): present[field.id] for field in old if field.id in present}


def carried_index(sql: str, old: Collection, new_fields: Iterable[Field]) -> Index | None:
    """An index of `old` under the fields' new names; None when a field of it is dropped."""
    try:
        return read_index(sql).resolved(renamed_fields(old.fields, new_fields))
    except IndexDefinitionError:
        return None


def carried_indexes(old: Collection, name: str, new_fields: Sequence[Field]) -> tuple[str, ...]:
    """The indexes of `old` as they go on when a change does not mention indexes."""
    carried = (carried_index(sql, old, new_fields) for sql in old.indexes)
    return tuple(index.sql(name) for index in carried if index is not None)


def read_indexes(
    raw: object,
    *,
    name: str,
    collection_id: str,
    fields: Sequence[Field],
    old: Collection | None,
    catalog: Catalog,
) -> tuple[tuple[str, ...], Problems]:
    """The indexes that a definition lists, spelled for the table `name`, and what is wrong.

    A field's former name counts as the field, unless another field has taken that name.
    """
    if not isinstance(raw, list) or len(raw) > COLLECTION_INDEXES_MAX:
        message = f"Must be a list of at most {COLLECTION_INDEXES_MAX} texts."
        return (), {"indexes": FieldError("validation_invalid_value", message)}
    former = renamed_fields(old.fields, fields) if old is not None else {}
    names = former | field_names(fields)
    problems: Problems = {}
    found: list[Index] = []
    for position, sql in enumerate(raw):
        index, problem = _read_one(sql, names)
        if index is not None:
            problem = _clash(index, found, catalog.names, collection_id)
            found.append(index)
        if problem is not None:
            problems[f"indexes.{position}"] = problem
    return tuple(index.sql(name) for index in found), problems


def _read_one(sql: object, names: Names) -> tuple[Index | None, FieldError | None]:
    if not isinstance(sql, str):
        return None, FieldError("validation_invalid_index_expression", "Must be a text.")
    try:
        return read_index(sql).resolved(names), None
    except IndexDefinitionError as problem:
        message = f"Not a valid index definition: {problem}."
        return None, FieldError("validation_invalid_index_expression", message)


def _clash(
    index: Index, found: list[Index], names: NamesInUse, collection_id: str
) -> FieldError | None:
    """Tables and indexes share one namespace in SQLite."""
    name = index.name.lower()
    if any(name == other.name.lower() for other in found):
        return FieldError("validation_duplicated_index_name", "This name is used twice.")
    if any(index.definition() == other.definition() for other in found):
        return FieldError("validation_duplicated_index_definition", "This index is listed twice.")
    if ":" in name:  # the system's own indexes have one (shared.schema.table)
        return FieldError("validation_existing_index_name", "Names with a colon are reserved.")
    taken = names.has_collection(name) or names.has_index(name, but=collection_id)
    if taken or is_reserved_table(name):
        return FieldError("validation_existing_index_name", "This name is already in use.")
    return None


def unique_fields(indexes: Iterable[str]) -> set[str]:
    """The fields that have a unique index of their own: no two records share a value of one."""
    unique = [index for index in map(read_index, indexes) if index.unique and len(index.keys) == 1]
    return {index.keys[0][0].text for index in unique if _is_column(index.keys[0])}


def _is_column(key: tuple[Token, ...]) -> bool:
    """A field, in any collation and direction, and not an expression over it."""
    rest = key[1:]
    if rest and rest[0].is_word("COLLATE"):
        rest = rest[2:]
    return key[0].kind == QUOTED and all(token.is_word("ASC", "DESC") for token in rest)


def missing_unique_problem(indexes: Iterable[str]) -> FieldError | None:
    """What an auth collection lacks: logins and tokens rest on these two being unique."""
    covered = unique_fields(indexes)
    missing = [name for name in _AUTH_UNIQUE if name not in covered]
    if not missing:
        return None
    return FieldError(
        "validation_missing_required_unique_index",
        f"A unique index is required on: {', '.join(missing)}.",
        {"fieldName": missing[0]},
    )
