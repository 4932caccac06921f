"""kill -9 of workers and of the supervisor: only what was in flight there fails, nothing stays."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterable

import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.creators import FIELDS, Ledger, under_load, until_acknowledged
from tests.waiting import until

CLIENTS = 64


async def _kill_workers(cluster: ClusterProcess, times: int, ledger: Ledger) -> None:
    for number in range(times):
        await until_acknowledged(ledger, 100)
        name = f"worker {number % cluster.workers}"
        killed = cluster.kill(name)
        await asyncio.to_thread(
            until, lambda n=name, old=killed: cluster.children().get(n, old) != old, what="restart"
        )
        await asyncio.to_thread(until, cluster.ready, what="ready again")
    await until_acknowledged(ledger, 100)


def _run(cluster: ClusterProcess, kills: int) -> Ledger:
    cluster.collection("ledger", FIELDS)

    async def fault(ledger: Ledger) -> None:
        await _kill_workers(cluster, kills, ledger)

    ledger = asyncio.run(under_load(cluster, fault, clients=CLIENTS))
    assert set(ledger.statuses) == {200}, ledger.statuses
    assert ledger.broken <= kills * CLIENTS, "at most one request a client and kill was in flight"
    ledger.verify(cluster)
    return ledger


def test_a_killed_worker_fails_only_its_own_requests(own_cluster: ClusterProcess) -> None:
    """Two kills: no error answer, and no more broken requests than were in flight."""
    _run(own_cluster, kills=2)


@pytest.mark.long
def test_ten_killed_workers_fail_only_their_own_requests(own_cluster: ClusterProcess) -> None:
    """Ten kills, with the figures."""
    ledger = _run(own_cluster, kills=10)
    print(
        f"\nworkers killed 10 times under {CLIENTS} creators: {len(ledger.acknowledged)} "
        f"acknowledged, 0 missing, {ledger.broken} requests cut off in flight, no error answer"
    )


def _alive(pids: Iterable[int]) -> list[int]:
    found = []
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        found.append(pid)
    return found


def test_a_killed_supervisor_leaves_no_orphan(own_cluster: ClusterProcess) -> None:
    """All children die with it and the port is free for the next cluster at once."""
    children = own_cluster.children()
    port = own_cluster.port
    assert len(children) == 3
    own_cluster.process.send_signal(signal.SIGKILL)
    own_cluster.process.wait(5)
    until(lambda: not _alive(children.values()), what="orphans gone")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
    with ClusterProcess(own_cluster.depot) as again:
        assert again.client(superuser=False).get("/api/health").status_code == 200
