"""Opening a private copy of another program's database."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import apsw

from shared.limits import MMAP_BYTES

_PROBLEMS_READ: Final = 100
_PROBLEMS_TOLD: Final = 3
# Values that their column's declaration does not allow: nothing that keeps a row from being read.
_ONLY_VALUES: Final = re.compile(r"(NULL|NUMERIC|TEXT) value in |CHECK constraint failed in ")
_PRAGMAS: Final = (
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = FILE",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    f"PRAGMA mmap_size = {MMAP_BYTES}",
)


def open_foreign(copied: Path) -> apsw.Connection:
    """A connection to the copy, into which its log of unmerged writes goes.

    Nothing in its schema is trusted, and its triggers never run. Raises apsw.Error for what is no
    database.
    """
    connection = apsw.Connection(str(copied), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()
    return connection


def damage_of(connection: apsw.Connection) -> list[str]:
    """What SQLite finds wrong when it looks through all of it; the first few. Raises apsw.Error."""
    rows = connection.execute(f"PRAGMA integrity_check({_PROBLEMS_READ})").fetchall()
    told = [str(row[0]) for row in rows if row[0] != "ok"]
    return [one for one in told if _ONLY_VALUES.match(one) is None][:_PROBLEMS_TOLD]
