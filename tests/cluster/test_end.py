"""How a cluster ends: drained, impatient, or killed."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from tests.cluster.running import StandinCluster, gone
from tests.waiting import until


def test_sigterm_drains_workers_and_then_the_writer(standins: StandinCluster) -> None:
    """Everything ends, in order, with exit code 0 and nothing left behind."""
    run, children = standins.run_directory(), standins.children()
    assert standins.end_with(signal.SIGTERM) == 0
    assert all(gone(pid) for pid in children.values())
    assert not run.exists()
    assert (standins.depot / "data" / "writer.lock").read_bytes() == b""


def test_the_writer_outlives_the_last_worker(standins: StandinCluster) -> None:
    """While a worker still drains, its writer still answers."""
    standins.wish("worker-0.stubborn")
    children = standins.children()
    standins.process.send_signal(signal.SIGTERM)
    until(lambda: gone(children["worker-1"]))
    assert not gone(children["worker-0"])
    assert not gone(children["writer"])
    os.kill(children["worker-0"], signal.SIGKILL)
    assert standins.process.wait(20) == 0
    assert gone(children["writer"])


def test_a_second_interrupt_does_not_wait_for_the_drain(standins: StandinCluster) -> None:
    """Ctrl-C twice kills what does not drain; children ignore it themselves."""
    standins.wish("worker-0.stubborn")
    child = standins.children()["worker-0"]
    os.kill(child, signal.SIGINT)
    standins.process.send_signal(signal.SIGINT)
    until(lambda: standins.count("cluster drains") == 1)
    assert not gone(child)
    assert standins.end_with(signal.SIGINT) == 0
    assert gone(child)


def test_a_killed_supervisor_leaves_no_orphan_and_no_port(standins: StandinCluster) -> None:
    """Its children die with it, so that the port and the depot are free at once."""
    children, port, folder = standins.children(), standins.port, standins.depot.parent
    stale = standins.run_directory()
    standins.process.kill()
    standins.process.wait()
    until(lambda: all(gone(pid) for pid in children.values()), what="the children's death")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        probe.listen()
    standins.stop()
    with StandinCluster(folder, port=port) as again:
        assert isinstance(again, StandinCluster)
        again.await_ready()
        assert not stale.exists(), "the next start removes the stale run directory"


def test_children_share_the_group_and_say_their_names(standins: StandinCluster) -> None:
    """One `kill -- -PGID` reaches all of them."""
    group = os.getpgid(standins.pid)
    assert {os.getpgid(pid) for pid in standins.children().values()} == {group}
    assert b"supervisor" in Path(f"/proc/{standins.pid}/cmdline").read_bytes()
