"""The catalog that a worker holds is never older than what the status page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.schema.catalog import Catalog
from shared.status_page import DatabaseWords, StatusPage
from worker.engine.catalog_cache import CatalogCache


class _File:
    """The catalog in the file, and how often it was loaded."""

    def __init__(self) -> None:
        self.version = 1
        self.loads = 0

    def load(self) -> Catalog:
        self.loads += 1
        return Catalog(self.version, ())


@pytest.fixture
def words(tmp_path: Path) -> DatabaseWords:
    """The page's words of a database at version 1."""
    made = StatusPage.create(tmp_path / "status").database()
    made.catalog_version = 1
    return made


def test_it_is_loaded_once(words: DatabaseWords) -> None:
    """And not again while the version stands."""
    file = _File()
    cache = CatalogCache(words, file.load)
    assert cache.current() is cache.current()
    assert file.loads == 1


def test_a_new_version_is_loaded(words: DatabaseWords) -> None:
    """What was current is not any more."""
    file = _File()
    cache = CatalogCache(words, file.load)
    before = cache.current()
    file.version = words.catalog_version = 2
    assert not cache.is_current(before)
    assert cache.current().version == 2


def test_a_version_ahead_of_the_page_is_good(words: DatabaseWords) -> None:
    """Loaded between a COMMIT and the page's new word: newer than any answer, and kept."""
    file = _File()
    file.version = 2
    cache = CatalogCache(words, file.load)
    assert cache.is_current(cache.current())
    words.catalog_version = 2
    assert cache.current().version == 2
    assert file.loads == 1


def test_another_feed_is_another_database(words: DatabaseWords) -> None:
    """After a restore versions may go back: the feed id tells."""
    file = _File()
    file.version = words.catalog_version = 9
    cache = CatalogCache(words, file.load)
    cache.current()
    file.version = words.catalog_version = 3
    words.feed = 77
    assert cache.current().version == 3
