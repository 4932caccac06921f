"""Backups over HTTP: `/api/backups…`, for superusers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from shared.dates import date_text
from shared.depot.backups import (
    BackupsBusyError,
    backups_busy,
    backups_locked,
    list_backups,
    path_of,
)
from shared.depot.layout import DepotLayout
from shared.errors import forbidden, invalid, not_found
from shared.limits import BACKUP_CHUNK_BYTES
from worker.auth.identity import caller_identity, file_caller
from worker.backups import jobs
from worker.backups.incoming import check_name, receive, refusal
from worker.backups.task import Server, Task
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response, StreamResponse
from worker.records.superuser_plan import require_superuser
from worker.wire.pocketbase.decode import text_object
from worker.wire.pocketbase.encode import cut_response, no_content

_ZIP: Final = b"application/zip"
_MISSING: Final = "Missing or invalid backup file."


async def list_all(context: Context, request: Request) -> Response:
    """GET /api/backups."""
    layout = await _superusers_layout(context, request)
    entries = await asyncio.to_thread(list_backups, layout)
    answer = [
        {
            "key": entry.name,
            "size": entry.size,
            "modified": date_text(datetime.fromtimestamp(entry.modified, UTC)),
        }
        for entry in entries
    ]
    return cut_response(request, answer)


async def create(context: Context, request: Request) -> Response:
    """POST /api/backups."""
    layout = await _superusers_layout(context, request)
    name = (await text_object(request)).get("name") or ""
    if not isinstance(name, str):
        raise refusal("name", "validation_invalid_string", "The name must be a text.")
    if backups_busy(layout):
        raise invalid(jobs.BUSY)
    if name:
        check_name(layout, name, "name")
    await jobs.run(Task("create", str(layout.path), name))
    return no_content()


async def upload(context: Context, request: Request) -> Response:
    """POST /api/backups/upload."""
    layout = await _superusers_layout(context, request)
    await receive(layout, request)
    return no_content()


async def download(context: Context, request: Request, key: str) -> Response:
    """GET /api/backups/{key}, by a superuser's file token in the address."""
    identity = await file_caller(context, request.query.get("token", ""))
    if not identity.superuser:
        raise forbidden("Insufficient permissions to access the resource.")
    path = _path(_layout(context), key)
    try:
        file = await asyncio.to_thread(path.open, "rb")
    except FileNotFoundError:  # deleted meanwhile
        raise not_found(_MISSING) from None
    headers = (
        (b"content-length", str(os.fstat(file.fileno()).st_size).encode()),
        (b"content-disposition", f'attachment; filename="{key}"'.encode()),
        (b"cache-control", b"no-store"),
    )
    gone = asyncio.Event()
    return StreamResponse(_chunks(file, gone), gone.set, headers, _ZIP)


async def delete(context: Context, request: Request, key: str) -> Response:
    """DELETE /api/backups/{key}."""
    layout = await _superusers_layout(context, request)
    path = _path(layout, key)
    try:
        with backups_locked(layout):
            path.unlink(missing_ok=True)
    except BackupsBusyError:
        raise invalid(jobs.BUSY) from None
    return no_content()


async def restore(context: Context, request: Request, key: str) -> Response:
    """POST /api/backups/{key}/restore; the cluster restarts after the answer."""
    layout = await _superusers_layout(context, request)
    _path(layout, key)
    server = Server(os.getppid(), str(context.run_directory.path))
    await jobs.run(Task("restore", str(layout.path), key, config=False, server=server))
    return no_content()


def _layout(context: Context) -> DepotLayout:
    return DepotLayout(Path(context.settings.depot))


async def _superusers_layout(context: Context, request: Request) -> DepotLayout:
    """The depot, for a superuser. Raises UNAUTHENTICATED, FORBIDDEN."""
    require_superuser(await caller_identity(context, request.header(b"authorization")))
    return _layout(context)


def _path(layout: DepotLayout, key: str) -> Path:
    path = path_of(layout, key)
    if path is None:
        raise not_found(_MISSING)
    return path


async def _chunks(file: BinaryIO, gone: asyncio.Event) -> AsyncIterator[bytes]:
    """Read in a thread, so that a slow disk holds up nobody else."""
    with file:
        while not gone.is_set() and (
            chunk := await asyncio.to_thread(file.read, BACKUP_CHUNK_BYTES)
        ):
            yield chunk
