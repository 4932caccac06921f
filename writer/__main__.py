"""`python -P -m writer RUN_DIR`: the writer process, started by the supervisor.

Order matters: hold the lock, open the database under a new epoch, set the status page, bind, and
only then say that it is ready.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Final

import apsw
import msgspec

from shared.depot.layout import DepotLayout
from shared.limits import GARBAGE_OBJECTS
from shared.logs import configure, get_logger
from shared.parent_death import die_with_parent
from shared.run_directory import RunDirectory
from shared.settings import Settings, load
from shared.status_page import StatusPage
from writer.databases import Databases
from writer.inbox import Inbox
from writer.pending import find_pending
from writer.process import make_process

log = get_logger()

_EXIT_REFUSED: Final = 2


class _RefusedError(Exception):
    """The writer must not start; the text says why."""


def main(arguments: list[str]) -> int:
    """Run until SIGTERM. Returns the exit code."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is the supervisor's affair
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run_directory = RunDirectory(Path(arguments[1]))
        settings = load(run_directory.settings)
        configure("writer", settings.log_level)
        _check_lock(settings)
        inbox, databases, pending = _build(run_directory, settings)
    except (_RefusedError, apsw.Error, OSError, ValueError, IndexError) as error:
        log.error("writer cannot start", error=str(error))  # noqa: TRY400 -- a refusal
        _tell({"error": str(error)})
        return _EXIT_REFUSED
    signal.signal(signal.SIGTERM, lambda _signal, _frame: inbox.stop())
    main = databases.main
    log.info("writer is ready", epoch=main.epoch, head=main.n)
    _tell({"ready": True, "superusers": main.at_start_superusers, "pending": pending})
    gc.freeze()  # what stands by now stays, so the collector need not look at it again
    gc.set_threshold(GARBAGE_OBJECTS)
    inbox.serve()
    inbox.close()
    log.info("writer has finished")
    return 0


def _check_lock(settings: Settings) -> None:
    """Two writers on one depot must be impossible. Raises _RefusedError.

    flock belongs to the open file that the supervisor handed down: taking it again succeeds, and
    fails only if somebody else has it.
    """
    text = os.environ.get("QUILL_LOCK_FD", "")
    if not text.isdigit():
        raise _RefusedError("the writer needs the depot's lock: QUILL_LOCK_FD is not set")
    path = Path(settings.depot) / "data" / "writer.lock"
    try:
        if not os.path.samestat(os.fstat(int(text)), path.stat()):
            raise _RefusedError(f"QUILL_LOCK_FD is not {path}")
        fcntl.flock(int(text), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _RefusedError(f"another writer holds {path}") from None


def _build(run_directory: RunDirectory, settings: Settings) -> tuple[Inbox, Databases, list[str]]:
    """Open the databases, start their threads, bind the sockets; and why a preparation is due."""
    page = StatusPage.open(run_directory.status_page)
    layout = DepotLayout(Path(settings.depot))
    # What a bulk plan needs for a while stands on the depot's disk: nothing else has to be writable.
    os.environ.setdefault("SQLITE_TMPDIR", str(layout.data))
    page.disk_full = False
    process = make_process(page, layout.data)
    databases = Databases(layout, run_directory, process)
    connections = {name: door.batcher.connection for name, door in databases.doors.items()}
    pending = find_pending(layout, connections)
    page.database().is_open = True
    page.epoch = databases.main.epoch
    page.beat()
    inbox = Inbox(run_directory, process, databases)
    databases.start()
    return inbox, databases, pending


def _tell(line: dict[str, object]) -> None:
    """One JSON line to whoever started us, if they asked for it."""
    text = os.environ.get("QUILL_READY_FD", "")
    if text.isdigit():
        os.write(int(text), msgspec.json.encode(line) + b"\n")
        os.close(int(text))


if __name__ == "__main__":
    sys.exit(main(sys.argv))
