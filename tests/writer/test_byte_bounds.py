"""What is large is bounded by bytes: a batch, the answers that are kept, the change log.

Tests `writer.batch`, `writer.engine`, `writer.heavy_answers` and `writer.change_sizes`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import apsw
import msgspec
import pytest

from shared import limits
from shared.messages.commands import Operation, Result, Results, Status
from shared.sql.plan import Plan, returning, run
from shared.status_page import StatusPage
from tests.writer.link import Depot, Link
from writer import change_sizes
from writer.answers import Answers, Client, Entry, Worker
from writer.batch import Batcher
from writer.database import Database
from writer.engine import Engine
from writer.main_catalog import MainCatalog
from writer.process import make_process
from writer.retention import Retention

_SEQS = count(1)


@pytest.fixture
def page(tmp_path: Path) -> StatusPage:
    """A status page."""
    return StatusPage.create(tmp_path / "status")


@pytest.fixture
def database(tmp_path: Path, page: StatusPage) -> Iterator[Database]:
    """A new database in this process, with a table."""
    made = Database("main", tmp_path / "main.db", page.database())
    made.connection.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT)")
    yield made
    made.connection.close()


@pytest.fixture
def engine(database: Database) -> Engine:
    """Its engine."""
    return Engine(database, Answers(database.connection), MainCatalog(database.words))


def _entry(worker: Worker, size: int, seconds: float = 5.0) -> Entry:
    """An operation that stores a text of that length and has it returned."""
    sql = "INSERT INTO notes(body) VALUES (hex(zeroblob(?))) RETURNING body"
    plan = Plan(1, (returning(sql, (size // 2,)),))
    deadline_ns = time.monotonic_ns() + int(seconds * 1e9)
    return Client(b"x", worker), Operation(next(_SEQS), plan, deadline_ns), 100


def _batches(database: Database) -> int:
    return int(str(database.connection.execute("SELECT count(*) FROM _batch").get))


def _log_bytes(database: Database) -> int:
    sql = "SELECT sum(ifnull(length(old), 0) + ifnull(length(new), 0)) FROM _change"
    return int(str(database.connection.execute(sql).get))


@pytest.mark.parametrize("kind", ["answers", "plans"])
def test_a_batch_of_large_operations_is_closed_early(depot: Depot, link: Link, kind: str) -> None:
    """Forty megabytes in one message become several commits, and each operation is answered."""
    megabyte = "x" * limits.MIB
    step = returning("SELECT hex(zeroblob(?))", (limits.MIB // 2,))
    if kind == "plans":
        step = run("SELECT ?", (megabyte,))
    commits = depot.value("SELECT seq FROM _head")
    operations = [link.operation([step]) for _ in range(40)]
    results = link.submit(operations)
    assert {result.status for result in results} == {Status.OK}
    assert depot.value("SELECT seq FROM _head") >= commits + 4
    assert depot.value("SELECT max(length(entries)) FROM _batch") < 2 * limits.BATCH_BYTES_MAX


def test_second_copy_of_what_did_not_fit_is_answered_later(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both copies wait for the next batch; one is applied."""
    monkeypatch.setattr(limits, "BATCH_BYTES_MAX", 10_000)
    worker = Worker(1)
    first, second = _entry(worker, 20_000), _entry(worker, 10)
    entries = [first, second, second]
    commit = engine.commit(entries)
    assert [result is not None for result in commit.results] == [True, False, False]
    assert commit.left == [1, 2]
    again = engine.commit([entries[place] for place in commit.left])
    assert [result.status for result in again.results if result] == [Status.OK, Status.OK]
    assert again.head == commit.head + 1


def test_answers_too_long_for_one_value_harm_nobody(database: Database, page: StatusPage) -> None:
    """Together they exceed what SQLite stores in one value: each is then committed by itself."""
    database.connection.limit(apsw.SQLITE_LIMIT_LENGTH, 100_000)
    process = make_process(page, database.path.parent)
    batcher = Batcher(database, Answers(database.connection), process)
    worker = Worker(1)
    batcher._settle([_entry(worker, size) for size in (60_000, 60_000, 10, 99_990)])
    results: list[Result] = []
    for outgoing in process.outbox.take():
        for _, reply in outgoing.replies:
            results += msgspec.msgpack.decode(reply, type=Results).results
    assert [result.status for result in results] == [Status.OK] * 3 + [Status.FAILED]
    stored = database.connection.execute("SELECT length(body) FROM notes").fetchall()
    assert stored == [(60_000,), (60_000,), (10,)]


def test_large_answers_go_when_their_workers_have_them(
    database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many bytes of finished answers stay; the newest stay."""
    monkeypatch.setattr(limits, "BATCH_KEPT_BYTES", 200_000)
    worker = Worker(1)
    for _ in range(50):
        entry = _entry(worker, 40_000)
        engine.commit([entry])
        worker.acknowledge(entry[1].seq)
    assert 4 <= _batches(database) <= 6
    newest = database.connection.execute("SELECT max(seq) FROM _batch").get
    assert newest == database.seq


def test_large_answers_stay_while_somebody_waits(
    database: Database, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not acknowledged and within their time, none is dropped; past their time they are."""
    monkeypatch.setattr(limits, "BATCH_KEPT_BYTES", 200_000)
    for number in range(20):
        engine.commit([_entry(Worker(number), 40_000, seconds=60)])
    assert _batches(database) == 20
    later = time.monotonic_ns() + int(70e9)
    monkeypatch.setattr("writer.heavy_answers.time.monotonic_ns", lambda: later)
    engine.commit([_entry(Worker(77), 40_000, seconds=120)])
    assert _batches(database) == 5


@pytest.fixture
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change log of 200 kB in segments of 10 kB, cut by 50 kB."""
    monkeypatch.setattr(limits, "CHANGE_KEPT_BYTES", 200_000)
    monkeypatch.setattr(limits, "RETENTION_BYTES_PER_ROUND", 50_000)
    monkeypatch.setattr(change_sizes, "_SEGMENT_BYTES", 10_000)


@pytest.mark.usefixtures("small_log")
def test_the_change_log_is_bounded_by_bytes(database: Database, engine: Engine) -> None:
    """Young as they are, the oldest rows go, a bounded number in a round; the newest stay."""
    for _ in range(60):
        engine.commit([_entry(Worker(1), 10_000)])
    before = _log_bytes(database)
    retention = Retention(database)
    with engine.maintenance():
        assert database.sizes.is_over()
        assert retention.run()
        assert before - _log_bytes(database) <= 70_000
        while retention.run():
            pass
    assert not database.sizes.is_over()
    assert 100_000 <= _log_bytes(database) <= 200_000
    rows: list[tuple[int, int, int]] = database.connection.execute(
        "SELECT min(n), max(n), count(*) FROM _change"
    ).fetchall()  # type: ignore[assignment]
    first, last, rows_left = rows[0]
    assert (last, rows_left) == (database.n, last - first + 1)


@pytest.mark.usefixtures("small_log")
def test_the_next_writer_estimates_the_log(
    database: Database, engine: Engine, tmp_path: Path, page: StatusPage
) -> None:
    """From samples, within a tenth; its rows can be cut."""
    for _ in range(2_000):
        engine.commit([_entry(Worker(1), 300)])
    successor = Database("main", tmp_path / "main.db", page.database())
    assert successor.sizes.total == pytest.approx(database.sizes.total, rel=0.1)
    assert database.sizes.is_over()
    while Retention(successor).run():
        pass
    assert 100_000 <= _log_bytes(successor) <= 200_000
    successor.connection.close()
