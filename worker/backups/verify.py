"""Whether a backup is whole and good: hashes, SQLite's own checks, and a catalog that loads.

Databases are unpacked one at a time beside the backups and removed again; other files are only
read. Uploaded zips are only inspected: their list of entries against their manifest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from shared.depot.backups import DRAFT_PREFIX, backups_locked, path_of
from shared.depot.layout import MAIN, DepotLayout
from shared.errors import QuillError
from shared.schema.fields.options import DefinitionError
from shared.sqlite.copy import CopyError, faults_of, position_of, tables_of, triggers_on
from shared.sqlite.driver import Error
from worker.backups.archive import Archive, BadBackupError, Progress
from worker.backups.create import (
    BackupError,
    Begin,
    NoRoomError,
    lacks_room,
    remove_drafts,
    require_space,
)
from worker.backups.task import Task
from worker.engine.offline import OfflineReader

_EACH_COMMITS: Final = frozenset({"_head", "_change", "_commit", "_batch"})
"""Tables that every commit writes; a trigger on them would run each time, and now."""
_NEEDED: Final = _EACH_COMMITS - {"_head"} | {"_collections", "_idempotency", "_attempts"}
"""Tables of main without which no writer can start."""
_ILLEGIBLE: Final = (
    QuillError, DefinitionError, CopyError, Error,
    ValueError, TypeError, LookupError, AssertionError,
)  # fmt: skip
"""What comes of reading definitions that somebody else has written."""


def verify(task: Task, begin: Begin) -> dict[str, object]:
    """What is in a backup, and its `faults`, none when it is good.

    Raises BackupError, BackupsBusyError, BadBackupError for a zip that is no backup, CopyError,
    OSError.
    """
    layout = DepotLayout(Path(task.depot))
    path = source_of(layout, task)
    with ExitStack() as stack:
        archive = stack.enter_context(Archive(path))
        folder = stack.enter_context(_working_folder(layout))
        databases = [f"data/{name}.db" for name in sorted(archive.manifest.databases)]
        require_space(folder, max(archive.manifest.files[name].size for name in databases))
        progress = begin(archive.size)
        faults: list[str] = []
        for name in archive.names(""):
            try:
                if name in databases:
                    faults += _database_faults(archive, name, folder, progress)
                else:
                    archive.check(name, progress)
            except BadBackupError as error:
                faults.append(str(error))
        return {**report_of(archive), "name": path.name, "faults": faults}


def inspect(task: Task, begin: Begin) -> dict[str, object]:
    """What a zip says of itself, compared with the list of its entries. Raises BadBackupError."""
    begin(0)
    path = source_of(DepotLayout(Path(task.depot)), task)
    with Archive(path) as archive:
        return {**report_of(archive), "name": path.name}


def report_of(archive: Archive) -> dict[str, object]:
    """The backup in a few words."""
    manifest = archive.manifest
    return {
        "version": manifest.version,
        "format": manifest.format,
        "created": manifest.created,
        "databases": {name: at.n for name, at in manifest.databases.items()},
        "uploads": len(archive.names("uploads/")),
        "config": bool(archive.names("config.textproto")),
        "secrets": bool(archive.names("secrets/")),
        "bytes": archive.size,
    }


def source_of(layout: DepotLayout, task: Task) -> Path:
    """The zip that a task names. Raises BackupError."""
    if task.file:
        return Path(task.file)
    path = path_of(layout, task.name)
    if path is None:
        raise BackupError(f"There is no backup {task.name}.")
    return path


def database_faults(path: Path) -> list[str]:
    """What is wrong with an unpacked database that nobody has open.

    A disk that has no room to look at it is no fault of the database. Raises NoRoomError, CopyError.
    """
    faults = faults_of(path)
    if not faults:
        try:
            faults += [
                f"the trigger {name} is on a table of the system's"
                for name in triggers_on(path, _EACH_COMMITS)
            ]
            if path.stem == MAIN:
                missing = sorted(_NEEDED - tables_of(path))
                faults += [f"the table {name} is missing" for name in missing]
            if path.stem == MAIN or position_of(path).catalog:
                with OfflineReader(path) as reader:
                    reader.catalog()
        except _ILLEGIBLE as error:
            if lacks_room(error):
                raise NoRoomError(f"{path.name} cannot be checked: the disk is full.") from error
            reason = str(error) or type(error).__name__
            faults.append(f"its collections cannot be read: {reason}")
    return [f"{path.name}: {fault}" for fault in faults]


def _database_faults(archive: Archive, name: str, folder: Path, progress: Progress) -> list[str]:
    copy = folder / Path(name).name
    archive.extract(name, copy, progress)
    faults = database_faults(copy)
    copy.unlink()
    return faults


@contextmanager
def _working_folder(layout: DepotLayout) -> Iterator[Path]:
    """A folder for one database: in the depot's disk, where there is a depot."""
    with ExitStack() as stack:
        parent = None
        if layout.path.is_dir():
            stack.enter_context(backups_locked(layout))
            remove_drafts(layout)
            parent = layout.backups
        folder = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
