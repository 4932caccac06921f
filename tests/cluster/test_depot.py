"""The depot's lock and the run directory it names."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from cluster.depot import Depot, lock_file, read_holder
from cluster.refusal import Refusal
from shared.settings import Settings, load
from tests.waiting import until


def test_a_missing_depot_is_made_and_locked(tmp_path: Path) -> None:
    """The lock names its holder and the run directory; closing removes both."""
    path = tmp_path / "a" / "depot"
    depot = Depot.take(path)
    run = depot.make_run_directory(Settings(port=1))
    holder = read_holder(path)
    assert holder is not None
    assert (holder.pid, holder.run_directory) == (os.getpid(), str(run.path))
    assert load(run.settings).port == 1
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o700
    depot.close()
    assert not run.path.exists()
    assert read_holder(path) is None


def test_a_locked_depot_is_refused(tmp_path: Path) -> None:
    """At once, naming the holder; the holder's files stay as they are."""
    depot = Depot.take(tmp_path)
    run = depot.make_run_directory(Settings())
    before = lock_file(tmp_path).read_bytes()
    with pytest.raises(Refusal, match=f"in use by process {os.getpid()}, .* {run.path}"):
        Depot.take(tmp_path)
    assert lock_file(tmp_path).read_bytes() == before
    depot.close()
    Depot.take(tmp_path).close()


def test_a_command_is_waited_for(tmp_path: Path) -> None:
    """A lock that is held for a moment only delays the next one."""
    command = Depot.take(tmp_path)
    command.make_run_directory(Settings(), brief=True)
    taken: list[Depot] = []
    waiting = threading.Thread(target=lambda: taken.append(Depot.take(tmp_path)))
    waiting.start()
    waiting.join(0.1)
    assert not taken
    command.close()
    until(lambda: taken, what="the lock")
    waiting.join()
    taken[0].close()


def test_the_run_directory_of_a_killed_holder_is_removed(tmp_path: Path) -> None:
    """Only one that has our prefix: the lock file's content is not trusted further."""
    for name, removed in (("quill-stale", True), ("precious", False)):
        left = tmp_path / name
        left.mkdir()
        depot = Depot.take(tmp_path / "depot")
        lock_file(tmp_path / "depot").write_text(f'{{"pid":1,"run_directory":"{left}"}}')
        depot.make_run_directory(Settings())
        assert left.exists() is not removed
        depot.close()


def test_a_killed_holder_is_nobody_once_the_lock_is_taken(tmp_path: Path) -> None:
    """Others would signal its pid, which may be another process by now."""
    left = tmp_path / "quill-stale"
    left.mkdir()
    depot = tmp_path / "depot"
    Depot.take(depot).close()
    lock_file(depot).write_text(f'{{"pid":1,"run_directory":"{left}"}}')
    taken = Depot.take(depot)
    assert read_holder(depot) is None
    assert not left.exists()
    taken.close()


def test_a_long_temporary_folder_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Socket paths are at most 107 bytes; systemd's RuntimeDirectory comes first."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(long))
    depot = Depot.take(tmp_path / "depot")
    run = depot.make_run_directory(Settings())
    assert not run.path.is_relative_to(long)
    assert len(run.worker(255)) < 107 + len("ipc://")
    depot.close()
