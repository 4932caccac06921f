"""The catalog as this worker knows it: loaded from main.db, checked against the status page.

The page's word moves after the COMMIT that changed the catalog and before that commit is answered.
So a catalog whose version is at least the page's is never older than anything a client was told.
It must not be asked inside a snapshot: `Reader.read` hands the right one to its work.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.schema.catalog import Catalog
from shared.status_page import DatabaseWords


class CatalogCache:
    """The newest catalog. `load` reads version and rows in one read transaction."""

    def __init__(self, words: DatabaseWords, load: Callable[[], Catalog]) -> None:
        self._words = words
        self._load = load
        self._feed = words.feed
        self._catalog = load()

    def current(self) -> Catalog:
        """The catalog to plan with now."""
        if self._words.is_at(self._catalog.version, self._feed):
            return self._catalog
        feed = self._words.feed
        self._catalog = self._load()
        self._feed = feed
        return self._catalog

    def is_current(self, catalog: Catalog) -> bool:
        """Nothing newer has been committed and told. A new feed id means another database."""
        return self._words.is_at(catalog.version, self._feed)
