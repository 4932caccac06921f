"""What staged rows have to meet besides their own validity: in the file, and in the depot.

The same queries find the lines at fault before anything is sent, and stand in the plan as guards,
since only the writer knows what holds at that moment.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final, NamedTuple

from shared.errors import FieldError, Kind, QuillError
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.constraints import NOT_UNIQUE
from shared.schema.fields.field import REQUIRED
from shared.schema.fields.relation import RelationField
from shared.sql.staged import (
    UniqueKey,
    dangling_rows,
    given_condition,
    incomplete_rows,
    known_elsewhere,
    needed_elsewhere,
    new_rows,
    taken_rows,
    unique_keys,
)
from shared.sql.write import MISSING_RELATION

_ID_TAKEN: Final = FieldError(
    "validation_invalid_auth_id", "A record of another auth collection has this id."
)
_NO_RECORD: Final = FieldError(
    MISSING_RELATION, "Failed to find all relation records with the provided ids."
)


def changed_meanwhile(collection: Collection) -> QuillError:
    """The refusal of rows that were judged by what is no longer so."""
    return QuillError(
        Kind.CONFLICT,
        f"The collection {collection.name}, or one that it refers to, was changed meanwhile;"
        " import again.",
    )


class Mode(enum.StrEnum):
    """What becomes of records that are there already."""

    INSERT = "insert"
    UPSERT = "upsert"
    REPLACE = "replace"


class Check(NamedTuple):
    """A query for rows at fault. `guard`: the writer asks it, too."""

    sql: str
    fields: tuple[str, ...]
    error: FieldError
    guard: bool

    @property
    def refusal(self) -> str:
        """What the plan is refused with."""
        return f"{self.error.code}:{self.fields[0]}"


class Target(NamedTuple):
    """Where rows are to go.

    `given`: the fields that the file names.  `named`: its records may name different ones.
    `incomplete`: fields that a new record would lack.  `new`: there is no such table yet.
    """

    collection: Collection
    mode: Mode
    given: tuple[str, ...]
    named: bool
    incomplete: tuple[str, ...]
    new: bool

    @property
    def notes_given(self) -> bool:
        """Each row says which fields its record names."""
        return self.named and self.mode is Mode.UPSERT

    def unique(self) -> Iterator[tuple[int, UniqueKey, str]]:
        """What must be unique, with a number, and which rows it can be said of."""
        for number, key in enumerate(unique_keys(self.collection)):
            if self.mode is not Mode.UPSERT or set(key.fields) <= set(self.given):
                yield number, key, self._said(key.fields)

    def checks(self, catalog: Catalog) -> list[Check]:
        """Rows against what is stored."""
        if self.new:
            return []
        return [*self._taken(), *self._whole(), *self._ids(catalog), *self._relations(catalog)]

    def _said(self, fields: tuple[str, ...]) -> str:
        return given_condition(self.collection, fields) if self.notes_given else ""

    def _taken(self) -> Iterator[Check]:
        upsert = self.mode is Mode.UPSERT
        if self.mode is Mode.REPLACE:
            return
        for number, key, said in self.unique():
            if not (upsert and number == 0):
                sql = taken_rows(self.collection, key, upsert=upsert, condition=said)
                yield Check(sql, key.fields, NOT_UNIQUE, guard=False)  # the index judges

    def _whole(self) -> Iterator[Check]:
        """A row of an upsert that turns out to be a new record must be a whole one."""
        if self.mode is not Mode.UPSERT:
            return
        for field in self.incomplete:
            sql = (
                incomplete_rows(self.collection, field) if self.named else new_rows(self.collection)
            )
            yield Check(sql, (field,), REQUIRED, guard=True)

    def _ids(self, catalog: Catalog) -> Iterator[Check]:
        """A token names its record by id, so ids are unique over all auth collections."""
        if self.collection.type != AUTH:
            return
        for other in catalog.all():
            if other.type == AUTH and other.id != self.collection.id:
                yield Check(known_elsewhere(other), ("id",), _ID_TAKEN, guard=True)

    def _relations(self, catalog: Catalog) -> Iterator[Check]:
        for field in self.collection.fields:
            if not isinstance(field, RelationField) or field.name not in self.given:
                continue
            to = catalog.by_id(field.target_id)
            if to is None:
                continue
            own = to.id == self.collection.id
            stored = not (own and self.mode is Mode.REPLACE)
            sql = dangling_rows(field, to, own=own, stored=stored)
            yield Check(sql, (field.name,), _NO_RECORD, guard=True)

    def needs(self, catalog: Catalog) -> list[tuple[str, str]]:
        """Of a replacement: a query for records that others need, and who: `collection.field`."""
        if self.mode is not Mode.REPLACE or self.new:
            return []
        return [
            (needed_elsewhere(self.collection, other, field), f"{other.name}.{field.name}")
            for other, field in catalog.references_to(self.collection)
            if other.id != self.collection.id
        ]
