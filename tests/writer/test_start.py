"""How a writer comes up, and that there are never two of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.messages.commands import Status
from shared.sql.plan import run
from tests.waiting import until
from tests.writer.link import Depot, Link


def test_new_depot_is_complete_when_ready(idle_depot: Depot) -> None:
    """The page is set before the ready line; there is a catalog and no superuser."""
    line = idle_depot.start()
    assert line == {"ready": True, "superusers": 0, "pending": []}
    words = idle_depot.page.database()
    assert (idle_depot.page.epoch, words.catalog_version, words.head) == (1, 1, 0)
    assert words.feed == idle_depot.value("SELECT feed FROM _head") > 0
    assert idle_depot.page.silent_seconds() < 5


def test_epoch_counts_starts(idle_depot: Depot) -> None:
    """Feed id and head stay, the epoch moves on, and Welcome tells all of it."""
    idle_depot.start()
    feed = idle_depot.page.database().feed
    assert idle_depot.stop() == 0
    idle_depot.start()
    link = Link(idle_depot)
    welcome = link.hello()
    assert (welcome.epoch, welcome.feed, welcome.catalog_version) == (2, feed, 1)


def test_clean_end_leaves_an_empty_log_file(depot: Depot, link: Link) -> None:
    """The last checkpoint moves everything into the database file."""
    link.run(run("INSERT INTO posts(id) VALUES ('a')"))
    assert depot.stop() == 0
    wal = depot.database.with_name("main.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0


def test_no_start_without_the_lock(idle_depot: Depot) -> None:
    """Refused with a reason, before the database is touched."""
    process, line = idle_depot.spawn(lock=False)
    assert "QUILL_LOCK_FD" in line["error"]
    assert process.wait(10) != 0
    assert not idle_depot.database.exists()


def test_no_start_with_somebody_elses_lock(depot: Depot) -> None:
    """A descriptor of the right file is not enough while another holds the lock."""
    stranger = os.open(depot.data / "writer.lock", os.O_RDWR)
    mine, depot.lock = depot.lock, stranger
    try:
        process, line = depot.spawn()
    finally:
        depot.lock = mine
        os.close(stranger)
    assert "holds" in line["error"]
    assert process.wait(10) != 0


def test_older_writer_is_fenced(depot: Depot, link: Link) -> None:
    """If a second one ever opens the database, the first ends without an answer."""
    first = depot.process
    assert first is not None
    second, _ = depot.spawn()
    link.send([link.operation([run("INSERT INTO posts(id) VALUES ('ghost')")])])
    assert first.wait(10) == 75
    assert depot.value("SELECT count(*) FROM posts") == 0
    depot.process = second
    successor = Link(depot)
    successor.hello()
    assert successor.run(run("INSERT INTO posts(id) VALUES ('a')")).status is Status.OK


def test_beats_during_a_long_statement(depot: Depot, link: Link) -> None:
    """The inbox thread lives while SQL runs, and answers a Hello meanwhile."""
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    operation = link.operation([run(endless)])
    link.send([operation])
    before = depot.page.words[2]
    until(lambda: depot.page.words[2] > before, what="a beat")
    assert Link(depot).hello().epoch == 1
    assert link.results(1)[operation.seq].status is Status.FAILED


def test_dies_with_its_parent(idle_depot: Depot, tmp_path: Path) -> None:
    """SIGKILL of the process that started it leaves no writer behind."""
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'writer', sys.argv[1]],"
        f" pass_fds=[{idle_depot.lock}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(idle_depot.run_directory.path)],
        pass_fds=[idle_depot.lock],
        env=dict(os.environ, QUILL_LOCK_FD=str(idle_depot.lock)),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    until(lambda: idle_depot.page.epoch == 1, what="the writer is up")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until(lambda: not _is_running(child), what="the writer is gone")


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_one_request_id_in_the_log(depot: Depot, link: Link) -> None:
    """What goes wrong in the writer is logged under the request's id."""
    operation = link.operation([run("DROP TABLE posts")], request_id="request-77")
    assert link.submit([operation])[0].status is Status.ERROR
    assert '"request_id":"request-77"' in depot.log.read_text().replace(" ", "")


@pytest.mark.parametrize("message", [b"", b"\xc1", b"\x93\x02\x00\x91\x01", b"[]"])
def test_garbage_is_survived(depot: Depot, link: Link, message: bytes) -> None:
    """An unreadable message is logged and dropped."""
    link.send_raw(message)
    assert link.run(run("INSERT INTO posts(id) VALUES ('a')")).status is Status.OK
