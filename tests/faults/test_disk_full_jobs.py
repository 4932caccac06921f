"""A full disk under the work on whole depots: backup, restore, migration, import.

Each ends with a sentence and leaves the old state or the new one, nothing half made, and a server
that goes on.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from shared.sqlite.connect import open_writer
from shared.sqlite.copy import CopyError, copy_database, faults_of
from tests.cluster_process import QUILLBASE, ClusterProcess
from tests.small_disk import filled, small_disk
from tests.waiting import until
from worker.backups import verify
from worker.backups.create import BackupError, NoRoomError, lacks_room
from worker.backups.verify import database_faults

_MIB = 1024
_PB_DATA = Path(__file__).parents[1] / "fixtures" / "pocketbase" / "pb_data"
_NOTES = "/api/collections/notes/records"
_GROW = """CREATE TABLE grown(x);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 2000)
INSERT INTO grown SELECT hex(randomblob(1000)) FROM c;
"""
HELD, STAGING = "backup.held", "backup.staging"
_NO_ROOM = ("The disk is full", "disk is full", "No space left on device")


class Stage(NamedTuple):
    """A disk, and a server on the depot that it holds."""

    disk: Path
    cluster: ClusterProcess
    client: httpx.Client

    @property
    def depot(self) -> Path:
        return self.disk / "depot"

    def notes(self) -> int:
        """Notes as the API tells them."""
        return int(self.client.get(_NOTES).raise_for_status().json()["totalItems"])

    @contextmanager
    def filled(self, *, left: int = 0) -> Iterator[None]:
        """Within the block the disk is full, and the server's writer has no ballast to give up.

        Else one of its chores might make room for the job that is to find none.
        """
        (self.depot / "data" / "ballast").unlink(missing_ok=True)
        with filled(self.disk, left=left):
            yield

    def goes_on(self) -> None:
        """Writes are accepted again, and all processes are those of the beginning."""
        body = {"text": "after"}
        until(lambda: self.client.post(_NOTES, json=body).status_code == 200, what="a write")
        assert self.cluster.process.poll() is None


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """160 MiB, of which a backup asks for 64 to spare; one note, one upload and one backup."""
    with small_disk(tmp_path_factory.mktemp("full") / "disk", 160 * _MIB) as disk:
        (disk / "depot/uploads/c/r").mkdir(parents=True)
        (disk / "depot/uploads/c/r/a.bin").write_bytes(os.urandom(100_000))
        held = ",".join(f"{name}=hold:{disk.parent / name}" for name in (HELD, STAGING))
        with ClusterProcess(disk / "depot", workers=1, env={"QUILL_FAILPOINT": held}) as cluster:
            cluster.collection("notes", [{"name": "text", "type": "text"}])
            client = cluster.client()
            assert client.post(_NOTES, json={"text": "before"}).status_code == 200
            assert quillbase(disk / "depot", "backup", "create", "--name=good")[0] == 0
            yield Stage(disk, cluster, client)


def quillbase(depot: Path, *words: str) -> tuple[int, str]:
    """Run a command on a depot; its exit code and what it said, which is never a traceback."""
    done = subprocess.run(
        [QUILLBASE, *words, "--depot", str(depot)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return done.returncode, said


def refused_for_room(depot: Path, *words: str) -> str:
    """Run a command that has to end with a sentence about the disk."""
    code, said = quillbase(depot, *words)
    assert code == 1, said
    assert any(word in said for word in _NO_ROOM), said
    return said


def refused_when_filled(stage: Stage, failpoint: str, *words: str) -> None:
    """The same, of one that found enough room before; the disk is filled while it is held."""
    flag = stage.disk.parent / "flag"
    flag.touch()
    held = flag.with_name("flag.held")
    process = subprocess.Popen(
        [QUILLBASE, *words, "--depot", str(stage.depot)],
        env={**os.environ, "QUILL_FAILPOINT": f"{failpoint}=hold:{flag}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        until(held.exists, what=failpoint)
        with stage.filled():
            held.unlink()
            said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "Traceback" not in said
    assert any(word in said for word in _NO_ROOM), said


def test_a_backup_leaves_nothing(stage: Stage) -> None:
    """No zip under its name, no draft; the next one is made."""
    refused_when_filled(stage, "backup.held", "backup", "create", "--name=late")
    assert {path.name for path in (stage.depot / "backups").iterdir()} == {".lock", "good.zip"}
    stage.goes_on()
    assert quillbase(stage.depot, "backup", "create", "--name=late")[0] == 0
    assert quillbase(stage.depot, "backup", "delete", "late.zip")[0] == 0


def test_a_restore_leaves_the_old_state(stage: Stage) -> None:
    """Nothing staged, no journal, the same server with the same records."""
    notes, writer = stage.notes(), stage.cluster.children()["writer"]
    refused_when_filled(stage, "backup.staging", "backup", "restore", "good.zip")
    assert not (stage.depot / ".incoming").exists()
    assert not (stage.depot / "replacement.json").exists()
    assert (stage.notes(), stage.cluster.children()["writer"]) == (notes, writer)
    stage.goes_on()


def answered_507(reply: httpx.Response) -> None:
    """As every write to a full disk, with a sentence about it."""
    assert reply.status_code == 507, reply.text
    assert reply.headers["quill-outcome"] == "not-applied"
    assert reply.json()["status"] == 507
    assert any(word in reply.json()["message"] for word in (*_NO_ROOM, "bytes free")), reply.text


def test_over_http_no_job_begins_without_room(stage: Stage) -> None:
    """507 for whatever is asked for; nothing is made, and the server goes on."""
    before = sorted(path.name for path in (stage.depot / "backups").iterdir())
    file = {"file": ("sent.zip", (stage.depot / "backups/good.zip").read_bytes())}
    with stage.filled():
        answered_507(stage.client.post("/api/backups", json={"name": "http.zip"}))
        answered_507(stage.client.post("/api/backups/good.zip/restore"))
        reply = stage.client.post("/api/backups/upload", files=file)
        assert (reply.status_code, reply.headers["quill-outcome"]) == (507, "not-applied")
    assert sorted(path.name for path in (stage.depot / "backups").iterdir()) == before
    stage.goes_on()


@pytest.mark.parametrize(
    ("failpoint", "path", "body"),
    [
        (HELD, "/api/backups", {"name": "http.zip"}),
        (STAGING, "/api/backups/good.zip/restore", None),
    ],
)
def test_over_http_a_disk_that_runs_full_is_told(
    stage: Stage, failpoint: str, path: str, body: dict[str, str] | None
) -> None:
    """The job found enough room, and the disk is filled while it is held."""
    notes, flag = stage.notes(), stage.disk.parent / failpoint
    held = flag.with_name(f"{failpoint}.held")
    flag.touch()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(stage.client.post, path, json=body, timeout=60)
        until(held.exists, what=failpoint)
        with stage.filled():
            held.unlink()
            answered_507(asked.result(60))
    assert {one.name for one in (stage.depot / "backups").iterdir()} == {".lock", "good.zip"}
    assert not (stage.depot / ".incoming").exists()
    assert stage.notes() == notes
    stage.goes_on()


def test_a_database_that_cannot_be_looked_at_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite needs a little room for the shared memory of a WAL; that it has none is said."""
    with small_disk(tmp_path / "disk", 8 * _MIB) as disk:
        path = disk / "copy.db"
        with closing(open_writer(path)) as connection:
            connection.execute("CREATE TABLE t(x)")
        assert faults_of(path) == []
        with filled(disk):
            with pytest.raises(CopyError, match="disk is full") as caught:
                database_faults(path)
            assert lacks_room(caught.value)
            monkeypatch.setattr(verify, "faults_of", lambda _: [])  # as if it ran full after that
            with pytest.raises(NoRoomError, match="disk is full"):
                database_faults(path)
    assert not lacks_room(BackupError("There is a backup good.zip already."))


