"""SIGHUP under load: workers are replaced one by one and no request fails."""

from __future__ import annotations

import asyncio
import itertools
import signal
import socket
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.cluster_process import ClusterProcess, child_pids
from tests.load import Connection
from tests.waiting import until


@dataclass
class Tally:
    """What the clients saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    stopping: bool = False


async def _ask(tally: Tally, url: str, *, keep_alive: bool, write: bool) -> None:
    connection = Connection(url, keep_alive=keep_alive)
    for number in itertools.count():
        if tally.stopping:
            break
        try:
            if write and number % 2:
                answer = await connection.request(
                    "POST", "/api/collections/ledger/records", {"marker": "rolled"}
                )
            else:
                answer = await connection.request(
                    "GET", "/api/collections/ledger/records?perPage=1"
                )
            tally.statuses[answer.status] += 1
        except ConnectionError as error:
            tally.broken.append(str(error))
    await connection.close()


async def _roll_under_load(cluster: ClusterProcess, *, keep_alive: bool) -> Tally:
    tally = Tally()
    tasks = [
        asyncio.create_task(_ask(tally, cluster.url, keep_alive=keep_alive, write=n % 4 == 0))
        for n in range(16)
    ]
    old = {pid for name, pid in cluster.children().items() if name != "writer"}

    def rolled() -> bool:
        return not old & set(child_pids(cluster.pid)) and cluster.ready()

    try:
        cluster.process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(until, rolled, seconds=60, what="every worker replaced")
    finally:
        tally.stopping = True
        await asyncio.gather(*tasks)
    return tally


def test_a_half_sent_body_does_not_hold_a_reload(own_cluster: ClusterProcess) -> None:
    """Its sender is told to try again; every worker ends by itself, none has to be killed."""
    before = set(own_cluster.children().values()) - {own_cluster.children()["writer"]}
    with socket.create_connection(("127.0.0.1", own_cluster.port), timeout=60) as stalled:
        stalled.sendall(
            b"POST /api/collections/_superusers/auth-with-password HTTP/1.1\r\n"
            b'Host: x\r\nContent-Length: 99\r\n\r\n{"identity'
        )
        own_cluster.process.send_signal(signal.SIGHUP)
        answer = stalled.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503")

    def rolled() -> bool:
        return not before & set(child_pids(own_cluster.pid)) and own_cluster.ready()

    until(rolled, seconds=60, what="every worker replaced")

    def ended() -> set[int]:
        return {one["pid"] for one in own_cluster.events() if one["event"] == "worker ends"}

    until(lambda: ended() == before, what="every worker ended by itself")


@pytest.mark.parametrize("keep_alive", [True, False], ids=["keep-alive", "new connections"])
def test_a_rolling_reload_fails_no_request(own_cluster: ClusterProcess, keep_alive: bool) -> None:
    """Reads and writes go on over TCP while every worker is replaced."""
    own_cluster.collection("ledger", [{"name": "marker", "type": "text"}])
    tally = asyncio.run(_roll_under_load(own_cluster, keep_alive=keep_alive))
    assert not tally.broken, tally.broken[:3]
    assert set(tally.statuses) == {200}
    assert tally.statuses[200] > 50
