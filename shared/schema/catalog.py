"""All collections of one database, and the settings, at one version: what every plan is made from.

A catalog is loaded whole and never changed; another version is another object, so a plan can hold
on to the one that it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.config.config import DEFAULT, Config, read_config
from shared.quote import quote_identifier
from shared.schema.collection import RULE_ATTRIBUTES, Collection
from shared.schema.fields.relation import RelationField
from shared.schema.names_in_use import NamesInUse

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

SETTINGS_SQL: Final = 'SELECT "name", "value" FROM "_settings"'
"""Reads the accepted settings, for `Catalog.from_rows`; main.db alone has them."""
PUT_SETTING_SQL: Final = (
    'INSERT INTO "_settings" ("name", "value") VALUES (?, ?) '
    'ON CONFLICT ("name") DO UPDATE SET "value" = excluded."value"'
)
CONFIG, DIGEST, DATABASES = "config", "digest", "databases"
"""Its rows: the config without secrets as JSON, the mark of what it was made of, and the names of
the databases beside main as a JSON list."""

_References = dict[str, list[tuple[Collection, RelationField]]]


class Catalog:
    """The collections of one version, and its settings."""

    __slots__ = (
        "_by_id",
        "_by_key",
        "_by_lower_name",
        "_collections",
        "_names",
        "_references",
        "_settings",
        "version",
    )

    def __init__(
        self,
        version: int,
        collections: Iterable[Collection],
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """`settings`: the rows of `_settings`; none means the defaults."""
        self.version = version
        self._settings = settings or {}
        self._collections = tuple(collections)
        self._by_id = {one.id: one for one in self._collections}
        self._by_lower_name = {one.name.lower(): one for one in self._collections}
        by_name = {one.name: one for one in self._collections}
        self._by_key = by_name | self._by_id
        self._references: _References | None = None  # most catalogs are never asked
        self._names: NamesInUse | None = None

    @classmethod
    def from_rows(
        cls,
        version: int,
        rows: Iterable[tuple[Any, ...]],
        settings: Iterable[tuple[Any, ...]] = (),
    ) -> Catalog:
        """Read the rows of `CATALOG_SQL` and `SETTINGS_SQL`. Raises as `Collection.from_row`."""
        return cls(
            version,
            [Collection.from_row(dict(zip(CATALOG_COLUMNS, row, strict=True))) for row in rows],
            dict(settings),
        )

    @property
    def config(self) -> Config:
        """The settings in force, without secrets. Raises msgspec.MsgspecError for a broken row.

        Read at its first use, and again only where its text is another one.
        """
        text = self._settings.get(CONFIG)
        return DEFAULT if text is None else read_config(text)

    @property
    def has_settings(self) -> bool:
        """Settings have been accepted at some time."""
        return CONFIG in self._settings

    @property
    def settings_digest(self) -> str:
        """The mark of the files and variables that `config` was made of; "" for none."""
        return self._settings.get(DIGEST, "")

    @property
    def names(self) -> NamesInUse:
        """What is called how."""
        if self._names is None:
            self._names = NamesInUse(self._collections)
        return self._names

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
