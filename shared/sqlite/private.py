"""A file that only one process looks at while it writes it, and that nobody misses when it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from shared.limits import STAGING_CACHE_KIB

_PRAGMAS: Final = (
    # Of a new file nothing is journalled; OFF would let a failed statement spoil it, and MEMORY
    # keeps what a statement would have to bring back, 100 MB of a million rows (m).
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA temp_store = FILE",  # sorting a million rows must not take memory
    f"PRAGMA cache_size = -{STAGING_CACHE_KIB}",
)


def open_private(path: Path) -> apsw.Connection:
    """A read-write connection that makes the file. A crash may spoil it.

    Raises apsw.Error.
    """
    connection = apsw.Connection(str(path))
    for pragma in _PRAGMAS:
        connection.execute(pragma).fetchall()
    return connection
