"""How the command line has a job of backups done: by a child, with a progress bar.

And how a restore ends: with the depot's lock in our hands, or by the server that holds it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from cluster.depot import Depot, LockHolder, read_holder
from cluster.refusal import Refusal
from shared.depot.layout import DepotLayout
from shared.depot.replace import Outcome, ReplacementError, replace_data
from shared.limits import DRAIN_SECONDS, WRITER_DRAIN_SECONDS
from shared.parent_death import PARENT_VARIABLE
from shared.run_directory import RunDirectory
from worker.backups.task import Server, Task, Told

_POLL_SECONDS: Final = 0.05
_TAKE_OVER_SECONDS: Final = DRAIN_SECONDS + WRITER_DRAIN_SECONDS + 20.0


def run_job(task: Task, title: str) -> Told:
    """Have a task done and show how far it is. Raises Refusal when its process fails."""
    from rich.console import Console  # noqa: PLC0415 - 9 MB
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # noqa: PLC0415

    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "worker.backups", msgspec.json.encode(task).decode()],
        stdout=subprocess.PIPE,
        env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
    )
    assert process.stdout is not None
    told = Told(error="The process of backups ended without a word.")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with process, Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        shown = bar.add_task(title, total=None)
        for line in process.stdout:
            told = msgspec.json.decode(line, type=Told)
            bar.update(shown, completed=told.done, total=told.total or None)
    if told.result is None and not told.error:
        raise Refusal("The process of backups was ended before it was done.")
    return told


def settle_if_idle(depot: Path) -> None:
    """Where no server runs, end what an interrupted replacement left. Raises Refusal."""
    try:
        Depot.take(depot).close()
    except Refusal:
        if _server_of(depot) is None:
            raise


def restore(depot: Path, task: Task) -> str:
    """Restore, and tell it in a sentence. Raises Refusal."""
    try:
        held = Depot.take(depot)
    except Refusal:
        holder = _server_of(depot)
        if holder is None:
            raise
        return _through_server(depot, task, holder)
    try:
        told = run_job(task, "Restoring")
        if told.result is None:
            raise Refusal(told.error)
        sentence = replace_data(DepotLayout(held.path), str(told.result["what"]))
        held.settle()
    except (ReplacementError, OSError) as error:
        if DepotLayout(held.path).replacement.exists():
            raise Refusal(f"The restore is decided, and the next start ends it: {error}") from error
        raise Refusal(f"The depot was not restored: {error}") from error
    else:
        return sentence
    finally:
        held.close()


def _server_of(depot: Path) -> LockHolder | None:
    """The supervisor that holds the depot; None for another command, or nobody."""
    holder = read_holder(depot)
    if holder is None or holder.brief or not Path(holder.run_directory).is_dir():
        return None
    return holder


def _through_server(depot: Path, task: Task, holder: LockHolder) -> str:
    server = Server(holder.pid, holder.run_directory)
    told = run_job(msgspec.structs.replace(task, server=server), "Restoring")
    if told.result is None:
        raise Refusal(told.error)
    outcome = _await_outcome(depot, holder)
    if not outcome.done:
        raise Refusal(outcome.told)
    return f"{outcome.told} The server runs with it."


def _await_outcome(depot: Path, before: LockHolder) -> Outcome:
    """What the same supervisor says in its next run directory. Raises Refusal."""
    until = time.monotonic() + _TAKE_OVER_SECONDS
    while time.monotonic() < until:
        now = read_holder(depot)
        if now is not None and now.run_directory != before.run_directory:
            try:
                word = RunDirectory(Path(now.run_directory)).replaced.read_bytes()
                return msgspec.json.decode(word, type=Outcome)
            except (FileNotFoundError, msgspec.DecodeError):  # it is about to be written
                pass
        if not _lives(before.pid):
            raise Refusal(
                "The server ended meanwhile; its next start says what came of the restore."
            )
        time.sleep(_POLL_SECONDS)
    raise Refusal("The server did not say whether it took the restored data over; see its log.")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
