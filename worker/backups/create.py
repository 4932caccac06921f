"""How a backup is made: lock → space → hold uploads → copy databases → pack → manifest → rename.

Beside a running cluster and without a word to it: the databases are only read. The zip has its
name only when it is whole and on the disk; what a crash leaves is removed by the next one.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from shared import failpoints
from shared.depot.backups import DRAFT_PREFIX, NAME, NAME_RULE, backups_locked, new_name
from shared.depot.layout import DepotLayout
from shared.depot.replace import sync_tree
from shared.depot.version import read_metadata
from shared.errors import Kind, QuillError
from shared.limits import BACKUP_CHUNK_BYTES, BACKUP_SPARE_BYTES
from shared.sqlite.copy import copy_database
from shared.sqlite.driver import Error
from shared.sqlite.failures import finds_no_room
from worker.backups.archive import Progress
from worker.backups.manifest import ENTRY, DatabaseAt, FileOf, Manifest
from worker.backups.task import Task
from worker.backups.uploads import Uploads, folder_size

_LEVEL: Final = 1  # three times as quick as zlib's own choice, and nearly as small
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
Begin = Callable[[int], Progress]
"""Told how many bytes there are to do; gives what is told of those done."""


class BackupError(Exception):
    """A backup cannot be made or used as asked; says why."""


class NoRoomError(BackupError):
    """The disk has not the room that it takes."""


def create(task: Task, begin: Begin) -> dict[str, object]:
    """Make a backup; its name, size and manifest's databases.

    Raises BackupError, BackupsBusyError, CopyError, OSError; then nothing is left of it.
    """
    layout = DepotLayout(Path(task.depot))
    name = task.name or new_name()
    if not NAME.match(name):
        raise BackupError(NAME_RULE)
    if not layout.database().exists():
        raise BackupError(f"There is no depot at {layout.path}.")
    with backups_locked(layout):
        remove_drafts(layout)
        target = layout.backups / name
        if target.exists():
            raise BackupError(f"There is a backup {name} already.")
        draft = layout.backups / f"{DRAFT_PREFIX}{name}"
        draft.mkdir(mode=0o700)
        try:
            manifest = _Packing(layout, draft, task, begin).run(draft / name)
            sync_tree(draft)
            (draft / name).rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_tree_names(layout.backups)
    databases = msgspec.to_builtins(manifest.databases)
    size = target.stat().st_size
    return {"name": name, "size": size, "databases": databases, "left_out": manifest.left_out}


def remove_drafts(layout: DepotLayout) -> None:
    """Remove what crashes left. Only under the lock."""
    for path in layout.backups.glob(f"{DRAFT_PREFIX}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_tree_names(folder: Path) -> None:
    """Have the disk hold the names in a folder. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_space(folder: Path, size: int) -> None:
    """Raises NoRoomError when so many bytes more would fill the disk."""
    free = shutil.disk_usage(folder).free
    if free < size + BACKUP_SPARE_BYTES:
        raise NoRoomError(
            f"The disk of {folder} has {free:,} bytes free, and"
            f" {size + BACKUP_SPARE_BYTES:,} are needed."
        )


def lacks_room(error: BaseException) -> bool:
    """Whether a job failed since the disk is full, whoever found it so."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    if isinstance(error, QuillError):
        return error.kind is Kind.DISK_FULL
    cause = error.__cause__
    return isinstance(error, NoRoomError) or (isinstance(cause, Error) and finds_no_room(cause))


class _Packing:
    """One backup under way."""

    def __init__(self, layout: DepotLayout, draft: Path, task: Task, begin: Begin) -> None:
        self._layout, self._draft, self._task = layout, draft, task
        self._databases = _databases(layout)
        self._identity = self._identify()
        sizes = [_database_size(path) for path in self._databases]
        uploads = folder_size(layout.uploads)
        require_space(layout.backups, sum(sizes) + max(sizes) + uploads)
        self._progress = begin(2 * sum(sizes) + uploads)
        self._uploads = Uploads(layout.uploads, draft / "uploads")
        self._files: dict[str, FileOf] = {}

    def run(self, target: Path) -> Manifest:
        """Write the zip."""
        created = datetime.now(UTC).isoformat(timespec="seconds")
        metadata = read_metadata(self._layout)
        self._uploads.hold()
        if failpoints.ACTIVE:
            failpoints.reach("backup.held")
        method = zipfile.ZIP_STORED if self._task.stored else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(target, "x", method, compresslevel=_LEVEL) as archive:
            databases = {path.stem: self._pack_database(archive, path) for path in self._databases}
            for name, path in self._uploads.files():
                self._pack(archive, f"uploads/{name}", path)
            for name, path in self._settings():
                self._pack(archive, name, path)
            manifest = Manifest(
                version=metadata.version,
                format=metadata.format,
                created=created,
                databases=databases,
                files=self._files,
                left_out=self._uploads.left_out,
            )
            archive.writestr(ENTRY, msgspec.json.encode(manifest))
        if self._identify() != self._identity:
            raise BackupError("The depot's data was replaced meanwhile: make the backup anew.")
        return manifest

    def _identify(self) -> list[tuple[Path, int]]:
        """Which files the databases are. A replacement, which needs no lock of ours, brings others.

        Looked at before the journal is: it stands for as long as files are being moved.
        """
        found = [(path, path.stat().st_ino) for path in _databases(self._layout)]
        if self._layout.replacement.exists():
            raise BackupError("The depot's data is being replaced: make the backup after that.")
        return found

    def _pack_database(self, archive: zipfile.ZipFile, path: Path) -> DatabaseAt:
        """Copy first, pack then: the snapshot that is held must not wait for the packing."""
        copy = self._draft / path.name
        at = copy_database(path, copy, self._progress)
        self._pack(archive, f"data/{path.name}", copy)
        copy.unlink()
        return DatabaseAt(f"{at.feed:x}", at.n, at.catalog)

    def _settings(self) -> list[tuple[str, Path]]:
        """The config and the secrets, as far as they are wanted."""
        found = [self._layout.config] if self._task.config else []
        if self._task.secrets:
            found += sorted(self._layout.secrets.parent.rglob("*"))
        return [
            (str(path.relative_to(self._layout.path)), path)
            for path in found
            if path.is_file() and not path.is_symlink()
        ]

    def _pack(self, archive: zipfile.ZipFile, name: str, path: Path) -> None:
        info = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
        info.compress_type = archive.compression
        info._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - no other way in 3.11
        digest, size = hashlib.sha256(), 0
        with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as out:
            while chunk := source.read(BACKUP_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
                self._progress(len(chunk))
        self._files[name] = FileOf(size, digest.hexdigest())


def _databases(layout: DepotLayout) -> list[Path]:
    return sorted(
        path for path in layout.data.glob("*.db") if path.stem.replace("-", "_").isidentifier()
    )


def _database_size(path: Path) -> int:
    wal = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
