"""A backup becomes what is staged in `.incoming/`: unpacked, checked, with new feed ids, synced.

The depot itself is not touched here. Without a server the caller, who holds the depot's lock,
replaces the data; with one, the supervisor is asked to do it between two runs of the cluster.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

from shared import failpoints
from shared.depot.backups import backups_locked
from shared.depot.layout import DepotLayout
from shared.depot.replace import Request, discard_incoming, prepare_incoming, sync_tree
from shared.depot.version import Metadata, read_metadata, refuse_newer, write_metadata
from shared.run_directory import RunDirectory
from shared.sqlite.copy import renew_feed
from worker.backups.archive import Archive, BadBackupError, Progress
from worker.backups.create import BackupError, Begin, require_space
from worker.backups.task import Server, Task
from worker.backups.verify import database_faults, report_of, source_of


def restore(task: Task, begin: Begin) -> dict[str, object]:
    """Stage a backup, and ask the server for the rest when there is one.

    Raises BackupError, BackupsBusyError, BadBackupError, NewerDepotError, CopyError, OSError; then
    nothing is staged.
    """
    layout = DepotLayout(Path(task.depot))
    path = source_of(layout, task)
    what = f"restore of {path.name}"
    with backups_locked(layout), Archive(path) as archive:
        if layout.replacement.exists() or (task.server and _asked(task.server).exists()):
            raise BackupError("Another replacement of the depot's data is under way.")
        _refuse_newer(layout, archive, path)
        require_space(layout.path, archive.size)
        progress = begin(archive.size)
        try:
            _stage(layout, task, archive, prepare_incoming(layout, what), progress)
            if task.server is not None:
                _ask(task.server, what)
        except BaseException:
            discard_incoming(layout)
            raise
        return {**report_of(archive), "name": path.name, "what": what}


def _refuse_newer(layout: DepotLayout, archive: Archive, path: Path) -> None:
    manifest = archive.manifest
    own = read_metadata(layout).version
    refuse_newer(Metadata(manifest.version, manifest.format), own, f"The backup {path.name}")


def _stage(
    layout: DepotLayout, task: Task, archive: Archive, incoming: DepotLayout, progress: Progress
) -> None:
    for name in archive.names("data/"):
        target = incoming.path / name
        archive.extract(name, target, progress)
        if faults := database_faults(target):
            raise BadBackupError(f"The backup is damaged. {faults[0]}")
        renew_feed(target)
        if failpoints.ACTIVE:
            failpoints.reach("backup.staging")
    incoming.uploads.mkdir()  # also when there is none: then the depot will have none
    for name in archive.names("uploads/"):
        archive.extract(name, incoming.path / name, progress)
    for name in _settings(layout, task, archive):
        archive.extract(name, incoming.path / name, progress)
        (incoming.path / name).chmod(0o600)
    if layout.metadata.exists():
        incoming.metadata.write_bytes(layout.metadata.read_bytes())
    write_metadata(incoming, Metadata(archive.manifest.version, archive.manifest.format))
    sync_tree(incoming.path)


def _settings(layout: DepotLayout, task: Task, archive: Archive) -> list[str]:
    """Those of the backup's settings that are wanted, or that the depot has not."""
    wanted = {"config.textproto": task.config, "secrets/": task.secrets}
    return [
        name
        for part, replaces in wanted.items()
        for name in archive.names(part)
        if replaces or not (layout.path / name).exists()
    ]


def _asked(server: Server) -> Path:
    return RunDirectory(Path(server.run_directory)).replacement


def _ask(server: Server, what: str) -> None:
    """Leave the request in the run directory, whole at once, and wake the supervisor."""
    request = _asked(server)
    draft = request.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(Request(what)))
    draft.rename(request)
    os.kill(server.pid, signal.SIGUSR1)
