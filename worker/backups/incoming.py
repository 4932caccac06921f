"""A zip that a client sends: streamed to the disk beside the backups, inspected, then named.

It is flocked while it arrives, so that what a crash left can be told from what still grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from shared.depot.backups import NAME, NAME_RULE, BackupsBusyError, backups_locked
from shared.depot.layout import DepotLayout
from shared.errors import FieldError, Kind, QuillError, invalid
from shared.limits import BACKUP_SPARE_BYTES, BACKUP_UPLOAD_BYTES_MAX
from worker.backups import jobs
from worker.backups.create import lacks_room
from worker.backups.task import Task
from worker.http.file_part import save_file_part
from worker.http.request import Request

_PREFIX: Final = ".upload-"
_PART: Final = "file"


async def receive(layout: DepotLayout, request: Request) -> str:
    """Take the `file` of a multipart body as a backup; its name.

    Raises INVALID for what is no backup or has a name that is taken or none, TOO_LARGE, DISK_FULL,
    UNAVAILABLE, Disconnected. Nothing of it is left then.
    """
    try:
        return await _receive(layout, request)
    except OSError as error:
        raise _full() if lacks_room(error) else error from None


async def _receive(layout: DepotLayout, request: Request) -> str:
    with _arriving(layout) as (path, file):
        name = await save_file_part(
            request, _PART, file, BACKUP_UPLOAD_BYTES_MAX, lambda size: _spare(path, size)
        )
        if name is None:
            raise refusal(_PART, "validation_required", "Cannot be blank.")
        check_name(layout, name, _PART)
        await asyncio.to_thread(_put_down, file)
        try:
            await jobs.run(Task("inspect", str(layout.path), file=str(path)))
        except QuillError as error:
            raise QuillError(error.kind, error.message.replace(path.name, name)) from None
        try:
            with backups_locked(layout):
                check_name(layout, name, _PART)
                path.rename(layout.backups / name)
        except BackupsBusyError:
            raise invalid(jobs.BUSY) from None
    return name


def check_name(layout: DepotLayout, name: str, field: str) -> None:
    """Raises INVALID for a name that no new backup can have."""
    if not NAME.match(name):
        raise refusal(field, "validation_match_invalid", NAME_RULE)
    if (layout.backups / name).exists():
        raise refusal(field, "validation_backup_name_exists", "The backup name is taken.")


def refusal(field: str, code: str, message: str) -> QuillError:
    """A 400 about one field."""
    return invalid(
        "An error occurred while validating the backup.", {field: FieldError(code, message)}
    )


@contextlib.contextmanager
def _arriving(layout: DepotLayout) -> Iterator[tuple[Path, BinaryIO]]:
    layout.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    _remove_leftovers(layout)
    path = layout.backups / f"{_PREFIX}{secrets.token_hex(8)}"
    with path.open("xb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield path, file
        finally:
            path.unlink(missing_ok=True)


def _put_down(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _remove_leftovers(layout: DepotLayout) -> None:
    for path in layout.backups.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _spare(path: Path, size: int) -> None:
    """Others need room on this disk, the writer above all."""
    if shutil.disk_usage(path.parent).free < size + BACKUP_SPARE_BYTES:
        raise _full()


def _full() -> QuillError:
    return QuillError(Kind.DISK_FULL, "The disk has no room for this backup.")
