"""The run directory: the short, private folder (mode 0700) in which a running cluster meets.

The supervisor makes it and writes `settings.json`; the writer and the workers get its path as
their argument and read everything else from there. `data/writer.lock` in the depot names it, so
that the command line finds the running cluster.
"""

from __future__ import annotations

from pathlib import Path


class RunDirectory:
    """Names of the files in a run directory. Opens nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = path / "settings.json"
        self.status_page = path / "status"
        self.databases = path / "databases.json"
        """Name of each database beside main → its slot on the status page."""
        self.metrics = path / "metrics"
        self.replacement = path / "replacement.json"
        """What is staged in the depot and asked to take the place of its data; else absent."""
        self.replaced = path / "replaced.json"
        """What came of the replacement that this cluster began with; absent without one."""
        self.setup = path / "setup"
        """Secret of the one-time link for the first superuser: `{"token": …, "expires": unix s}`,
        mode 0600; absent when there is none."""

    @property
    def writer(self) -> str:
        """Endpoint of the writer's ROUTER."""
        return f"ipc://{self.path}/writer.ipc"

    @property
    def changes(self) -> str:
        """Endpoint of the writer's PUB."""
        return f"ipc://{self.path}/changes.ipc"

    def worker(self, slot: int) -> str:
        """Endpoint at which a worker takes messages of its peers."""
        return f"ipc://{self.path}/worker-{slot}.ipc"
