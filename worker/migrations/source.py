"""The text of a migration file, read once: what is executed is what the checksum is of."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Final, NamedTuple

from shared.depot.migration_files import MigrationFile
from shared.limits import MIGRATION_FILE_BYTES_MAX
from worker.migrations.program import can_undo
from worker.migrations.refusal import at

OUR_CHECKSUM: Final = "sha256:"


class Source(NamedTuple):
    """`down`: the text of what undoes it: another script, or the program itself; "" for nothing."""

    text: str
    checksum: str
    down: str


def read_source(file: MigrationFile) -> Source:
    """A migration's text. Raises MigrationError."""
    raw = _read(file.path)
    text = _decoded(file.path, raw)
    checksum = OUR_CHECKSUM + hashlib.sha256(raw).hexdigest()
    if file.is_program:
        return Source(text, checksum, text if can_undo(text) else "")
    down = file.down_path
    return Source(text, checksum, _decoded(down, _read(down)) if down.exists() else "")


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe or a device may never come to its end
            raise at(path, 0, "It is not a plain file.")
        if found.st_size > MIGRATION_FILE_BYTES_MAX:
            raise at(path, 0, f"It is larger than {MIGRATION_FILE_BYTES_MAX} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise at(path, 0, f"It cannot be read: {error.strerror}.") from None


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise at(path, 0, "It is not UTF-8.") from None
