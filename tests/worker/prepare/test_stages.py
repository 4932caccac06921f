"""What a start and a reload make of settings that cannot be accepted: `worker.prepare.stages`.

Names `worker.prepare.__main__`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cluster_process import ClusterProcess
from tests.waiting import until

_BAD = "server { application_name: \n"


def _count(running: ClusterProcess, event: str) -> int:
    return sum(each["event"] == event for each in running.events())


def test_settings_that_are_refused(tmp_path: Path) -> None:
    """They refuse a first start and end a reload; a later start goes on with the accepted ones."""
    depot = tmp_path / "depot"
    depot.mkdir()
    config = depot / "config.textproto"
    config.write_text(_BAD)
    first = ClusterProcess(depot, workers=1)
    assert first.process.wait(30) == 1
    first.stop()
    assert any(line.startswith("The settings are refused. ") for line in first.log), first.log

    config.write_text('server { application_name: "Notes" }\n')
    with ClusterProcess(depot, workers=1) as running:
        before = running.children()
        config.write_text(_BAD)
        running.process.send_signal(signal.SIGHUP)
        until(lambda: _count(running, "reload given up; the old workers go on") == 1)
        assert running.children() == before
    with ClusterProcess(depot, workers=1) as running:
        assert _count(running, "the depot is prepared") == 1
        assert _count(running, "settings are refused; those accepted before stay") >= 1


def test_it_says_how_it_is_called() -> None:
    """Without a run directory there is nothing to prepare."""
    command = [sys.executable, "-P", "-m", "worker.prepare"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: ")
