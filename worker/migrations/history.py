"""The history of a database: which migrations it has had, and what undoes them.

`_schema_history` has the columns that TrailBase's has, so that what was applied there counts as
applied; checksums of another making are plain numbers and say nothing to us. `_schema_state` holds
what is ours: the order in which migrations came, what undoes each, and the collections that all of
them have made so far.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from shared.depot.migration_files import MigrationFile, Version
from shared.sql.plan import Step, forbid, require, run
from worker.engine.offline import OfflineReader
from worker.migrations.source import OUR_CHECKSUM, Source

HISTORY: Final = "_schema_history"
STATE: Final = "_schema_state"
APPLIED: Final = "migration_applied"
GONE: Final = "migration_gone"
_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS _schema_history(version INT4 PRIMARY KEY, name VARCHAR(255),
        applied_on VARCHAR(255), checksum VARCHAR(255))""",
    """CREATE TABLE IF NOT EXISTS _schema_state(n INTEGER PRIMARY KEY, version INT4 NOT NULL UNIQUE,
        file TEXT NOT NULL, down TEXT NOT NULL, collections TEXT NOT NULL)""",
)

Definition = dict[str, Any]
"""A collection as `GET /api/collections` shows it, without its times."""


class Applied(NamedTuple):
    """One migration that a database has had.

    `order`: 0 where it was applied by another program, else growing. `file`: its name then.
    `down`: the text of what undoes it, "" for nothing.
    """

    version: Version
    name: str
    applied_on: str
    checksum: str
    order: int = 0
    file: str = ""
    down: str = ""

    @property
    def is_ours(self) -> bool:
        """Its checksum is of our making."""
        return self.checksum.startswith(OUR_CHECKSUM)


def read_history(state: OfflineReader) -> dict[Version, Applied]:
    """What was applied, by version. Raises ReadError."""
    if not state.has_table(HISTORY):
        return {}
    rows: list[tuple[Any, ...]] = state.rows(
        "SELECT version, name, applied_on, checksum FROM _schema_history"
    )
    own: dict[Any, tuple[Any, ...]] = {}
    if state.has_table(STATE):
        own = {
            row[0]: row[1:]
            for row in state.rows("SELECT version, n, file, down FROM _schema_state")
        }
    return {row[0]: _applied(row, own.get(row[0], (0, "", ""))) for row in rows}


def _applied(row: tuple[Any, ...], own: tuple[Any, ...]) -> Applied:
    version, *texts = row
    name, applied_on, checksum = ("" if text is None else str(text) for text in texts)
    order, file, down = own
    return Applied(version, name, applied_on, checksum, order, file, down)


def read_collections(state: OfflineReader) -> list[Definition] | None:
    """The collections that the migrations have made; None where there were none of ours."""
    if not state.has_table(STATE):
        return None
    rows = state.rows("SELECT collections FROM _schema_state ORDER BY n DESC LIMIT 1")
    if not rows:
        return None
    read: list[Definition] = orjson.loads(str(rows[0][0]))
    return read


def open_steps(file: MigrationFile) -> list[Step]:
    """Before a migration's own steps: it is not applied yet."""
    found = "SELECT 1 FROM _schema_history WHERE version = ?"
    return [*map(run, _TABLES), forbid(found, (file.version,), refusal=APPLIED)]


def record_steps(
    file: MigrationFile, source: Source, now: str, collections: list[Definition]
) -> list[Step]:
    """After them: it is applied. `now`: RFC 3339."""
    text = orjson.dumps(collections).decode()
    return [
        run(
            "INSERT INTO _schema_history(version, name, applied_on, checksum) VALUES (?, ?, ?, ?)",
            (file.version, file.name, now, source.checksum),
        ),
        run(
            "INSERT INTO _schema_state(version, file, down, collections) VALUES (?, ?, ?, ?)",
            (file.version, file.path.name, source.down, text),
        ),
    ]


def accept_steps(file: MigrationFile, source: Source) -> list[Step]:
    """An applied migration's file has changed, and that is right."""
    return [
        run(
            "UPDATE _schema_history SET name = ?, checksum = ? WHERE version = ?",
            (file.name, source.checksum, file.version),
        ),
        run(
            "UPDATE _schema_state SET file = ?, down = ? WHERE version = ?",
            (file.path.name, source.down, file.version),
        ),
    ]


def forget_steps(applied: Applied) -> tuple[list[Step], list[Step]]:
    """Before and after the steps that undo a migration: it was the last, and it is no more."""
    last = "SELECT 1 FROM _schema_state WHERE n = ? AND n = (SELECT max(n) FROM _schema_state)"
    return [require(last, (applied.order,), refusal=GONE)], [
        run("DELETE FROM _schema_history WHERE version = ?", (applied.version,)),
        run("DELETE FROM _schema_state WHERE n = ?", (applied.order,)),
    ]
