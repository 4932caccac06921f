"""Which names are in use among collections: their own, their ids, and those of their indexes."""

from __future__ import annotations

from collections.abc import Iterable

from shared.schema.collection import Collection
from shared.schema.index import read_index

_Users = dict[str, set[str]]


class NamesInUse:
    """By name in lower case. `but`: the id of a collection whose own names do not count."""

    def __init__(self, collections: Iterable[Collection] = ()) -> None:
        self._names: _Users = {}
        self._ids: _Users = {}
        self._indexes: _Users = {}
        for one in collections:
            self.add(one)

    def add(self, collection: Collection) -> None:
        """Its names are in use from now on."""
        for users, name in self._places(collection):
            users.setdefault(name, set()).add(collection.id)

    def remove(self, collection: Collection) -> None:
        """They no longer are, unless another has them, too."""
        for users, name in self._places(collection):
            users.get(name, set()).discard(collection.id)

    def collections(self, name: str) -> set[str]:
        """The ids of those that are called so, in any case of the letters."""
        return self._names.get(name.lower(), set())

    def has_collection(self, name: str, but: str | None = None) -> bool:
        """Whether a collection is called so."""
        return not self.collections(name) <= {but}

    def has_id(self, name: str, but: str | None = None) -> bool:
        """Whether this is the id of a collection."""
        return not self._ids.get(name.lower(), set()) <= {but}

    def has_index(self, name: str, but: str | None = None) -> bool:
        """Whether an index is called so."""
        return not self._indexes.get(name.lower(), set()) <= {but}

    def _places(self, collection: Collection) -> list[tuple[_Users, str]]:
        own = [(self._names, collection.name.lower()), (self._ids, collection.id.lower())]
        return own + [(self._indexes, name) for name in index_names(collection)]


def index_names(collection: Collection) -> set[str]:
    """The lower-case names of a collection's indexes."""
    return {read_index(sql).name.lower() for sql in collection.indexes}
