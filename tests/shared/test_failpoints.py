"""Failpoints: inert when unset, and each action does what it says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import until

REACH = (
    "from shared import failpoints; print(failpoints.ACTIVE, flush=True); failpoints.reach('a.b')"
)


def _start(setting: str | None) -> subprocess.Popen[str]:
    env = {key: value for key, value in os.environ.items() if key != "QUILL_FAILPOINT"}
    if setting is not None:
        env["QUILL_FAILPOINT"] = setting
    return subprocess.Popen(
        [sys.executable, "-P", "-c", REACH],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=20)
    return process.returncode, output.strip(), errors


def test_an_unset_failpoint_is_inert() -> None:
    """Nothing is active, nothing happens."""
    assert _end(_start(None)) == (0, "False", "")


def test_another_failpoint_does_not_stop_this_one() -> None:
    """Only the named place acts."""
    assert _end(_start("other=kill")) == (0, "True", "")


def test_kill_kills_at_the_first_pass() -> None:
    """The process dies by SIGKILL."""
    assert _end(_start("a.b=kill"))[0] == -signal.SIGKILL


def test_kill_with_a_file_waits_for_the_file(tmp_path: Path) -> None:
    """Without the file nothing happens; with it one pass dies and takes the file along."""
    trigger = tmp_path / "die"
    assert _end(_start(f"a.b=kill:{trigger}"))[0] == 0
    trigger.touch()
    assert _end(_start(f"a.b=kill:{trigger}"))[0] == -signal.SIGKILL
    assert _end(_start(f"a.b=kill:{trigger}"))[0] == 0


def test_hold_waits_until_it_is_released(tmp_path: Path) -> None:
    """One pass waits for its file to be removed."""
    hold, held = tmp_path / "hold", tmp_path / "hold.held"
    hold.touch()
    process = _start(f"x=kill,a.b=hold:{hold}")
    until(held.exists, what="held")
    assert process.poll() is None
    held.unlink()
    assert _end(process)[0] == 0


def test_a_setting_that_cannot_be_read_stops_the_process() -> None:
    """A misspelt failpoint would make a test pass for nothing."""
    code, _, errors = _end(_start("a.b=explode"))
    assert code == 1
    assert "QUILL_FAILPOINT" in errors
