"""The supervisor as a real process over stand-in children, and what tests ask of it."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.cluster_process import ClusterProcess, child_pids, command_line
from tests.waiting import until


class StandinCluster(ClusterProcess):
    """Like the real cluster, but its writer and workers do what `wish` asks of them."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        workers: int = 2,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        wishes: tuple[str, ...] = (),
    ) -> None:
        self.wishes = folder / "wishes"
        self.wishes.mkdir(exist_ok=True)
        for name in wishes:
            self.wish(name)
        super().__init__(
            folder / "depot",
            workers=workers,
            env={"STANDIN_DIR": str(self.wishes), **(env or {})},
            arguments=["--log-level=debug", *arguments],
            port=port,
            command=[sys.executable, "-m", "tests.cluster.standin_cluster", "supervisor"],
        )

    def wish(self, name: str) -> Path:
        """Ask the stand-ins for something, e.g. `worker-0.crash`."""
        path = self.wishes / name
        path.touch()
        return path

    def children(self) -> dict[str, int]:
        """Living children by the supervisor's names, youngest incarnation last."""
        found = {}
        for pid in sorted(child_pids(self.pid)):
            words = command_line(pid)
            if "tests.cluster.standin" in words:
                found[words[words.index("tests.cluster.standin") + 1]] = pid
        return found

    def ask(self) -> int:
        """One request on a new connection; the pid of the stand-in that answered."""
        reply = httpx.get(self.url, timeout=10)
        assert reply.status_code == 200
        return int(reply.text)

    def count(self, event: str, **fields: object) -> int:
        """How many log events there are with these fields."""
        wanted = {"event": event, **fields}
        return sum(1 for each in self.events() if wanted.items() <= each.items())

    def readyz(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz."""
        reply = httpx.get(f"{self.ops_url}/readyz", timeout=5)
        body: dict[str, Any] = reply.json()
        return reply.status_code, body

    def metric(self, sample: str) -> float | None:
        """Value of one sample, written as /metrics writes it."""
        text = httpx.get(f"{self.ops_url}/metrics", timeout=5).text
        found = re.search(rf"^{re.escape(sample)} (\S+)$", text, re.MULTILINE)
        return float(found.group(1)) if found else None

    def run_directory(self) -> Path:
        """Where its processes meet."""
        return Path(json.loads((self.depot / "data" / "writer.lock").read_text())["run_directory"])

    def await_ready(self) -> None:
        """Wait until everybody is ready."""
        until(lambda: self.readyz()[0] == 200, what="readiness")

    def end_with(self, number: signal.Signals) -> int:
        """Signal the supervisor and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


def gone(pid: int) -> bool:
    """The process has ended (a zombie that nobody reaps counts as ended)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True
