"""What a data folder holds beside collections, their records and files: told, since it stays behind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from shared.quote import quote_identifier
from worker.engine.offline import OfflineReader, ReadError
from worker.pb_data.report import Kind, Notes
from worker.pb_data.source import DATABASE
from worker.pb_data.uploads import STORAGE

_KNOWN_TABLES: Final = frozenset({"_collections", "_params", "_migrations"})
_KNOWN_FILES: Final = frozenset(
    {
        DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", STORAGE,
        ".notify", "types.d.ts",
    }
)  # fmt: skip
_TOLD_FILES: Final = {
    "auxiliary.db": "the log of requests",
    "logs.db": "the log of requests",
    "backups": "backups, which hold data of PocketBase",
    ".pb_temp_to_delete": "temporary files",
}
_SCHEMA: Final = (
    "SELECT type, name, tbl_name FROM sqlite_schema"
    " WHERE type IN ('table', 'view', 'trigger') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


def tell_leftovers(
    source: OfflineReader, folder: Path, collections: Iterable[str], notes: Notes
) -> None:
    """`collections`: the names of all collections of the source, those left out included."""
    known = {name.lower() for name in collections} | _KNOWN_TABLES
    for kind, name, table in source.rows(_SCHEMA):
        if kind == "trigger":
            notes.add(Kind.LEFT_OUT, str(table), f"the trigger {name}")
        elif str(name).lower() not in known:
            rows = _rows_of(source, str(name)) if kind == "table" else ""
            notes.add(Kind.LEFT_OUT, str(name), f"a {kind} that belongs to no collection{rows}")
    for path in sorted(folder.iterdir()):
        if path.name in _KNOWN_FILES or path.name.endswith(("-wal", "-shm")):
            continue
        why = _TOLD_FILES.get(path.name, "unknown to this import")
        notes.add(Kind.LEFT_OUT, path.name, why)


def _rows_of(source: OfflineReader, table: str) -> str:
    try:
        row = source.row(f"SELECT count(*) FROM {quote_identifier(table)}")
    except ReadError:  # a virtual table whose module is not here
        return ""
    return "" if row is None else f", with {row[0]} rows"
