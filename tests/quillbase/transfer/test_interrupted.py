"""Imports that die, and writers that die in the middle of one: all records come, or none.

Tests `worker.transfer.folder` and `quillbase.cli.writer`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster_process import QUILLBASE, ClusterProcess, upsert_superuser
from tests.quillbase.transfer.commands import csv_file, run
from tests.waiting import until

COUNT = 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files lie that arm the failpoints."""
    return tmp_path_factory.mktemp("armed")


@pytest.fixture(scope="module")
def faulty(folder: Path) -> Iterator[ClusterProcess]:
    """A cluster whose writer can be held before a commit, and killed around it."""
    points = ",".join(
        (
            f"writer.before_commit=hold:{folder}/hold",
            f"writer.before_operation=kill:{folder}/before",
            f"writer.after_commit=kill:{folder}/after",
        )
    )
    depot = folder / "depot"
    with ClusterProcess(depot, workers=1, env={"QUILL_FAILPOINT": points}) as running:
        yield running


def _file(folder: Path) -> str:
    return csv_file(folder / "f.csv", ["title"], [[f"title {n}"] for n in range(COUNT)])


def _start(depot: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [QUILLBASE, "import", "csv", *words, f"--depot={depot}"],
        env={**os.environ, **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _total(cluster: ClusterProcess, name: str) -> int:
    with cluster.client() as client:
        reply = client.get(f"/api/collections/{name}/records")
    return int(reply.json()["totalItems"]) if reply.status_code == 200 else 0


def _next(depot: Path) -> str:
    """What the next import says of the one before."""
    done = run(depot, "import", "csv", "users", os.devnull, "--dry-run")
    assert not (depot / ".staging").exists() or not list((depot / ".staging").glob("*"))
    return done.err


@pytest.mark.parametrize("point", ["before", "after"])
def test_the_writer_is_killed(faulty: ClusterProcess, folder: Path, point: str) -> None:
    """Its successor does what was asked, once; the command does not even notice."""
    file = _file(folder)
    until(faulty.ready, seconds=30, what="ready")
    (folder / point).touch()
    done = run(faulty.depot, "import", "csv", f"posts_{point}", file, "--create")
    assert done.code == 0, done.err
    assert not (folder / point).exists()
    assert _total(faulty, f"posts_{point}") == COUNT


def test_the_command_is_killed_before_it_asks(faulty: ClusterProcess, folder: Path) -> None:
    """Nothing came, and the next import says so and cleans up."""
    env = {"QUILL_FAILPOINT": "import.staged=kill"}
    died = _start(faulty.depot, "early", _file(folder), "--create", env=env)
    died.communicate(timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert list((faulty.depot / ".staging").glob("*/rows.db"))
    assert "into early was interrupted: nothing of it was imported." in _next(faulty.depot)
    assert _total(faulty, "early") == 0


def test_the_command_is_killed_while_the_writer_commits(
    faulty: ClusterProcess, folder: Path
) -> None:
    """All of it came, and the next import says so."""
    (folder / "hold").touch()
    died = _start(faulty.depot, "late", _file(folder), "--create")
    until((folder / "hold.held").exists, seconds=30, what="held before the commit")
    died.kill()
    died.communicate(timeout=60)
    (folder / "hold.held").unlink()
    until(lambda: _total(faulty, "late"), seconds=30, what="the rows")
    assert _total(faulty, "late") == COUNT
    told = f"into late was interrupted: all of its {COUNT} records were imported before."
    assert told in _next(faulty.depot)


def test_an_interrupt_leaves_nothing_behind(faulty: ClusterProcess) -> None:
    """Ctrl-C while records are read."""
    running = _start(faulty.depot, "never", "-", "--create")
    assert running.stdin is not None
    running.stdin.write(b"title\n" + b"x\n" * 5_000)
    running.stdin.flush()
    until(lambda: list((faulty.depot / ".staging").glob("*/rows.db")), seconds=30, what="staging")
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode != 0
    assert b"Traceback" not in told
    assert not (faulty.depot / ".staging").exists()
    assert _total(faulty, "never") == 0


def test_without_a_server(tmp_path: Path) -> None:
    """The command has a writer of its own, and what it wrote is there for the next."""
    depot = tmp_path / "depot"
    upsert_superuser(depot)
    done = run(depot, "import", "csv", "posts", _file(tmp_path), "--create")
    assert (done.code, done.out) == (0, f"{COUNT} records imported into posts.\n"), done.err
    done = run(depot, "export", "csv", "posts", "--fields", "title")
    assert done.out.splitlines() == ["title", *(f"title {n}" for n in range(COUNT))]


@pytest.mark.long
def test_a_lone_writer_is_killed(tmp_path: Path) -> None:
    """Nobody takes its place: the command says that it does not know, and the next one does."""
    depot = tmp_path / "depot"
    upsert_superuser(depot)
    (tmp_path / "armed").touch()
    env = {"QUILL_FAILPOINT": f"writer.after_commit=kill:{tmp_path}/armed"}
    died = _start(depot, "posts", _file(tmp_path), "--create", env=env)
    out, told = died.communicate(timeout=60)
    assert died.returncode == 0, told
    assert out == f"{COUNT} records imported into posts.\n".encode()
    (tmp_path / "armed").touch()
    env = {"QUILL_FAILPOINT": f"writer.before_commit=kill:{tmp_path}/armed"}
    died = _start(depot, "others", _file(tmp_path), "--create", env=env)
    _, told = died.communicate(timeout=60)
    assert died.returncode == 1
    assert b"not known yet" in told
    assert "into others was interrupted: nothing of it was imported." in _next(depot)
