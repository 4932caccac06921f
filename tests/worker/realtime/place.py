"""A small real database with a catalog that a test changes at will, without any process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.table import create_table
from shared.status_page import StatusPage
from worker.engine.reader import Reader
from worker.realtime.client_id import Owner
from worker.realtime.hub import Hub
from writer.database import Database

FIELDS: list[dict[str, Any]] = [
    {"id": "f_id", "name": "id", "type": "text"},
    {"id": "f_title", "name": "title", "type": "text"},
    {"id": "f_size", "name": "size", "type": "number"},
    {"id": "f_note", "name": "note", "type": "text", "hidden": True},
]
ID = "abcdefghijklmno"
OWNER = Owner(3, 12345)


class Place:
    """A database with a catalog that a test changes at will, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        page = StatusPage.create(folder / "status")
        self.database = Database("main", folder / "main.db", page.database())
        self.words = page.database()
        self.reader = Reader(folder / "main.db", self.words)

    def store(self, name: str, **rules: str | None) -> None:
        """Put a collection into the catalog, in a new version of it."""
        row = collection(name, **rules).to_row()
        names = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        execute = self.database.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("DELETE FROM _collections WHERE id = ?", (row["id"],))
        execute(f"INSERT INTO _collections({names}) VALUES({marks})", tuple(row.values()))
        execute("UPDATE _head SET catalog = catalog + 1")
        execute("COMMIT")
        self.words.catalog_version += 1

    def make_table(self, name: str, record: dict[str, Any]) -> None:
        """Create the table of a collection with one record in it."""
        execute = self.database.connection.execute
        for statement in create_table(collection(name)):
            execute(statement)
        names = ", ".join(f'"{column}"' for column in record)
        marks = ", ".join("?" * len(record))
        execute(f'INSERT INTO "{name}"({names}) VALUES({marks})', tuple(record.values()))

    def close(self) -> None:
        """Close both connections."""
        self.reader.close()
        self.database.connection.close()


def collection(name: str, **rules: str | None) -> Collection:
    """A collection whose lists and records are public unless `rules` say otherwise."""
    given: dict[str, Any] = {"list_rule": "", "view_rule": "", **rules}
    fields = tuple(field_from_json({**raw}) for raw in FIELDS)
    return Collection(f"c_{name}", name, "base", False, fields, **given)


def run_hub(place: Place, scenario: Callable[[Hub], Awaitable[None]]) -> None:
    """Run a scenario with a hub that delivers what the place holds."""

    async def main() -> None:
        hub = Hub(OWNER, place.reader, place.reader.catalog)
        hub.start()
        try:
            await scenario(hub)
        finally:
            hub.close_all()
            hub.stop()

    asyncio.run(main())
