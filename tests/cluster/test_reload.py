"""SIGHUP replaces workers one by one, the successor first: `cluster.rolling`."""

from __future__ import annotations

import signal
import threading

import httpx

from tests.cluster.running import StandinCluster
from tests.cluster_process import child_pids
from tests.waiting import until


def test_reload_replaces_every_worker_without_a_failed_request(standins: StandinCluster) -> None:
    """Requests on new connections all succeed while both workers are replaced."""
    before = standins.children()
    failures: list[Exception] = []
    answers: list[int] = []
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            try:
                answers.append(standins.ask())
            except httpx.HTTPError as error:
                failures.append(error)

    clients = [threading.Thread(target=load) for _ in range(3)]
    for client in clients:
        client.start()
    standins.process.send_signal(signal.SIGHUP)
    until(lambda: standins.count("reload done") == 1, seconds=30)
    after = standins.children()
    stop.set()
    for client in clients:
        client.join()
    assert failures == []
    assert after["writer"] == before["writer"]
    assert after["worker-0"] != before["worker-0"]
    assert after["worker-1"] != before["worker-1"]
    assert set(answers) <= set(before.values()) | set(after.values())
    assert standins.metric('quill_child_restarts_total{process="worker-0"}') is None


def test_a_successor_that_fails_leaves_the_old_worker_in_place(standins: StandinCluster) -> None:
    """A broken new version stops the reload and costs nothing."""
    before = standins.children()
    standins.wish("worker-0.crash")
    standins.process.send_signal(signal.SIGHUP)
    until(lambda: standins.count("reload given up; the old workers go on") == 1)
    assert standins.children() == before
    assert standins.readyz()[0] == 200
    assert {standins.ask() for _ in range(10)} <= set(before.values())


def test_two_reloads_in_a_row_end_ready(standins: StandinCluster) -> None:
    """A reload asked for during a reload adds a second round; no process is left over."""
    before = set(standins.children().values())
    for _ in range(2):
        standins.process.send_signal(signal.SIGHUP)
    until(lambda: standins.count("reload done") >= 1, seconds=30)
    until(lambda: len(child_pids(standins.pid)) == 3, what="three children")
    standins.await_ready()
    assert len(before & set(standins.children().values())) == 1, "only the writer stays"
