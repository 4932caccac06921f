"""The folder that is read, and never changed: its database is copied before anything opens it.

Even a reader would leave a file of shared memory beside a database in WAL mode, so SQLite sees only
a private copy, with the log of writes that are not merged yet.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from shared.errors import Kind
from worker.engine.offline import OfflineReader, ReadError

DATABASE: Final = "data.db"
_PARTS: Final = ("", "-wal", "-journal")
_COPIES_MAX: Final = 3
_COLUMNS: Final = "SELECT name FROM pragma_table_info('_collections')"
_NEEDED: Final = frozenset({"id", "name", "type", "system", "fields", "indexes", "options"})


class SourceError(Exception):
    """The folder cannot be imported; the text is a sentence that says why."""


def copy_database(folder: Path, into: Path) -> Path:
    """Copy the folder's database with its log to the folder `into`, and return the copy.

    Raises SourceError where there is none, or it keeps changing; OSError.
    """
    database = folder / DATABASE
    if not database.is_file():
        hint = folder / "pb_data"
        more = f" Did you mean {hint}?" if (hint / DATABASE).is_file() else ""
        raise SourceError(f"{folder} is no data folder of PocketBase: it has no {DATABASE}.{more}")
    for _ in range(_COPIES_MAX):
        before = _state(database)
        for part in _PARTS:
            target = into / f"{DATABASE}{part}"
            target.unlink(missing_ok=True)
            if part in before:
                shutil.copyfile(f"{database}{part}", target)
        if _state(database) == before:
            return into / DATABASE
    raise SourceError(f"{database} changes while it is copied: stop the server that uses it.")


def open_copy(path: Path) -> OfflineReader:
    """Open the copied database. Raises SourceError for a damaged or an older one, ReadError."""
    try:
        copied = OfflineReader(path, foreign=True)
    except ReadError as error:
        if error.kind is Kind.DISK_FULL:
            raise
        raise SourceError(f"{DATABASE} is damaged, so nothing was imported: {error}.") from None
    columns = {str(row[0]) for row in copied.rows(_COLUMNS)}
    problem = _format_problem(columns)
    if problem:
        with copied:
            raise SourceError(problem)
    return copied


def _state(database: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each part that is there."""
    found = {}
    for part in _PARTS:
        path = Path(f"{database}{part}")
        if path.exists():
            stat = path.stat()
            found[part] = (stat.st_size, stat.st_mtime_ns)
    return found


def _format_problem(columns: set[str]) -> str:
    if not columns:
        return f"{DATABASE} is no database of PocketBase: it has no table _collections."
    if columns >= _NEEDED:
        return ""
    if "schema" in columns:
        return (
            f"{DATABASE} is of PocketBase before 0.23. Start it once with a newer PocketBase,"
            " which upgrades it, and import it then."
        )
    return f"{DATABASE} is of no version of PocketBase that is known: _collections is different."