def test_a_copy_without_room_says_so(tmp_path: Path) -> None:
    """Also where SQLite has no words for it."""
    with (
        small_disk(tmp_path / "disk", 8 * _MIB) as disk,
        closing(open_writer(disk / "source.db")) as connection,
    ):
        connection.execute("CREATE TABLE t AS SELECT zeroblob(1000000) AS x")
        with filled(disk), pytest.raises(CopyError, match="the disk is full") as caught:
            copy_database(disk / "source.db", disk / "target.db", lambda _: None)
    assert lacks_room(caught.value)


def test_a_migration_is_applied_or_not(stage: Stage) -> None:
    """It names the file; with room again it is applied as if nothing had been."""
    folder = stage.depot / "migrations" / "main"
    folder.mkdir(parents=True)
    (folder / "U1__grow.sql").write_text(_GROW)
    with filled(stage.disk, left=1_000_000):
        assert "U1__grow.sql" in refused_for_room(stage.depot, "migrate", "up")
    stage.goes_on()
    assert "U1__grow.sql is applied." in quillbase(stage.depot, "migrate", "up")[1]


def test_a_csv_comes_whole_or_not(stage: Stage, tmp_path: Path) -> None:
    """Full from the beginning, and while the writer takes the staged rows over."""
    notes, file = stage.notes(), tmp_path / "notes.csv"
    file.write_text("text\n" + f"{'x' * 2000}\n" * 1000)
    words = ("import", "csv", "notes", str(file), "--yes")
    for left in (0, 3_000_000):
        with filled(stage.disk, left=left):
            refused_for_room(stage.depot, *words)
            assert stage.notes() == notes
        assert not (stage.depot / ".staging").exists()
        stage.goes_on()
        notes += 1
    assert quillbase(stage.depot, *words)[0] == 0
    assert stage.notes() == notes + 1000


