"""The source is never changed, and the depot is the old one or the new one, whatever happens.

Tests `quillbase.cli.import_pocketbase.command`, `quillbase.cli.import_pocketbase.work`,
`worker.pb_data.source`, `worker.pb_data.target`, `worker.engine.offline`, `shared.sqlite.foreign`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.depot import Depot
from shared.depot.layout import DepotLayout
from tests.cluster_process import ClusterProcess
from tests.quillbase.import_pocketbase.folder import PB_DATA, import_well, run_import
from tests.waiting import until

NEW_RECORD = "walrecordwalrec"
_WRITE_AND_DIE = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA wal_autocheckpoint = 0")
database.execute("INSERT INTO demo2 (id, title, active) VALUES (?, 'from the log', 1)", [sys.argv[2]])
os.kill(os.getpid(), signal.SIGKILL)
"""


def _state(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder",
            path.stat().st_mtime_ns,
        )
        for path in [folder, *folder.rglob("*")]
    }


def _titles(depot: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(depot / "data/main.db")) as database:
        return [row[0] for row in database.execute("SELECT title FROM demo2 ORDER BY _rowid_")]


def _feed(depot: Path) -> int:
    with contextlib.closing(sqlite3.connect(depot / "data/main.db")) as database:
        return int(database.execute("SELECT feed FROM _head").fetchall()[0][0])


def _dump(depot: Path) -> list[str]:
    """All rows that are not the change log's own."""
    with contextlib.closing(sqlite3.connect(depot / "data/main.db")) as database:
        tables = [
            row[0]
            for row in database.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
            )
            if row[0] not in {"_head", "_change", "_commit", "_batch"}
        ]
        return [
            f"{table}: {row}"
            for table in tables
            for row in database.execute(f'SELECT * FROM "{table}"')
        ]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a live server's folder: a process was killed that had just written to it."""
    folder = tmp_path_factory.mktemp("live") / "pb_data"
    shutil.copytree(PB_DATA, folder)
    command = [sys.executable, "-c", _WRITE_AND_DIE, str(folder / "data.db"), NEW_RECORD]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (folder / "data.db-wal").stat().st_size > 0
    (folder / "data.db-shm").unlink()
    return folder


def test_writes_that_are_only_in_the_log_come_along(live: Path, tmp_path: Path) -> None:
    """And the folder is byte for byte what it was: no file was made, merged or touched."""
    before = _state(live)
    import_well(live, tmp_path / "depot")
    assert _state(live) == before
    assert _titles(tmp_path / "depot") == ["test1", "test2", "test3", "from the log"]


