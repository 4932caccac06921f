"""Starts benchmarks/bare: one writer and the same number of workers as our own server."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bare import database
from benchmarks.dataset import ROWS, owner_id
from benchmarks.processes import pss_bytes
from benchmarks.scenario import BARE_SCENARIOS, SCENARIOS
from benchmarks.target import Idle, stop, wait_until_answers


class BareTarget:
    """The running bare app."""

    name = "bare"

    def __init__(self, base_url: str, processes: list[subprocess.Popen[bytes]]) -> None:
        self.base_url = base_url
        self.headers: dict[str, str] = {}
        self.owner = {"Authorization": owner_id(0)}
        self.scenarios = tuple(each for each in SCENARIOS if each.name in BARE_SCENARIOS)
        self.idle = Idle()
        self._processes = processes

    def pids(self) -> list[int]:
        """Writer and workers."""
        return [process.pid for process in self._processes]


@contextmanager
def running(folder: Path, workers: int, count: int = ROWS) -> Iterator[BareTarget]:
    """The bare app over a new database of `count` posts, until the block ends."""
    home = folder / "bare"
    home.mkdir()
    database.create(home / "main.db", count)
    port = _free_port()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        processes.append(_start("writer", str(home)))
        processes += [_start("worker", str(home), str(port)) for _ in range(workers)]
        target = BareTarget(f"http://127.0.0.1:{port}", processes)
        for process in processes[1:]:
            wait_until_answers(f"{target.base_url}/api/health", process)
        target.idle.pss_bytes = pss_bytes(target.pids())
        yield target
    finally:
        for process in processes:
            stop(process)


def _start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-m", f"benchmarks.bare.{program}", *arguments]
    return subprocess.Popen(command, cwd=root)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