def test_without_a_server(stage: Stage) -> None:
    """A depot whose writer finds no room at all: the command says so, the next one works."""
    depot = stage.disk / "other"
    assert quillbase(depot, "superuser", "upsert", "a@example.com", "long enough")[0] == 0
    (depot / "migrations" / "main").mkdir(parents=True)
    (depot / "migrations" / "main" / "U1__grow.sql").write_text(_GROW)
    run = ("run", "--port=0", "--ops-port=0", "--workers=1")
    for left in (0, 65_536):
        for words in (("migrate", "up"), run):
            with stage.filled(left=left):  # anew, since the writer gives up its ballast
                refused_for_room(depot, *words)
    assert quillbase(depot, "migrate", "up")[0] == 0


@pytest.mark.parametrize("kib", [64, 500, 1000])
def test_an_import_of_pocketbase_leaves_no_depot(tmp_path: Path, kib: int) -> None:
    """Full when the source is copied, rows are staged, and the writer fills the depot."""
    with small_disk(tmp_path / "disk", kib) as disk:
        refused_for_room(disk / "depot", "import", "pocketbase", str(_PB_DATA))
        assert list(disk.iterdir()) == []


def test_an_import_of_pocketbase_leaves_the_old_state(stage: Stage) -> None:
    """Also where it was to replace what the depot has."""
    depot = stage.disk / "replaced"
    assert quillbase(depot, "import", "pocketbase", str(_PB_DATA))[0] == 0
    before = _files(depot)
    for left in (0, 1_000_000):
        with filled(stage.disk, left=left):
            refused_for_room(depot, "import", "pocketbase", str(_PB_DATA), "--replace")
        assert _files(depot) == before


def _files(depot: Path) -> dict[str, int]:
    """What the depot consists of; a reader leaves shared memory beside a database."""
    own = (path for path in depot.rglob("*") if not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.stat().st_ino for path in own}
