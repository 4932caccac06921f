"""The depot that is to hold the data: what it holds now, and what came to stand in the new one."""

from __future__ import annotations

from collections.abc import Iterable

from shared.dates import now_text
from shared.depot.layout import DepotLayout
from shared.errors import QuillError
from shared.quote import quote_identifier
from shared.schema.auth_system import auth_system
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import superusers, users
from worker.engine.offline import OfflineReader


def new_catalog() -> Catalog:
    """The collections that every new depot has."""
    now = now_text()
    return Catalog(0, (superusers(now), *auth_system(now), users(now)))


def own_data(layout: DepotLayout) -> str:
    """What a depot holds that a new one does not, in a few words; `""` for nothing.

    Raises QuillError for a database that cannot be opened.
    """
    if not layout.database().exists():
        return ""
    with OfflineReader(layout.database()) as reader:
        try:
            catalog = reader.catalog()
        except QuillError:
            return "a database of another kind"
        usual = {one.id for one in new_catalog().all()}
        others = sorted(one.name for one in catalog.all() if one.id not in usual)
        if others:
            return f"the collection {others[0]}" + (" and others" if len(others) > 1 else "")
        held = [one.name for one in catalog.all() if not one.is_view and _holds(reader, one)]
        return f"records of {held[0]}" if held else ""


def record_counts(layout: DepotLayout, collections: Iterable[Collection]) -> dict[str, int]:
    """Records by the id of their collection."""
    with OfflineReader(layout.database()) as reader:
        return {one.id: _count(reader, one) for one in collections}


def _holds(reader: OfflineReader, collection: Collection) -> bool:
    return reader.value(f"SELECT 1 FROM {quote_identifier(collection.table)} LIMIT 1") is not None


def _count(reader: OfflineReader, collection: Collection) -> int:
    return int(str(reader.value(f"SELECT count(*) FROM {quote_identifier(collection.table)}")))
