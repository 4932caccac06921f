"""`python -P -m worker.backups TASK`: one job of backups, told line by line on stdout.

A process of its own, at low priority: nothing that it does can hold up a request or a commit. It
dies with whoever started it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Final

import msgspec

from shared import logs
from shared.depot.backups import BackupsBusyError
from shared.depot.version import NewerDepotError
from shared.errors import sentence_of
from shared.limits import BACKUP_NICE
from shared.parent_death import die_with_parent
from shared.sqlite.copy import CopyError
from worker.backups.archive import BadBackupError, Progress
from worker.backups.create import BackupError, Begin, create, lacks_room
from worker.backups.restore import restore
from worker.backups.task import Task, Told
from worker.backups.verify import inspect, verify

_TOLD_SECONDS: Final = 0.1
_JOBS: Final[dict[str, Callable[[Task, Begin], dict[str, object]]]] = {
    "create": create,
    "verify": verify,
    "inspect": inspect,
    "restore": restore,
}
_REFUSALS: Final = (BackupError, BadBackupError, CopyError, NewerDepotError)


def main(words: list[str]) -> int:
    """Do the task; 0 when it is done and nothing is wrong, else 1."""
    die_with_parent()
    logs.configure("backups", "warning")
    os.nice(BACKUP_NICE)
    try:
        task = msgspec.json.decode(words[0] if words else "", type=Task)
    except msgspec.MsgspecError as error:
        sys.stderr.write(f"Usage: python -P -m worker.backups TASK ({error})\n")
        return 2
    told = _run(task)
    _tell(told)
    return 0 if told.result is not None and not told.faults else 1


def _run(task: Task) -> Told:
    try:
        result = _JOBS[task.verb](task, _begin)
    except BackupsBusyError as error:
        return Told(error=str(error), busy=True)
    except OSError as error:
        return Told(error=sentence_of(error), full=lacks_room(error))
    except _REFUSALS as error:
        return Told(error=str(error), full=lacks_room(error))
    faults = result.pop("faults", [])
    assert isinstance(faults, list)
    return Told(result=result, faults=faults)


def _begin(total: int) -> Progress:
    """Tell the progress, ten times a second at most."""
    done, last = 0, time.monotonic()

    def progress(size: int) -> None:
        nonlocal done, last
        done += size
        now = time.monotonic()
        if now - last >= _TOLD_SECONDS:
            last = now
            _tell(Told(done=done, total=total))

    return progress


def _tell(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
