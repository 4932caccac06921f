"""The collections around the one that is being read: as they are known so far, read or not."""

from __future__ import annotations

from collections.abc import Iterable

from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.names_in_use import NamesInUse


class Surroundings(Catalog):
    """A catalog that changes while definitions are read, so that none is made for each of them.

    It is asked by name and id only.
    """

    __slots__ = ("_in_use", "_known")

    def __init__(self, collections: Iterable[Collection]) -> None:
        super().__init__(0, ())
        self._known: dict[str, Collection] = {}
        self._in_use = NamesInUse()
        for one in collections:
            self.put(one)

    @property
    def names(self) -> NamesInUse:
        """What is called how now."""
        return self._in_use

    def put(self, collection: Collection) -> None:
        """Add it, or replace what has its id."""
        self.drop(collection.id)
        self._known[collection.id] = collection
        self._in_use.add(collection)

    def drop(self, collection_id: str) -> None:
        """Take out what has this id, if anything has."""
        known = self._known.pop(collection_id, None)
        if known is not None:
            self._in_use.remove(known)

    def find(self, id_or_name: str) -> Collection | None:
        """The collection of that id or name; names in any case."""
        if (found := self._known.get(id_or_name)) is not None:
            return found
        named = [self._known[one] for one in self._in_use.collections(id_or_name)]
        exact = (one for one in named if one.name == id_or_name)
        return next(exact, named[0] if named else None)

    def by_id(self, collection_id: str) -> Collection | None:
        """The collection of that id."""
        return self._known.get(collection_id)

    def all(self) -> tuple[Collection, ...]:
        """All of them, in the order in which they came."""
        return tuple(self._known.values())
