"""Which column of a file goes into which field, worked out before anything is read in earnest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.errors import invalid
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.field import Field
from shared.schema.fields.file import FileField
from shared.schema.fields.password import PasswordField
from worker.transfer.convert import HOW

_HASH: Final = "Hash"
_PASSWORD: Final = "password"  # noqa: S105
ANSWER_KEYS: Final = frozenset({"collectionId", "collectionName", "expand"})
"""What records of the API's answers hold besides their fields."""
_CONFIRM: Final = "passwordConfirm"


def hash_name(field: str) -> str:
    """The column for hashes of a field's passwords, `passwordHash`; plain ones have the field's name."""
    return f"{field}{_HASH}"


class Column(NamedTuple):
    """A column that counts. `hashed`: its values are hashes of passwords already."""

    name: str
    field: Field
    hashed: bool = False

    @property
    def how(self) -> str:
        """How its values are read."""
        return "hash, as it is" if self.hashed else HOW[self.field.type]


class FieldMap(NamedTuple):
    """`columns` count; `ignored` are left out, with the reason; `others` get their defaults."""

    columns: tuple[Column, ...]
    ignored: dict[str, str]
    others: tuple[Field, ...]


def read_renames(words: Sequence[str]) -> dict[str, str]:
    """`header=field` → field by header; an empty field leaves the column out. Raises INVALID."""
    renames: dict[str, str] = {}
    for word in words:
        header, equals, field = word.rpartition("=")
        if not equals:
            raise invalid(f"--map takes header=field, not {word!r}.")
        renames[header.strip()] = field.strip()
    return renames


def map_columns(
    collection: Collection, names: Sequence[str], renames: Mapping[str, str], *, named: bool
) -> FieldMap:
    """Find the field of each column: the one named by `renames`, of that name, or that name in any case.

    `named`: records name their values, so any field may come up later. Raises INVALID for a column
    without a field: nothing is left out in silence.
    """
    for header in renames:
        if header not in names and not named:
            raise invalid(f"The file has no column {header!r}.")
    columns: list[Column] = []
    ignored: dict[str, str] = {}
    for name in dict.fromkeys((*names, *renames)):
        reason = _ignored(name, collection, renames)
        if reason:
            ignored[name] = reason
            continue
        column = _column(collection, name, renames.get(name, name))
        if isinstance(column.field, FileField):
            ignored[name] = "names of files without the files"
            continue
        _refuse_twice(columns, column)
        columns.append(column)
    if named:
        columns += _unseen(collection, columns, ignored, renames)
    used = {one.field.name for one in columns}
    return FieldMap(
        tuple(columns), ignored, tuple(one for one in collection.fields if one.name not in used)
    )


def _ignored(name: str, collection: Collection, renames: Mapping[str, str]) -> str:
    if name in renames:
        return "" if renames[name] else "left out by --map"
    if name in ANSWER_KEYS and collection.field(name) is None:
        return "not a field"
    return "" if collection.type != AUTH or name != _CONFIRM else "not a field"


def _column(collection: Collection, name: str, wanted: str) -> Column:
    found = collection.field(wanted)
    hashed = collection.field(wanted.removesuffix(_HASH))
    if found is None and isinstance(hashed, PasswordField) and wanted == hash_name(hashed.name):
        return Column(name, hashed, hashed=True)
    if found is None:
        alike = [one for one in collection.fields if one.name.lower() == wanted.lower()]
        found = alike[0] if alike else None
    if found is None:
        raise invalid(
            f"The collection {collection.name} has no field {wanted!r}. Map the column with"
            f" --map '{name}=field', or leave it out with --map '{name}='."
        )
    return Column(name, found)


def _refuse_twice(columns: Sequence[Column], column: Column) -> None:
    for other in columns:
        if other.field is column.field:
            raise invalid(
                f"The columns {other.name!r} and {column.name!r} both go into"
                f" {column.field.name!r}."
            )


def _unseen(
    collection: Collection,
    columns: Sequence[Column],
    ignored: Mapping[str, str],
    renames: Mapping[str, str],
) -> list[Column]:
    """The fields that no record of the sample names."""
    used = {one.field.name for one in columns}
    return [
        Column(field.name, field)
        for field in collection.fields
        if field.name not in used | set(ignored) | set(renames)
        and not isinstance(field, FileField)
        and not (field.name == _PASSWORD and collection.type == AUTH)
    ]
