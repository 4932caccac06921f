"""The uploaded files of one moment: none that a record of the snapshot names may be missing.

Files are named anew by each upload and never changed, so a second name for each (a hard link, made
before the database's snapshot) keeps it until it is packed, whatever is deleted meanwhile. What
was uploaded until after the snapshot is found by a second walk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from worker.backups.manifest import is_safe


class Uploads:
    """The files below `folder`. Call `hold` before the snapshot, `files` after it.

    `left_out`: paths below `folder` that no backup may hold, or that were deleted too soon.
    """

    def __init__(self, folder: Path, held: Path) -> None:
        self._folder = folder
        self._held = held
        self._names: set[str] = set()
        self.left_out: list[str] = []

    def hold(self) -> None:
        """Give every file a second name. Where the file system has no links, only remember it."""
        for name in self._walk():
            self._names.add(name)
            target = self._held / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(self._folder / name)
            except OSError:  # another file system, no links, or gone already
                continue

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file's path below the folder, and where it can be read, if it still can."""
        for name in sorted(self._names.union(self._walk())):
            held = self._held / name
            source = held if held.exists() else self._folder / name
            if not is_safe(f"uploads/{name}") or not source.is_file():
                self.left_out.append(ascii(name))
            else:
                yield name, source

    def _walk(self) -> Iterator[str]:
        for parent, _, names in os.walk(self._folder):
            for name in names:
                path = Path(parent, name)
                if not path.is_symlink() and path.is_file():
                    yield str(path.relative_to(self._folder))


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except FileNotFoundError:
                continue
    return total
