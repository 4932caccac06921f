"""All collections of one database at one version: what every plan is made from.

A catalog is loaded whole and never changed; another version is another object, so a plan can hold
on to the one that it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from shared.quote import quote_identifier
from shared.schema.collection import RULE_ATTRIBUTES, Collection
from shared.schema.fields.relation import RelationField

CATALOG_COLUMNS: Final = (
    "id",
    "system",
    "type",
    "name",
    "fields",
    "indexes",
    *RULE_ATTRIBUTES,
    "options",
    "created",
    "updated",
)
CATALOG_SQL: Final = (
    f"SELECT {', '.join(map(quote_identifier, CATALOG_COLUMNS))} "
    'FROM "_collections" ORDER BY "system", "created", _rowid_'
)
"""Reads the whole catalog, for `Catalog.from_rows`. Rows come in order of creation."""


_References = dict[str, list[tuple[Collection, RelationField]]]


class Catalog:
    """The collections of one version."""

    __slots__ = ("_by_id", "_by_key", "_by_lower_name", "_collections", "_references", "version")

    def __init__(self, version: int, collections: Iterable[Collection]) -> None:
        self.version = version
        self._collections = tuple(collections)
        self._by_id = {one.id: one for one in self._collections}
        self._by_lower_name = {one.name.lower(): one for one in self._collections}
        by_name = {one.name: one for one in self._collections}
        self._by_key = by_name | self._by_id
        self._references: _References | None = None  # most catalogs are never asked

    @classmethod
    def from_rows(cls, version: int, rows: Iterable[tuple[Any, ...]]) -> Catalog:
        """Read the rows of `CATALOG_SQL`. Raises as `Collection.from_row`."""
        return cls(
            version,
            [Collection.from_row(dict(zip(CATALOG_COLUMNS, row, strict=True))) for row in rows],
        )

    def find(self, id_or_name: str) -> Collection | None:
        """The collection of that id or name; names in any case."""
        found = self._by_key.get(id_or_name)
        return found if found is not None else self._by_lower_name.get(id_or_name.lower())

    def by_id(self, collection_id: str) -> Collection | None:
        """The collection of that id."""
        return self._by_id.get(collection_id)

    def all(self) -> tuple[Collection, ...]:
        """All of them: the users' own first, then the system's, each in order of creation."""
        return self._collections

    def references_to(self, collection: Collection) -> list[tuple[Collection, RelationField]]:
        """The stored relation fields that point to `collection`, with the collections they stand in.

        Those of views only show what stands in others.
        """
        if self._references is None:
            self._references = _references(self._collections)
        return self._references.get(collection.id, [])


def _references(collections: Iterable[Collection]) -> _References:
    found: _References = {}
    for collection in collections:
        for field in collection.fields if not collection.is_view else ():
            if isinstance(field, RelationField):
                found.setdefault(field.target_id, []).append((collection, field))
    return found