def test_a_dry_run_tells_all_and_leaves_nothing(tmp_path: Path) -> None:
    """The same report; no depot, no temporary folder."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    report = tmp_path / "report.json"
    words = ("--dry-run", "--report", str(report))
    done = run_import(PB_DATA, tmp_path / "depot", *words, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert "A dry run: nothing was kept." in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "temporary"]
    assert list(temporary.iterdir()) == []
    told = json.loads(report.read_bytes())
    assert told["replaced"] is False
    assert {one["name"]: one["records"] for one in told["collections"]}["demo3"] == 4


def _damage(folder: Path) -> None:
    with (folder / "data.db").open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096)


def _not_sqlite(folder: Path) -> None:
    (folder / "data.db").write_bytes(
        b"something else, long enough to be a header of a database " * 9
    )


def _older(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "data.db")) as database:
        database.execute("ALTER TABLE _collections RENAME COLUMN fields TO schema")


def _unrelated(folder: Path) -> None:
    (folder / "data.db").unlink()
    with contextlib.closing(sqlite3.connect(folder / "data.db")) as database:
        database.execute("CREATE TABLE t(x)")


def _gone(folder: Path) -> None:
    (folder / "data.db").unlink()


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (_damage, "damaged"),
        (_not_sqlite, "damaged"),
        (_older, "before 0.23"),
        (_unrelated, "no table _collections"),
        (_gone, "no data folder of PocketBase"),
    ],
)
def test_what_cannot_be_imported_is_refused(
    harm: Callable[[Path], None], reason: str, tmp_path: Path
) -> None:
    """In a sentence; and no depot is left that was not there."""
    folder = tmp_path / "pb_data"
    shutil.copytree(PB_DATA, folder)
    harm(folder)
    before = _state(folder)
    done = run_import(folder, tmp_path / "depot")
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert _state(folder) == before
    assert not (tmp_path / "depot").exists()


def test_data_is_replaced_only_when_asked(depot: Path, live: Path, tmp_path: Path) -> None:
    """Refused without --replace; with it, all of the old goes, and the log begins anew."""
    own = tmp_path / "depot"
    shutil.copytree(depot, own)
    (own / "uploads" / "old.txt").write_text("of before")
    (own / "secrets").mkdir(exist_ok=True)
    (own / "secrets/secrets.textproto").write_text("of before")
    before, feed = _dump(own), _feed(own)
    done = run_import(live, own)
    assert done.returncode == 1
    assert "--replace" in done.stderr
    assert (_dump(own), _feed(own)) == (before, feed)
    import_well(PB_DATA, own, "--replace")
    assert _dump(own) == before, "an import of the same is the same"
    assert _feed(own) != feed
    assert not (own / "uploads" / "old.txt").exists()
    assert (own / "secrets/secrets.textproto").read_bytes() == b""
    assert not (own / ".incoming").exists()
    import_well(live, own, "--replace")
    assert len(_titles(own)) == 4


@pytest.mark.parametrize("inside", ["", "depot"])
def test_the_source_cannot_be_the_depot(live: Path, inside: str) -> None:
    """Nor hold it."""
    before = _state(live)
    done = run_import(live, live / inside)
    assert done.returncode == 1
    assert "never changed" in done.stderr
    assert _state(live) == before


def test_a_depot_that_is_served_is_left_alone(imported: ClusterProcess) -> None:
    """The refusal names who holds it."""
    done = run_import(PB_DATA, imported.depot, "--replace")
    assert done.returncode == 1
    assert "in use" in done.stderr


@pytest.mark.parametrize(
    ("point", "titles", "told"),
    [
        ("import.read", 3, "was discarded"),
        ("import.files_copied", 3, "was discarded"),
        ("import.written", 3, "was discarded"),
        ("depot.decided", 4, "was completed"),
        ("depot.replacing", 4, "was completed"),
    ],
)
def test_a_killed_import_is_the_old_state_or_the_new(
    point: str,
    titles: int,
    told: str,
    depot: Path,
    live: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whoever takes the depot next is told which."""
    own = tmp_path / "depot"
    shutil.copytree(depot, own)
    done = run_import(live, own, "--replace", QUILL_FAILPOINT=f"{point}=kill")
    assert done.returncode == -signal.SIGKILL
    Depot.take(own).close()
    sentence = capfd.readouterr().err
    assert told in sentence
    assert f"import of {live}" in sentence
    assert len(_titles(own)) == titles
    assert not DepotLayout(own).incoming.exists()
    assert not DepotLayout(own).replacement.exists()


def test_an_interrupted_command_leaves_nothing(depot: Path, live: Path, tmp_path: Path) -> None:
    """Ctrl-C while it works: the depot is as it was, and nothing lies about in it."""
    own = tmp_path / "depot"
    shutil.copytree(depot, own)
    hold = tmp_path / "hold"
    hold.touch()
    env = {**os.environ, "QUILL_FAILPOINT": f"import.files_copied=hold:{hold}"}
    command = [sys.executable, "-m", "quillbase", "import", "pocketbase", str(live)]
    running = subprocess.Popen(
        [*command, "--depot", str(own), "--replace"], env=env, stderr=subprocess.DEVNULL
    )
    held = hold.with_name("hold.held")
    until(held.exists, seconds=30, what="the failpoint")
    running.send_signal(signal.SIGINT)
    assert running.wait(30) != 0
    assert not DepotLayout(own).incoming.exists()
    assert len(_titles(own)) == 3
