"""What the workers of a cluster hold: memory, descriptors, and the realtime gauges."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx

from tests.cluster_process import ClusterProcess
from tests.waiting import until

_KIB = 1_024
_GAUGES = ("quill_realtime_clients", "quill_realtime_subscriptions")


class Footprint:
    """The workers of one cluster, none of which is replaced meanwhile."""

    def __init__(self, cluster: ClusterProcess) -> None:
        self._ops_url = cluster.ops_url
        children = cluster.children()
        self._workers = [pid for name, pid in children.items() if name.startswith("worker")]
        self.peak = 0

    def memory(self) -> int:
        """PSS of all workers, in bytes. `peak` keeps the largest."""
        now = sum(_pss_bytes(pid) for pid in self._workers)
        self.peak = max(self.peak, now)
        return now

    def descriptors(self) -> int:
        """Open file descriptors of all workers."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._workers)

    def gauges(self) -> dict[str, int]:
        """Clients and subscriptions, as the ops port tells; at most some seconds old."""
        text = httpx.get(f"{self._ops_url}/metrics", timeout=5).text
        return {name: _sample(text, name) for name in _GAUGES}

    async def until_left(self, clients: int, subscriptions: int) -> None:
        """Wait until the gauges say that nobody else is there."""
        wanted = dict(zip(_GAUGES, (clients, subscriptions), strict=True))

        def left() -> bool:
            return self.gauges() == wanted

        await asyncio.to_thread(until, left, seconds=30, what=f"gauges at {wanted}")

    async def until_closed(self, descriptors: int) -> None:
        """Wait until no more than so many descriptors are open."""
        await asyncio.to_thread(
            until,
            lambda: self.descriptors() <= descriptors,
            seconds=30,
            what=f"{descriptors} descriptors, not {self.descriptors()}",
        )


def _pss_bytes(pid: int) -> int:
    """Proportional set size (proc(5), smaps_rollup): shared pages count once over all processes."""
    found = re.search(
        r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    assert found is not None
    return int(found[1]) * _KIB


def _sample(text: str, name: str) -> int:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0
