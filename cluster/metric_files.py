"""The mmap files of prometheus-client's multiprocess mode: read together, folded when one dies.

Each process has a file a kind. Without folding, a worker that restarts for months leaves three
files each time, and every scrape reads them all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

_KINDS = ("counter", "histogram")


class MetricFiles(Collector):
    """The folder of metric files. The lock keeps a scrape from meeting a half-folded file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._reader = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        """All metrics of all processes, dead ones included."""
        with self._lock:
            return list(self._reader.collect())  # type: ignore[no-untyped-call]

    def fold(self, pid: int) -> None:
        """A process ended: drop its gauges, and add its counts to those of all dead ones."""
        with self._lock:
            mark_process_dead(pid, str(self._folder))  # type: ignore[no-untyped-call]
            for kind in _KINDS:
                path = self._folder / f"{kind}_{pid}.db"
                if path.exists():
                    _add(path, self._folder / f"{kind}_dead.db")
                    path.unlink()


def _add(source: Path, target: Path) -> None:
    values = MmapedDict.read_all_values_from_file(os.fspath(source))  # type: ignore[no-untyped-call]
    total = MmapedDict(os.fspath(target))  # type: ignore[no-untyped-call]
    try:
        for key, value, _timestamp, _position in values:
            before, _ = total.read_value(key)  # type: ignore[no-untyped-call]
            total.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        total.close()  # type: ignore[no-untyped-call]
