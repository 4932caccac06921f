"""Children that die, crash in a loop, refuse or fall silent: the supervisor goes on.

Tests `cluster.supervisor` as a real process.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.limits import RESTART_EARLY_SECONDS, WRITER_SILENT_SECONDS
from tests.cluster.running import StandinCluster
from tests.waiting import until

pytestmark = pytest.mark.alone


def _aged(cluster: StandinCluster) -> None:
    """Wait until every child has been ready for longer than an early death takes."""

    def youngest() -> float:
        ready = [each["time"] for each in cluster.events() if each["event"] == "process is ready"]
        return (datetime.now(UTC) - datetime.fromisoformat(max(ready))).total_seconds()

    until(lambda: youngest() > RESTART_EARLY_SECONDS + 0.2, what="age of the children")


def test_a_killed_worker_is_replaced_at_once(standins: StandinCluster) -> None:
    """A worker that served for a while restarts without delay; the others stay."""
    _aged(standins)
    before = standins.children()
    standins.kill("worker-0")
    until(lambda: standins.children().get("worker-0", before["worker-0"]) != before["worker-0"])
    standins.await_ready()
    after = standins.children()
    assert after["worker-1"] == before["worker-1"]
    assert after["writer"] == before["writer"]
    assert standins.count("process ended", process_name="worker-0", restart_in=0.0) == 1
    assert standins.metric('quill_child_restarts_total{process="worker-0"}') == 1


def test_a_killed_writer_is_replaced_at_once(standins: StandinCluster) -> None:
    """The writer comes back under the same lock while the workers stay."""
    _aged(standins)
    before = standins.children()
    standins.kill("writer")
    until(lambda: standins.children().get("writer", before["writer"]) != before["writer"])
    standins.await_ready()
    assert standins.children()["worker-0"] == before["worker-0"]


def test_a_crash_loop_backs_off_and_never_ends_the_supervisor(standins: StandinCluster) -> None:
    """A worker that dies before it is ready waits longer each time; the rest serves."""
    crash = standins.wish("worker-0.crash")
    other = standins.children()["worker-1"]
    standins.kill("worker-0")
    until(lambda: standins.count("process ended", process_name="worker-0") >= 4, seconds=20)
    delays = [
        event["restart_in"]
        for event in standins.events()
        if event["event"] == "process ended" and event["process_name"] == "worker-0"
    ]
    early = [delay for delay in delays if delay]
    assert early[:3] == [0.1, 0.2, 0.4], delays
    assert standins.process.poll() is None
    status, body = standins.readyz()
    assert (status, body["waiting"]) == (503, ["worker-0"])
    assert {standins.ask() for _ in range(20)} == {other}, "a slot in backoff takes no connections"
    crash.unlink()
    standins.await_ready()
    until(lambda: standins.ask() == standins.children()["worker-0"], what="the slot's socket")


def test_death_right_after_readiness_backs_off(standins: StandinCluster) -> None:
    """Within a second of being ready counts as a failed start."""
    standins.wish("worker-1.once")
    standins.kill("worker-1")
    until(lambda: standins.count("process ended", process_name="worker-1", code=4) == 1)
    delay = next(
        event["restart_in"]
        for event in standins.events()
        if event["event"] == "process ended" and event["code"] == 4
    )
    assert delay > 0
    standins.await_ready()


def test_a_refusal_at_the_first_start_ends_it_with_the_reason(tmp_path: Path) -> None:
    """A writer that cannot work on this depot is not started for ever."""
    cluster = StandinCluster(tmp_path, wishes=("writer.refuse",))
    assert cluster.process.wait(20) == 1
    cluster.stop()
    assert "The writer will not start: the test said so\n" in cluster.log


def test_a_silent_writer_is_killed_and_replaced(standins: StandinCluster) -> None:
    """A stopped writer that has not beaten for ten seconds is killed with SIGKILL."""
    stopped = standins.kill("writer", signal.SIGSTOP)
    until(
        lambda: standins.children().get("writer", stopped) != stopped,
        seconds=WRITER_SILENT_SECONDS + 8,
        what="a new writer",
    )
    standins.await_ready()
    assert standins.count("process ended", process_name="writer", code=-9) == 1
