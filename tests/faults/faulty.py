"""Faults of a running cluster, each over when it returns: kills, and a rolling reload."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from shared.limits import RESTART_EARLY_SECONDS
from tests.cluster_process import ClusterProcess, child_pids
from tests.waiting import until

_SECONDS = 60.0


async def wait_until(condition: Callable[[], object], what: str) -> None:
    """In a thread, so that clients go on."""
    await asyncio.to_thread(until, condition, seconds=_SECONDS, what=what)


async def kill_worker(cluster: ClusterProcess, slot: int) -> None:
    """SIGKILL, and wait for the next one."""
    name = f"worker {slot}"
    await replaced(cluster, name, cluster.kill(name))


async def kill_writer(cluster: ClusterProcess) -> None:
    """The same for the writer, when it is of age."""
    await writer_of_age()
    await replaced(cluster, "writer", cluster.kill("writer"))


async def writer_of_age() -> None:
    """A writer that dies earlier is in a crash loop, whose next one is not started at once."""
    since = time.monotonic()
    await wait_until(
        lambda: time.monotonic() - since > RESTART_EARLY_SECONDS * 1.2, "a writer of age"
    )


async def replaced(cluster: ClusterProcess, name: str, old: int) -> None:
    """Wait until another process has the place of `old`, and all are ready."""
    await wait_until(lambda: cluster.children().get(name, old) != old, f"{name} is back")
    await wait_until(cluster.ready, "ready again")


async def roll(cluster: ClusterProcess) -> None:
    """SIGHUP: both workers are replaced, one by one. The old one of a pair is the last to go."""
    before = {pid for name, pid in cluster.children().items() if name != "writer"}
    cluster.process.send_signal(signal.SIGHUP)
    await wait_until(lambda: not before & set(child_pids(cluster.pid)), "all workers are replaced")
    await wait_until(cluster.ready, "ready again")
