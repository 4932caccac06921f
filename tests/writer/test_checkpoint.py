"""The write-ahead log stays short, under load with readers and when nothing happens."""

from __future__ import annotations

from shared import limits
from shared.messages.commands import Status
from shared.sql.plan import run
from tests.waiting import until
from tests.writer.link import Depot, Link

_TEXT = "x" * 100_000  # two copies reach the log: the row and its event
_INSERT = "INSERT INTO posts(id, title) VALUES (?, ?)"


def _write(link: Link, name: str, rows: int) -> None:
    for number in range(rows // 20):
        operations = [
            link.operation([run(_INSERT, (f"{name}{number}-{k}", _TEXT))]) for k in range(20)
        ]
        assert {result.status for result in link.submit(operations)} == {Status.OK}


def test_idle_writer_empties_the_log(depot: Depot, link: Link) -> None:
    """A second without operations, and the file is truncated."""
    wal = depot.database.with_name("main.db-wal")
    _write(link, "a", 20)
    until(lambda: wal.stat().st_size == 0, what="the log is truncated")
    assert depot.value("SELECT count(*) FROM posts") == 20


def test_log_is_bounded_under_load(depot: Depot, link: Link) -> None:
    """Twice the bound is written; the file never grows far beyond it."""
    wal = depot.database.with_name("main.db-wal")
    _write(link, "b", 2 * limits.WAL_RESTART_BYTES // (2 * len(_TEXT)) // 20 * 20 + 40)
    assert wal.stat().st_size < 1.5 * limits.WAL_RESTART_BYTES


def test_long_reader_delays_nobody(depot: Depot, link: Link) -> None:
    """A checkpoint that cannot be made is put off; writes go on; later it is made."""
    wal = depot.database.with_name("main.db-wal")
    reader = depot.reader()
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM posts").get == 0
    _write(link, "c", 20)
    assert reader.execute("SELECT count(*) FROM posts").get == 0
    reader.execute("COMMIT")
    reader.close()
    until(lambda: wal.stat().st_size == 0, what="the log is truncated")
