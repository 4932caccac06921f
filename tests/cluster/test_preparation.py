"""What is done to a depot before workers may serve: `cluster.preparation`, `cluster.signals`."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx

from tests.cluster.running import StandinCluster
from tests.waiting import until


def test_workers_wait_until_the_depot_is_prepared(tmp_path: Path) -> None:
    """The writer names a reason: nobody serves before it is done, and /readyz says what is done."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        ops_port = free.getsockname()[1]
    wishes = ("pending", "prepare.hold")
    running = StandinCluster(tmp_path, f"--ops-port={ops_port}", wishes=wishes)
    try:
        until(lambda: running.count("the depot is prepared") == 1)
        until(lambda: "prepare" in running.children())
        assert running.banner == []
        told = httpx.get(f"http://127.0.0.1:{ops_port}/readyz", timeout=5)
        assert told.status_code == 503
        assert told.json()["reason"] == "settings or migrations are being applied"
        (running.wishes / "prepare.hold").unlink()
        until(lambda: len(running.banner) > 0)
        assert running.ask() in running.children().values()
        assert "prepare" not in running.children()
    finally:
        assert running.stop() == 0


def test_reloads_that_come_too_early_keep_nobody_waiting(tmp_path: Path) -> None:
    """Before the writer is there, and again while the depot is prepared for the first workers."""
    wishes = ("pending", "prepare.hold", "writer.hold")
    running = StandinCluster(tmp_path, wishes=wishes)
    try:
        until(lambda: "writer" in running.children())
        until(lambda: running.count("process started", process_name="worker-1") == 1)
        running.process.send_signal(signal.SIGHUP)
        (running.wishes / "writer.hold").unlink()
        until(lambda: running.count("the depot is prepared") == 1)
        running.process.send_signal(signal.SIGHUP)
        (running.wishes / "prepare.hold").unlink()
        until(lambda: len(running.banner) > 0, what="the workers")
        until(lambda: running.count("reload done") == 1, seconds=30)
    finally:
        assert running.stop() == 0


def test_a_preparation_that_fails_refuses_the_start(tmp_path: Path) -> None:
    """Its reason is told, and nothing is left running."""
    running = StandinCluster(tmp_path, wishes=("pending", "prepare.refuse"))
    assert running.process.wait(20) == 1
    running.stop()
    assert "the test said so\n" in running.log
    assert running.banner == []


def test_a_preparation_that_dies_refuses_the_start(tmp_path: Path) -> None:
    """Nobody knows how far it came."""
    running = StandinCluster(tmp_path, wishes=("pending", "prepare.crash"))
    assert running.process.wait(20) == 1
    running.stop()
    assert "The preparation of the depot ended before it was done.\n" in running.log


def test_a_reload_is_prepared_first_and_given_up_where_that_fails(
    standins: StandinCluster,
) -> None:
    """The workers that serve go on; a later reload, prepared well, replaces them."""
    before = standins.children()
    standins.wish("prepare.refuse")
    standins.process.send_signal(signal.SIGHUP)
    told = {"reason": "the test said so"}
    until(lambda: standins.count("reload given up; the old workers go on", **told) == 1)
    assert standins.children() == before
    (standins.wishes / "prepare.refuse").unlink()
    standins.process.send_signal(signal.SIGHUP)
    until(lambda: standins.count("reload done") == 1, seconds=30)
    assert standins.children()["worker-0"] != before["worker-0"]


def test_a_cluster_that_ends_does_not_wait_for_a_preparation(tmp_path: Path) -> None:
    """It is killed, and the drain is an ordinary one."""
    running = StandinCluster(tmp_path, wishes=("pending", "prepare.hold"))
    until(lambda: "prepare" in running.children())
    assert running.stop() == 0


def test_the_replacement_signal_drains_and_says_so(standins: StandinCluster) -> None:
    """The exit code tells that a replacement is asked for; SIGTERM meanwhile means the end."""
    standins.wish("worker-0.stubborn")
    standins.process.send_signal(signal.SIGUSR1)
    until(lambda: standins.count("cluster drains", reason="replacement") == 1)
    standins.process.send_signal(signal.SIGTERM)
    standins.process.send_signal(signal.SIGINT)
    assert standins.process.wait(20) == 0
