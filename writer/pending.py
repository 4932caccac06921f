"""Whether a depot has to be prepared before workers may serve it: a look at names, when it is opened.

Nothing is read but names and states of files, a column of the history and the mark of the settings,
so that a start with nothing to do costs no time. Doing it is the affair of `worker.prepare`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import apsw

from shared.depot.layout import MAIN, DepotLayout
from shared.depot.migration_files import MigrationNameError, find_migrations
from shared.depot.sources import sources_digest
from shared.limits import PENDING_REASONS_MAX

# Settings may have named record APIs while the server ran.
_USERS_SQL = """
SELECT 1 FROM _settings WHERE name = 'config' AND value ->> '$.record_apis[0]' IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM _settings WHERE name = 'session')
"""


def find_pending(layout: DepotLayout, connections: Mapping[str, apsw.Connection]) -> list[str]:
    """Why a preparation is due, the first few reasons; `connections` by the databases' names.

    Raises apsw.Error, and OSError where files cannot be looked at.
    """
    reasons: list[str] = []
    if sources_digest(layout, os.environ) != _accepted(connections[MAIN]):
        reasons.append("settings")
    if connections[MAIN].execute(_USERS_SQL).fetchall():
        reasons.append("users")
    if (layout.path / "migrations").is_dir():
        for database, connection in connections.items():
            reasons += _migrations(layout, database, connection)
    return reasons[:PENDING_REASONS_MAX]


def _accepted(main: apsw.Connection) -> str:
    """The mark of what the settings in force were made of; "" for none."""
    rows = main.execute("SELECT value FROM _settings WHERE name = 'digest'").fetchall()
    return str(rows[0][0]) if rows else ""


def _migrations(layout: DepotLayout, database: str, connection: apsw.Connection) -> list[str]:
    try:
        files = find_migrations(layout, database).files
    except MigrationNameError as error:
        return [str(error)]  # to be refused by whoever applies them
    if not files:
        return []
    applied = _applied(connection)
    return [f"migration {one.path.name}" for one in files if one.version not in applied]


def _applied(connection: apsw.Connection) -> frozenset[object]:
    """Versions in the history, which a database has from its first migration on."""
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_schema_history'"
    ).fetchall()
    if not found:
        return frozenset()
    rows = connection.execute("SELECT version FROM _schema_history").fetchall()
    return frozenset(row[0] for row in rows)
