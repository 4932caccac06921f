"""A small real database with a catalog that a test changes at will, without any process.

Its log is written the way the writer does it: the record and the row of `_change` in one
transaction, and then the head on the status page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from shared.messages.changes import Act, Change
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.system import SUPERUSERS_ID, USERS_ID
from shared.schema.table import create_table
from shared.sql.plan import Value
from shared.status_page import StatusPage
from worker.auth.identity import load_identity
from worker.engine.reader import Reader
from worker.realtime.clients.client_id import Owner
from worker.realtime.hub import Hub
from worker.realtime.position import Position
from worker.realtime.principal import Principal, principal_as
from worker.records.plans import PlanCache
from writer.database import Database

FIELDS: list[dict[str, Any]] = [
    {"id": "f_id", "name": "id", "type": "text"},
    {"id": "f_title", "name": "title", "type": "text"},
    {"id": "f_size", "name": "size", "type": "number"},
    {"id": "f_note", "name": "note", "type": "text", "hidden": True},
]
COLUMNS = {field["id"]: field["name"] for field in FIELDS}
ID = "abcdefghijklmno"
OWNER = Owner(3, 12345)
_encode = msgspec.msgpack.encode


class Place:
    """A database with a catalog that a test changes at will, and a reader of it."""

    def __init__(self, folder: Path) -> None:
        page = StatusPage.create(folder / "status")
        self.database = Database("main", folder / "main.db", page.database())
        self.words = page.database()
        self.reader = Reader(folder / "main.db", self.words)

    @property
    def position(self) -> Position:
        """The head of the log."""
        return Position(self.words.feed, self.words.head)

    def at(self, n: int) -> Position:
        """A position in this log."""
        return Position(self.words.feed, n)

    def store(self, name: str, **rules: str | None) -> None:
        """Put a collection into the catalog, in a new version of it."""
        row = collection(name, **rules).to_row()
        names = ", ".join(f'"{column}"' for column in row)
        marks = ", ".join("?" * len(row))
        execute = self.database.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("DELETE FROM _collections WHERE id = ?", (row["id"],))
        execute(f"INSERT INTO _collections({names}) VALUES({marks})", tuple(row.values()))
        self._next_catalog()

    def forget(self, name: str) -> None:
        """Take a collection out of the catalog."""
        execute = self.database.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("DELETE FROM _collections WHERE name = ?", (name,))
        self._next_catalog()

    def _next_catalog(self) -> None:
        execute = self.database.connection.execute
        execute("UPDATE _head SET catalog = catalog + 1")
        execute("COMMIT")
        self.words.catalog_version += 1

    def make_table(self, name: str, record: dict[str, Any] | None = None) -> None:
        """Create the table of a collection, with one record in it."""
        execute = self.database.connection.execute
        for statement in create_table(collection(name)):
            execute(statement)
        if record is not None:
            names = ", ".join(f'"{column}"' for column in record)
            marks = ", ".join("?" * len(record))
            execute(f'INSERT INTO "{name}"({names}) VALUES({marks})', tuple(record.values()))

    # --- People ---------------------------------------------------------------------------------

    def person(self, name: str) -> Principal:
        """A stored superuser (`root…`) or user, whose token is good until `revoke`."""
        table, own_id = _table(name)
        self.database.connection.execute(
            f'INSERT OR REPLACE INTO "{table}" ("id", "email", "tokenKey") VALUES (?, ?, ?)',
            (name, f"{name}@example.com", name * 10),
        )
        catalog = self.reader.catalog.current()
        identity = load_identity(self.reader.snapshot, catalog, own_id, name)
        assert identity is not None
        principal = principal_as(catalog, identity)
        assert principal is not None
        return principal

    def revoke(self, name: str) -> None:
        """Its tokens are no longer good."""
        table, _ = _table(name)
        self.database.connection.execute(
            f'UPDATE "{table}" SET "tokenKey" = "tokenKey" || \'x\' WHERE "id" = ?', (name,)
        )

    # --- The log --------------------------------------------------------------------------------

    def commit(self, *changes: Change, key_only: bool = False) -> list[Change]:
        """Append to the log in one transaction; the changes as the log numbers them.

        `key_only`: too large to be logged whole, as far as the log is concerned.
        """
        head = self.words.head
        numbered = [
            Change(n, one.table, one.act, one.key, one.old, one.new)
            for n, one in enumerate(changes, head + 1)
        ]
        execute = self.database.connection.execute
        execute("BEGIN IMMEDIATE")
        for change in numbered:
            bare = Change(change.n, change.table, change.act, change.key, None, None)
            self._log(bare if key_only else change)
            self._apply(change)
        execute("UPDATE _head SET n = ?", (head + len(changes),))
        execute("COMMIT")
        self.words.head = head + len(changes)
        return numbered

    def trim(self, n: int) -> None:
        """What retention does."""
        self.database.connection.execute("DELETE FROM _change WHERE n <= ?", (n,))

    def begin_anew(self, feed: int) -> None:
        """Another log, as after a restore: an empty one under another id."""
        execute = self.database.connection.execute
        execute("BEGIN IMMEDIATE")
        execute("DELETE FROM _change")
        execute("UPDATE _head SET n = 0, feed = ?", (feed,))
        execute("COMMIT")
        self.words.head = 0
        self.words.feed = feed

    def _log(self, change: Change) -> None:
        blobs = [None if one is None else _encode(one) for one in (change.old, change.new)]
        self.database.connection.execute(
            "INSERT INTO _change VALUES (?, ?, ?, ?, ?, ?)",
            (change.n, change.table, int(change.act), change.key, *blobs),
        )

    def _apply(self, change: Change) -> None:
        """To the table, where there is one and the change has values."""
        name = change.table.removeprefix("c_")
        execute = self.database.connection.execute
        has_table = execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchall()
        if not has_table or change.act in (Act.RESET, Act.MESSAGE):
            return
        if change.act is Act.DELETE:
            execute(f'DELETE FROM "{name}" WHERE "id" = ?', (change.key,))
        elif change.new is not None:
            values = {COLUMNS.get(field, field): value for field, value in change.new.items()}
            execute(f'DELETE FROM "{name}" WHERE "id" = ?', (change.key,))
            marks = ", ".join("?" * len(values))
            names = ", ".join(f'"{column}"' for column in values)
            execute(f'INSERT INTO "{name}"({names}) VALUES({marks})', tuple(values.values()))

    def close(self) -> None:
        """Close both connections."""
        self.reader.close()
        self.database.connection.close()


def _table(name: str) -> tuple[str, str]:
    return ("_superusers", SUPERUSERS_ID) if name.startswith("root") else ("users", USERS_ID)


def collection(name: str, **rules: str | None) -> Collection:
    """A collection whose lists and records are public unless `rules` say otherwise."""
    given: dict[str, Any] = {"list_rule": "", "view_rule": "", **rules}
    fields = tuple(field_from_json({**raw}) for raw in FIELDS)
    return Collection(f"c_{name}", name, "base", False, fields, **given)


def row(key: str = ID, **values: Value) -> dict[str, Value]:
    """A record of `FIELDS` as the log has it; values by column."""
    ids = {name: field for field, name in COLUMNS.items()}
    given = {ids[name]: value for name, value in values.items()}
    return {"f_id": key, "f_title": "", "f_size": 0, "f_note": "secret", **given}


def created(key: str = ID, n: int = 0, table: str = "c_posts", **values: Value) -> Change:
    """A new record."""
    return Change(n, table, Act.CREATE, key, None, row(key, **values))


def updated(
    key: str = ID,
    before: dict[str, Value] | None = None,
    n: int = 0,
    table: str = "c_posts",
    **values: Value,
) -> Change:
    """`before`: the old values of what changed, by column."""
    ids = {name: field for field, name in COLUMNS.items()}
    old = {ids[name]: value for name, value in (before or {}).items()}
    return Change(n, table, Act.UPDATE, key, old, row(key, **values))


def deleted(key: str = ID, n: int = 0, table: str = "c_posts", **values: Value) -> Change:
    """A record that is gone."""
    return Change(n, table, Act.DELETE, key, row(key, **values), None)


def message(topic: str, data: str = "null", n: int = 0) -> Change:
    """What was published; `data` is JSON text."""
    return Change(n, "@topics", Act.MESSAGE, topic, None, {"data": data})


def reset(table: str = "c_posts", n: int = 0) -> Change:
    """Too much to tell."""
    return Change(n, table, Act.RESET, None, None, None)


def run_hub(place: Place, scenario: Callable[[Hub], Awaitable[None]]) -> None:
    """Run a scenario with a hub that delivers what the place holds."""

    async def main() -> None:
        hub = Hub(OWNER, place.reader, PlanCache(), place.words)
        hub.start()
        try:
            await scenario(hub)
        finally:
            hub.close_all()
            hub.stop()

    asyncio.run(main())
