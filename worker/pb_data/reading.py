"""From the copied database to what is to be made of it, its records apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from shared.dates import now_text
from worker.catalog.view_fields import Inferred
from worker.engine.offline import OfflineReader, ReadError
from worker.pb_data.acceptance import accept
from worker.pb_data.definitions import Imported, read_collections, read_sources
from worker.pb_data.leftovers import tell_leftovers
from worker.pb_data.report import Notes
from worker.pb_data.source import SourceError
from worker.pb_data.target import new_catalog


class Definitions(NamedTuple):
    """The collections that can be had. `views`: by id, what follows from each view's query."""

    imported: list[Imported]
    views: Mapping[str, Inferred]


def read_definitions(source: OfflineReader, folder: Path, notes: Notes) -> Definitions:
    """All of the source that the engine accepts; the rest is told. Raises SourceError."""
    try:
        sources = read_sources(source, notes)
        tell_leftovers(source, folder, (one.table for one in sources), notes)
    except ReadError as error:
        raise SourceError(f"The database cannot be read: {error}.") from None
    read = read_collections(sources, new_catalog(), now_text(), notes)
    compiled = accept([one.collection for one in read], notes)
    known = compiled.catalog.by_id
    imported = [
        replace(one, collection=found)
        for one in read
        if (found := known(one.collection.id)) is not None
    ]
    return Definitions(imported, compiled.views)
