"""One database file as the writer holds it: opened or made, fenced by its epoch.

It knows the internal tables and the one `_head` row. What is committed is `writer.engine`'s affair.
Collections, superusers and settings are in main only; another database begins with no table but these.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any, Final

import apsw

from shared.depot.layout import MAIN
from shared.sql.user_tables import SESSION, SESSION_TABLES
from shared.sqlite.connect import open_writer
from shared.status_page import DatabaseWords
from writer.change_sizes import ChangeSizes
from writer.completion import complete

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS _head(one INTEGER PRIMARY KEY CHECK (one = 1),
        epoch INTEGER NOT NULL, seq INTEGER NOT NULL, n INTEGER NOT NULL,
        catalog INTEGER NOT NULL, feed INTEGER NOT NULL)""",
    # `key` has no type, so that it keeps whatever a table's key is.
    """CREATE TABLE IF NOT EXISTS _change(n INTEGER PRIMARY KEY, tbl TEXT NOT NULL,
        act INTEGER NOT NULL, key, old BLOB, new BLOB)""",
    """CREATE TABLE IF NOT EXISTS _commit(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
        before INTEGER NOT NULL, head INTEGER NOT NULL, catalog INTEGER NOT NULL,
        operations BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS _batch(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
        entries BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS _idempotency(key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL,
        at INTEGER NOT NULL, response TEXT) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS _idempotency_at ON _idempotency(at)",
    """CREATE TABLE IF NOT EXISTS _attempts(key TEXT PRIMARY KEY, failures INTEGER NOT NULL,
        until INTEGER NOT NULL) WITHOUT ROWID""",
)
_SETTINGS: Final = """CREATE TABLE IF NOT EXISTS _settings(name TEXT PRIMARY KEY,
    value TEXT NOT NULL) WITHOUT ROWID"""
"""In main only: `config`, `digest` of its sources, and `databases`, a JSON list of names."""
_FIRST_CATALOG: Final = 1


class FencedError(Exception):
    """Another writer has opened this database since; this one must end."""


class Database:
    """The connection and the committed state of its log. Used by one thread at a time.

    `seq` counts commits, `n` is the last row of `_change`, `catalog` the version in force.
    """

    def __init__(self, name: str, path: Path, words: DatabaseWords) -> None:
        """Open or create `path` and take a new epoch. Raises apsw.Error, OSError."""
        self.name = name
        self.is_main = name == MAIN
        self.path = path
        self.words = words
        self.connection = open_writer(path)
        self._prepare()
        self.at_start_superusers = self._superusers() if self.is_main else 0
        self.epoch, self.seq, self.n, self.catalog, self.feed = self._take_epoch()
        self.sizes = ChangeSizes(self.connection)
        words.opened = time.monotonic_ns()
        self.show()

    def show(self) -> None:
        """Put the committed state on the status page; the catalog first, which closes doors."""
        self.words.catalog_version = self.catalog
        self.words.head = self.n
        self.words.feed = self.feed

    def _superusers(self) -> int:
        row: tuple[Any, ...] | None = self.connection.execute(
            "SELECT count(*) FROM _superusers"
        ).fetchall()[0]
        return int(row[0]) if row else 0

    def advance(self, seq: int, n: int, catalog: int) -> None:
        """Move `_head`, inside a transaction. Raises FencedError when it is no longer ours."""
        self.connection.execute(
            "UPDATE _head SET seq = ?, n = ?, catalog = ? WHERE one = 1 AND epoch = ?",
            (seq, n, catalog, self.epoch),
        )
        if self.connection.changes() != 1:
            raise FencedError(f"{self.path} has a newer writer than epoch {self.epoch}")

    def _prepare(self) -> None:
        """Make the internal tables and, in a new main, the first catalog; complete an older one."""
        connection = self.connection
        if self.name == SESSION:
            for table in SESSION_TABLES:
                connection.execute(table)
        if _has_table(connection, "_head") and not self.is_main:
            return
        if _has_table(connection, "_head") and _has_table(connection, "_collections"):
            complete(connection)
            if not _has_table(connection, "_settings"):
                connection.execute(_SETTINGS)
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for table in _TABLES:
                connection.execute(table)
            if self.is_main:
                self._bootstrap()
            connection.execute(
                "INSERT OR IGNORE INTO _head VALUES (1, 0, 0, 0, ?, ?)",
                (_FIRST_CATALOG, secrets.randbits(63) | 1),
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _bootstrap(self) -> None:
        self.connection.execute(_SETTINGS)
        if _has_table(self.connection, "_collections"):
            return
        # Imported late: a depot that exists never needs the schema.
        from shared.dates import now_text  # noqa: PLC0415
        from shared.schema.system import bootstrap  # noqa: PLC0415

        for sql, params in bootstrap(now_text()):
            self.connection.execute(sql, params)

    def _take_epoch(self) -> tuple[int, int, int, int, int]:
        row: tuple[Any, ...] = self.connection.execute(
            "UPDATE _head SET epoch = epoch + 1 RETURNING epoch, seq, n, catalog, feed"
        ).fetchall()[0]
        epoch, seq, n, catalog, feed = (int(value) for value in row)
        return epoch, seq, n, catalog, feed


def _has_table(connection: apsw.Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)
    ).fetchall()
    return bool(found)
