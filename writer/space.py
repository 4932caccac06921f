"""A full disk: how the writer notices that there is space again, and the ballast that helps it out.

There is one for all databases of the process, whose threads ask it.

A checkpoint fails on a full disk too, so the write-ahead log cannot empty itself. The ballast, a
file of real blocks in the depot, is deleted when a commit finds no space and laid down again when
there is enough for both.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from shared import limits

_SHARE_OF_DISK: Final = 8  # a small disk gives up at most 1/8 for ballast


class Space:
    """The free space around the databases, and which of them lack it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._short: set[str] = set()
        self._ballast = folder / "ballast"
        disk = os.statvfs(folder)
        self._bytes = min(limits.BALLAST_BYTES, disk.f_blocks * disk.f_frsize // _SHARE_OF_DISK)

    def note(self, database: str, *, full: bool) -> bool:
        """A database has found no space, or has space again. Whether any lacks it now."""
        with self._lock:
            if full:
                self._short.add(database)
            else:
                self._short.discard(database)
            return bool(self._short)

    def free_bytes(self) -> int:
        """Space that this process may use."""
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    def is_ample(self) -> bool:
        """Enough to go on writing after the ballast is laid down again.

        What the ballast left behind is for checkpoints and does not count, so that one small
        write that succeeds never ends the state.
        """
        missing = 0 if self._ballast.exists() else self._bytes
        return self.free_bytes() >= missing + self._bytes // 2

    def lay_ballast(self) -> None:
        """Make the ballast if it is missing and fits with room to spare."""
        with self._lock:
            if not self._ballast.exists() and self.is_ample():
                self._make_ballast()

    def _make_ballast(self) -> None:
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._bytes)
        except OSError:
            self.drop_ballast()
        finally:
            os.close(descriptor)

    def drop_ballast(self) -> bool:
        """Free its space; False when there is none."""
        try:
            self._ballast.unlink()
        except FileNotFoundError:
            return False
        return True
