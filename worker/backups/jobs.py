"""How a worker has a job of backups done: by a child process, awaited on the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

import msgspec

from shared.errors import Kind, QuillError, invalid
from shared.limits import BACKUP_JOB_SECONDS
from shared.parent_death import PARENT_VARIABLE
from worker.backups.task import Task, Told

BUSY: Final = "Try again later: another backup or restore is running."
_TOO_LONG: Final = (
    "The job was given up after {} seconds. On the command line it may take any time."
)
_METRICS: Final = "PROMETHEUS_MULTIPROC_DIR"
_LINE_BYTES_MAX: Final = 1_048_576  # a result names each file that was left out


async def run(task: Task, seconds: float = BACKUP_JOB_SECONDS) -> dict[str, object]:
    """Do a task; its result. It is ended when the caller is cancelled, and after so many seconds.

    Raises INVALID with the reason when it is refused, DISK_FULL when there is no room for it,
    UNAVAILABLE when it takes too long, INTERNAL when its process fails.
    """
    try:
        async with asyncio.timeout(seconds):
            told = await _last_word(task)
    except TimeoutError:
        raise QuillError(Kind.UNAVAILABLE, _TOO_LONG.format(f"{seconds:,.0f}")) from None
    if told.busy:
        raise invalid(BUSY)
    if told.error:
        raise QuillError(Kind.DISK_FULL if told.full else Kind.INVALID, told.error)
    if told.result is None:
        raise QuillError(Kind.INTERNAL, "The process of backups ended before it was done.")
    return told.result


async def _last_word(task: Task) -> Told:
    """What its process tells at the end."""
    environment = {**os.environ, PARENT_VARIABLE: str(os.getpid())}
    environment.pop(_METRICS, None)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "worker.backups",
        msgspec.json.encode(task).decode(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        limit=_LINE_BYTES_MAX,
    )
    told = Told()
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            told = msgspec.json.decode(line, type=Told)
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return told
