"""A first start that is ended while it prepares its depot: all of a migration or nothing, then on.

Tests `worker.prepare.stages` and `cluster.preparation` from outside.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster_process import ClusterProcess, child_pids, command_line
from tests.waiting import until

_PROGRAM = """
import os, time
from pathlib import Path

def up(depot):
    depot.run("CREATE TABLE made(x)")
    here = Path({folder!r})
    (here / "planned").touch()
    while (here / "planned").exists() and (here / "wait").exists():
        time.sleep(0.01)
    if (here / "hold").exists():
        (here / "hold").rename(here / "commit")
"""
_FAILPOINT = "writer.before_commit=hold:{folder}/commit"


class Start:
    """A first start of a depot with a migration, a program that does what `folder` tells it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.depot = folder, folder / "depot"
        scripts = self.depot / "migrations" / "main"
        scripts.mkdir(parents=True)
        (scripts / "U1__make.py").write_text(_PROGRAM.format(folder=str(folder)))
        self._running: list[ClusterProcess] = []

    def begin(self) -> ClusterProcess:
        """A server that is not awaited."""
        env = {"QUILL_FAILPOINT": _FAILPOINT.format(folder=self.folder)}
        self._running.append(ClusterProcess(self.depot, workers=1, env=env))
        return self._running[-1]

    def end(self) -> None:
        for one in self._running:
            one.stop()

    def state(self) -> tuple[int, int]:
        """Whether the table is there, and how many migrations the history tells."""
        with closing(sqlite3.connect(self.depot / "data" / "main.db")) as connection:
            count = "SELECT count(*) FROM sqlite_schema WHERE name = ?"
            (made,) = connection.execute(count, ("made",)).fetchone()
            (known,) = connection.execute(count, ("_schema_history",)).fetchone()
            if known:
                (known,) = connection.execute("SELECT count(*) FROM _schema_history").fetchone()
        return made, known


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Nothing runs after it."""
    started = Start(tmp_path)
    yield started
    (tmp_path / "commit.held").unlink(missing_ok=True)
    started.end()


def _goes_on(start: Start, *, applies: bool) -> None:
    """The next start serves, and its log tells the migration where it was left to it."""
    for name in ("wait", "hold", "planned"):
        (start.folder / name).unlink(missing_ok=True)
    with start.begin() as again:
        assert start.state() == (1, 1)
        told = [event["event"] for event in again.events()]
        assert ("migration is applied" in told) is applies
        assert again.client(superuser=False).get("/api/health").status_code == 200


def test_sigterm_while_a_migration_is_planned(start: Start) -> None:
    """The server ends as ever, its children with it; nothing is applied, the next start does it."""
    (start.folder / "wait").touch()
    running = start.begin()
    until((start.folder / "planned").exists, what="the program")
    children = child_pids(running.pid)
    assert running.stop() == 0
    assert running.events()[-1]["event"] == "cluster ended"
    until(lambda: not any(map(command_line, children)), what="the end of all children")
    assert start.state() == (0, 0)
    _goes_on(start, applies=True)


def test_sigterm_while_the_writer_applies_it(start: Start) -> None:
    """It may finish what it has begun: then the next start has nothing to do."""
    (start.folder / "hold").touch()
    running = start.begin()
    held = start.folder / "commit.held"
    until(held.exists, what="the writer")
    running.process.terminate()
    until(lambda: "cluster drains" in "".join(running.log), what="the drain")
    held.unlink()
    assert running.stop() == 0
    made, known = start.state()
    assert made == known
    _goes_on(start, applies=not made)


@pytest.mark.long
def test_sigterm_while_a_writer_does_not_come_to_its_end(start: Start) -> None:
    """After its seconds it is killed, which leaves the old state."""
    (start.folder / "hold").touch()
    running = start.begin()
    until((start.folder / "commit.held").exists, what="the writer")
    assert running.stop() == 0
    (start.folder / "commit.held").unlink()
    assert start.state() == (0, 0)
    _goes_on(start, applies=True)


@pytest.mark.parametrize("whom", ["prepare", "supervisor"])
def test_sigkill_while_a_migration_is_planned(start: Start, whom: str) -> None:
    """Of the preparation: the start is refused in a sentence. Of the supervisor: all end."""
    (start.folder / "wait").touch()
    running = start.begin()
    until((start.folder / "planned").exists, what="the program")
    children = child_pids(running.pid)
    (prepare,) = (pid for pid in children if "worker.prepare" in command_line(pid))
    os.kill(prepare if whom == "prepare" else running.pid, signal.SIGKILL)
    code = running.process.wait(30)
    until(lambda: not any(map(command_line, children)), what="the end of all children")
    if whom == "prepare":
        assert code == 1
        until(lambda: "depot ended before it was done" in "".join(running.log), what="the reason")
    assert start.state() == (0, 0)
    _goes_on(start, applies=True)
