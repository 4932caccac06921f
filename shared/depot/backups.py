"""The folder of a depot's backups: their names, and who may work on them now.

What is in a backup is the affair of `worker.backups`.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from shared.depot.layout import DepotLayout

NAME: Final = re.compile(r"[a-z0-9_-]{1,200}\.zip\Z")
NAME_RULE: Final = "A backup's name has a-z, 0-9, _ and - and ends in .zip."
DRAFT_PREFIX: Final = ".draft-"
"""What is being made; whatever begins so and belongs to nobody is a leftover."""
_LOCK: Final = ".lock"


class BackupsBusyError(Exception):
    """A backup is being made, checked or restored."""


class Entry(NamedTuple):
    """One backup. `size` in bytes, `modified` unix seconds."""

    name: str
    size: int
    modified: float


def list_backups(layout: DepotLayout) -> list[Entry]:
    """All backups of a depot, the newest first."""
    found = []
    if layout.backups.is_dir():
        for each in os.scandir(layout.backups):
            if NAME.match(each.name) and each.is_file(follow_symlinks=False):
                status = each.stat()
                found.append(Entry(each.name, status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: (-entry.modified, entry.name))


def path_of(layout: DepotLayout, name: str) -> Path | None:
    """The file of a backup; None when there is none of that name, or it can be nobody's."""
    path = layout.backups / name
    return path if NAME.match(name) and path.is_file() and not path.is_symlink() else None


def new_name(prefix: str = "quillbase") -> str:
    """A name that tells the time, UTC."""
    return f"{prefix}_{datetime.now(UTC).strftime('%Y%m%d%H%M%S')}.zip"


@contextmanager
def backups_locked(layout: DepotLayout) -> Iterator[None]:
    """Within the block nobody else makes, uploads, deletes or restores a backup of this depot.

    The kernel lets go of it when the process dies. Raises BackupsBusyError, OSError.
    """
    layout.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(layout.backups / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupsBusyError("Another backup or restore of this depot is running.") from None
        yield
    finally:
        os.close(lock)


def backups_busy(layout: DepotLayout) -> bool:
    """Whether somebody works on the backups just now."""
    if not (layout.backups / _LOCK).exists():
        return False
    try:
        with backups_locked(layout):
            return False
    except BackupsBusyError:
        return True
