"""How a database stands, read without a writer: its migrations, and what was changed otherwise."""

from __future__ import annotations

from shared.depot.layout import DepotLayout
from worker.engine.offline import OfflineReader
from worker.migrations.apply import files_of
from worker.migrations.difference import Changed, difference
from worker.migrations.history import read_collections, read_history
from worker.migrations.review import Reviewed, review
from worker.migrations.shown import all_shown, first_collections


def reviewed(layout: DepotLayout, database: str) -> list[Reviewed]:
    """All migrations of a database by version; it need not have a file yet. Raises QuillError."""
    path = layout.database(database)
    files = files_of(layout, database).files
    if not path.exists():
        return review(files, {})
    with OfflineReader(path, held=True) as state:
        return review(files, read_history(state))


def changed_since(state: OfflineReader, database: str) -> list[Changed]:
    """How the collections differ from what the migrations have made."""
    known = read_collections(state)
    before = first_collections(database) if known is None else known
    return difference(before, all_shown(state.catalog().all()))
