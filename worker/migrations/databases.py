"""The databases that a depot has: as its writer tells them, or as main.db does while none runs."""

from __future__ import annotations

import msgspec

from shared.depot.layout import MAIN, DepotLayout
from shared.limits import MIGRATION_PROGRAM_SECONDS, MIGRATION_SECONDS
from worker.engine.offline import OfflineReader
from worker.migrations.prepared import Where
from worker.migrations.refusal import MigrationError

_NAMES = msgspec.json.Decoder(list[str])


def database_names(layout: DepotLayout) -> list[str]:
    """Main first. Raises ReadError."""
    path = layout.database()
    if not path.exists():
        return [MAIN]
    with OfflineReader(path, held=True) as state:
        if not state.has_table("_settings"):
            return [MAIN]
        rows = state.rows("SELECT value FROM _settings WHERE name = 'databases'")
    listed = _NAMES.decode(str(rows[0][0])) if rows else []
    return [MAIN, *(name for name in listed if name != MAIN)]


def where(
    layout: DepotLayout,
    database: str,
    *,
    seconds: float = MIGRATION_SECONDS,
    program_seconds: float = MIGRATION_PROGRAM_SECONDS,
) -> Where:
    """One database that the depot has. Raises MigrationError for another name."""
    if database not in database_names(layout):
        raise MigrationError(f"There is no database {database}.")
    return Where(database, layout.database(database), seconds, program_seconds)
