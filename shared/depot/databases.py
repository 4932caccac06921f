"""The databases of a depot beside `main`: how they may be called, and where each has its words.

The status page has a slot for each; which one is told by a small file in the run directory, which
the writer keeps. A name keeps its slot for as long as the cluster runs, also while its database is
not open, so nobody ever takes the words of another one for its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from shared.depot.layout import MAIN
from shared.limits import DATABASE_NAME_CHARS_MAX

RESERVED_DATABASES: Final = frozenset(
    {MAIN, "public", "logs", "queue", "session", "temp", "staged"}
)
"""Names that SQLite, the system or other dialects use, in lower case."""
_NAME: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{DATABASE_NAME_CHARS_MAX}}}")
_read = msgspec.json.Decoder(dict[str, int]).decode


def is_database_name(name: str) -> bool:
    """Whether a database beside `main` may be called so; it becomes a file and a schema's name."""
    lower = name.lower()
    if lower in RESERVED_DATABASES or lower.startswith("sqlite"):
        return False
    return _NAME.fullmatch(name) is not None


def read_slots(file: Path) -> dict[str, int]:
    """The slot of each database that has or had one. Raises OSError, msgspec.MsgspecError."""
    try:
        return _read(file.read_bytes())
    except FileNotFoundError:
        return {}


def write_slots(file: Path, slots: dict[str, int]) -> None:
    """Replace the file in one step. Raises OSError."""
    beside = file.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(slots))
    beside.replace(file)
