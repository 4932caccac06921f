"""A writer without a cluster, for commands that write while no server runs."""

from __future__ import annotations

import contextlib
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cluster.child import LOCK_FD, Child, Command, default_command
from cluster.depot import Depot
from cluster.refusal import Refusal
from shared.limits import SUCCESSOR_READY_SECONDS, WRITER_DRAIN_SECONDS
from shared.run_directory import RunDirectory
from shared.settings import Settings
from shared.status_page import StatusPage


@contextlib.contextmanager
def lone_writer(path: Path, command: Command = default_command) -> Iterator[RunDirectory]:
    """Lock the depot, which may be missing, and run a writer on it within the `with` block.

    Raises Refusal when the depot is in use or the writer does not start.
    """
    depot = Depot.take(path)
    try:
        settings = Settings(depot=str(path.resolve()), log_level="warning")
        run = depot.make_run_directory(settings, brief=True)
        StatusPage.create(run.status_page)
        writer = Child(
            "writer",
            command("writer", run.path),
            {LOCK_FD: str(depot.lock), "PROMETHEUS_MULTIPROC_DIR": str(run.metrics)},
            (depot.lock,),
        )
        try:
            _await_ready(writer)
            yield run
        finally:
            _stop(writer)
    finally:
        depot.close()


def _await_ready(writer: Child) -> None:
    give_up = time.monotonic() + SUCCESSOR_READY_SECONDS
    while not writer.listen():
        if writer.settled or time.monotonic() > give_up:
            raise Refusal(f"The writer did not start: {writer.refusal or 'see its log above'}.")
        select.select([writer.pipe], [], [], 1.0)


def _stop(writer: Child) -> None:
    writer.signal(signal.SIGTERM)
    try:
        writer.process.wait(WRITER_DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        writer.signal(signal.SIGKILL)
        writer.process.wait()
    writer.close()
