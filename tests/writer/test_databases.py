"""Several databases in one writer: what is whose, who waits for whom, and what one's failure does.

Tests `writer.databases`, `writer.door` and `writer.process` from outside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.depot.databases import read_slots
from shared.depot.layout import DepotLayout
from shared.messages.changes import Act
from shared.messages.commands import Results, Status
from shared.sql.plan import Bulk, Step, require, returning, run
from tests.waiting import until
from tests.writer.link import Depot, Link, Notices
from writer import databases as databases_module
from writer.databases import Databases
from writer.process import make_process

ITEMS = "CREATE TABLE items(id TEXT PRIMARY KEY)"
INTERNAL = {"_head", "_change", "_commit", "_batch", "_idempotency", "_attempts"}


@pytest.fixture
def pair(link: Link) -> Link:
    """A second database `tenant-1` with a table `items`."""
    link.name_databases("tenant-1")
    link.define(ITEMS, database="tenant-1")
    return link


def item(key: str) -> Step:
    """A new row of items."""
    return run("INSERT INTO items VALUES (?)", (key,))


def items(depot: Depot, name: str = "tenant-1") -> list[str]:
    """Every id there."""
    return [str(key) for (key,) in depot.rows("SELECT id FROM items ORDER BY id", of=name)]


def test_it_is_open_when_the_settings_are_answered(depot: Depot, link: Link) -> None:
    """With the internal tables alone: no collection, no superuser, no settings."""
    link.name_databases("tenant-1", "tenant-2")
    assert read_slots(depot.run_directory.databases) == {"tenant-1": 1, "tenant-2": 2}
    tables = depot.rows("SELECT name FROM sqlite_schema WHERE type = 'table'", of="tenant-1")
    assert {name for (name,) in tables} == INTERNAL
    words = depot.words("tenant-1")
    assert (words.is_open, words.catalog_version, words.head) == (True, 1, 0)
    feeds = {depot.words(name).feed for name in ("main", "tenant-1", "tenant-2")}
    assert len(feeds) == 3
    assert link.run(run("SELECT 1"), database="tenant-2").status is Status.OK


def test_each_has_its_own_log_and_catalog(depot: Depot, pair: Link) -> None:
    """Numbers, versions and events are its own; main's are not moved."""
    version, head = depot.page.database().catalog_version, depot.page.database().head
    assert depot.words("tenant-1").catalog_version == 2
    notices = Notices(depot)
    until(lambda: _is_heard(pair, notices), what="a notice")
    before = depot.words("tenant-1").head
    pair.send([pair.operation([item("a")], database="tenant-1", request_id="r7")])
    message = pair.receive()
    assert isinstance(message, Results)
    assert message.head == head  # main's
    notice = notices.next()
    assert (notice.database, notice.before, notice.head) == ("tenant-1", before, before + 1)
    assert notice.feed == depot.words("tenant-1").feed
    assert depot.events(before, of="tenant-1") == [("items", Act.CREATE, "a", None, {"id": "a"})]
    assert (depot.page.database().catalog_version, depot.page.database().head) == (version, head)
    stale = pair.operation([item("b")], database="tenant-1", catalog_version=1)
    assert pair.submit([stale])[0].status is Status.STALE


def _is_heard(link: Link, notices: Notices) -> bool:
    """A subscription takes a moment to arrive."""
    link.run(run("INSERT OR REPLACE INTO items VALUES ('x')"), database="tenant-1")
    return notices.has_one()


def test_one_message_may_be_for_several(depot: Depot, pair: Link) -> None:
    """Each operation runs where its plan says, in the order of its database."""
    mine = [
        pair.operation([run("INSERT INTO posts(id) VALUES (?)", (str(n),))])
        if n % 3
        else pair.operation([item(str(n))], database="tenant-1")
        for n in range(20)
    ]
    results = pair.submit(mine)
    assert {result.status for result in results} == {Status.OK}
    assert len(items(depot)) == 7
    assert depot.value("SELECT count(*) FROM posts") == 13


@pytest.mark.parametrize(("where", "rows"), [("before", 0), ("after", 1)])
def test_an_operation_is_applied_once(
    idle_depot: Depot, tmp_path: Path, where: str, rows: int
) -> None:
    """Killed around its COMMIT and sent again; every answer comes from its own log."""
    file = tmp_path / "kill"
    idle_depot.start(QUILL_FAILPOINT=f"writer.{where}_commit=kill:{file}")
    link = Link(idle_depot)
    link.hello()
    link.name_databases("tenant-1")
    link.define("CREATE TABLE items(id TEXT)", database="tenant-1")
    file.touch()
    operation = link.operation([item("a")], database="tenant-1", seconds=60)
    link.send([operation])
    assert idle_depot.wait() == -9
    assert len(items(idle_depot)) == rows
    idle_depot.start()
    again = Link(idle_depot, link.incarnation)
    again.hello()
    assert again.submit([operation])[0].status is Status.OK
    assert items(idle_depot) == ["a"]


@pytest.mark.parametrize(("busy", "other"), [("tenant-1", "main"), ("main", "tenant-1")])
def test_nobody_waits_for_a_long_write_elsewhere(
    idle_depot: Depot, tmp_path: Path, busy: str, other: str
) -> None:
    """A bulk plan is held before its COMMIT; a plan for the other database is answered first."""
    file = tmp_path / "hold"
    idle_depot.start(QUILL_FAILPOINT=f"writer.before_commit=hold:{file}")
    link = Link(idle_depot)
    link.hello()
    link.name_databases("tenant-1")
    for name in ("main", "tenant-1"):
        link.define(ITEMS, database=name)
    file.touch()
    slow = link.operation([item("slow")], bulk=Bulk(60), database=busy, seconds=60)
    link.send([slow])
    held = file.with_name("hold.held")
    until(held.exists, what="the bulk plan is held")
    assert link.run(item("quick"), database=other).status is Status.OK
    waiting = link.operation([item("later")], database=busy, seconds=60)
    link.send([waiting])
    assert link.run(item("quicker"), database=other).status is Status.OK
    assert items(idle_depot, busy) == []
    held.unlink()
    assert {result.status for result in link.results(2).values()} == {Status.OK}
    assert items(idle_depot, busy) == ["later", "slow"]


def test_marks_are_of_one_database(depot: Depot, pair: Link) -> None:
    """An answer of one database is forgotten by its own marks alone."""
    first = pair.operation([item("a")], database="tenant-1")
    assert pair.submit([first])[0].status is Status.OK
    pair.acked = first.seq
    assert pair.run(run("SELECT 1")).status is Status.OK  # the mark of main
    pair.acked = 0
    assert pair.submit([first])[0].status is Status.OK  # known, and not applied again
    assert items(depot) == ["a"]


def test_no_such_database(depot: Depot, pair: Link) -> None:
    """It is told at once, and the rest of the message is done."""
    lost = pair.operation([item("a")], database="nowhere", catalog_version=1)
    results = pair.submit([lost, pair.operation([item("b")], database="tenant-1")])
    assert [result.status for result in results] == [Status.CLOSED, Status.OK]
    assert items(depot) == ["b"]


@pytest.mark.parametrize(
    "name", ["Main", "public", "logs", "queue", "session", "temp", "staged", "sqlite_x", "../x", ""]
)
def test_some_names_are_refused(depot: Depot, link: Link, name: str) -> None:
    """By the writer, too; the others are opened."""
    link.name_databases(name, "good", "Good")
    assert read_slots(depot.run_directory.databases) == {"good": 1}
    assert link.run(run("SELECT 1"), database="good").status is Status.OK
    assert sorted(path.name for path in depot.data.glob("*.db")) == ["good.db", "main.db"]
    assert "database cannot be opened" in depot.log.read_text()


def test_nonsense_in_the_settings_changes_nothing(depot: Depot, pair: Link) -> None:
    """What was open stays so."""
    for value in ("{", "[1]", '"tenant-1"'):
        put = run("UPDATE _settings SET value = ? WHERE name = 'databases'", (value,))
        assert pair.run(put, changes_catalog=True).status is Status.OK
        assert pair.run(item(value), database="tenant-1").status is Status.OK
    assert depot.words("tenant-1").is_open


def test_one_that_is_broken_takes_nobody_down(depot: Depot, pair: Link) -> None:
    """It is told; a later change of the settings, or a start, tries it again."""
    depot.path("broken").write_bytes(b"no database" * 1000)
    pair.name_databases("tenant-1", "broken")
    assert not depot.words("broken").is_open
    refused = pair.operation([run("SELECT 1")], database="broken")
    assert pair.submit([refused])[0].status is Status.CLOSED
    depot.stop()
    depot.start()
    again = Link(depot)
    again.hello()
    assert again.run(item("a"), database="tenant-1").status is Status.OK
    assert not depot.words("broken").is_open
    assert '"database cannot be opened"' in depot.log.read_text()
    depot.path("broken").unlink()
    again.name_databases("broken", "tenant-1")
    assert depot.words("broken").is_open
    assert again.run(run("SELECT 1"), database="broken").status is Status.OK


def test_one_that_is_no_file_does_not_cost_the_ballast(depot: Depot, pair: Link) -> None:
    """Only a full disk does: it could be lacking when it is needed."""
    ballast = depot.data / "ballast"
    until(ballast.exists, what="the ballast")
    depot.path("folder").mkdir()
    pair.name_databases("tenant-1", "folder")
    assert not depot.words("folder").is_open
    assert ballast.exists()


def test_one_that_is_named_no_longer_is_closed(depot: Depot, pair: Link) -> None:
    """What came before is done, the file stays, and it can be opened again with the same slot."""
    pair.send(
        [
            pair.operation([item("a")], database="tenant-1"),
            pair.operation([item("b")], database="tenant-1"),
        ]
    )
    pair.results(2)
    pair.name_databases("tenant-2")
    closed = pair.operation([item("c")], database="tenant-1")
    assert pair.submit([closed])[0].status is Status.CLOSED
    assert not depot.words("tenant-1").is_open
    wal = depot.data / "tenant-1.db-wal"
    until(lambda: not wal.exists() or not wal.stat().st_size, what="it is closed in order")
    pair.name_databases("tenant-1", "tenant-2")
    assert read_slots(depot.run_directory.databases) == {"tenant-1": 1, "tenant-2": 2}
    assert pair.run(item("d"), database="tenant-1").status is Status.OK
    assert items(depot) == ["a", "b", "d"]


def test_what_comes_while_one_is_closed_is_answered(idle_depot: Depot, tmp_path: Path) -> None:
    """An operation that has found its database, which is closed before it is handed over."""
    change, arrival = tmp_path / "change", tmp_path / "arrival"
    points = f"writer.before_operation=hold:{change},writer.door_found=hold:{arrival}"
    idle_depot.start(QUILL_FAILPOINT=points)
    link, other = Link(idle_depot), Link(idle_depot)
    link.hello()
    other.hello()
    link.name_databases("tenant-1")
    link.define(ITEMS, database="tenant-1")
    change.touch()
    nobody = run("UPDATE _settings SET value = '[]' WHERE name = 'databases'")
    link.send([link.operation([nobody], changes_catalog=True, seconds=60)])
    change_held = change.with_name("change.held")
    until(change_held.exists, what="the change of the settings is held")
    arrival.touch()
    other.send([other.operation([item("a")], database="tenant-1", seconds=60)])
    arrival_held = arrival.with_name("arrival.held")
    until(arrival_held.exists, what="the operation is held")
    change_held.unlink()
    until(lambda: '"database is closed"' in idle_depot.log.read_text(), what="it is closed")
    arrival_held.unlink()
    assert [one.status for one in other.results(1).values()] == [Status.OK]
    assert [one.status for one in link.results(1).values()] == [Status.OK]
    assert items(idle_depot) == ["a"]
    late = other.operation([item("b")], database="tenant-1")
    assert other.submit([late])[0].status is Status.CLOSED
    wal = idle_depot.data / "tenant-1.db-wal"
    until(lambda: not wal.exists() or not wal.stat().st_size, what="it is closed in order")
    assert idle_depot.stop() == 0


def test_all_are_open_after_a_start(depot: Depot, pair: Link) -> None:
    """And each leaves one tidy file at the end."""
    pair.run(item("a"), database="tenant-1")
    head = depot.words("tenant-1").head
    assert depot.stop() == 0
    for name in ("main", "tenant-1"):
        wal = depot.data / f"{name}.db-wal"
        assert not wal.exists() or not wal.stat().st_size
    depot.start()
    assert depot.words("tenant-1").head == head
    again = Link(depot)
    again.hello()
    assert again.run(item("b"), database="tenant-1").status is Status.OK
    assert items(depot) == ["a", "b"]


def test_an_end_settles_all_of_them(depot: Depot, pair: Link) -> None:
    """What was taken in before the signal is committed, in every database."""
    operations = [
        pair.operation([item(f"{n:03}")], database="tenant-1", seconds=30) for n in range(200)
    ]
    pair.send(operations)
    pair.results(1)
    assert depot.stop() == 0
    assert len(items(depot)) == 200


def test_an_end_waits_for_one_that_is_being_closed(depot: Depot, pair: Link) -> None:
    """What was taken in before it was named no longer is committed and answered."""
    slow = (
        "INSERT INTO items WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"
        " LIMIT 2000000) SELECT 'z' || max(x) FROM c"
    )
    pair.send(
        [
            pair.operation([run(slow)], database="tenant-1", bulk=Bulk(30), seconds=30),
            pair.operation([item("a")], database="tenant-1", seconds=30),
        ]
    )
    pair.name_databases()
    assert depot.stop() == 0
    assert items(depot) == ["a", "z2000000"]
    wal = depot.data / "tenant-1.db-wal"
    assert not wal.exists() or not wal.stat().st_size


def test_what_cannot_be_opened_is_tried_again(
    idle_depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches of main, without a change of the settings."""
    monkeypatch.setattr(databases_module, "DATABASE_RETRY_SECONDS", 0.0)
    idle_depot.path("broken").write_bytes(b"no database" * 1000)
    process = make_process(idle_depot.page, idle_depot.data)
    made = Databases(DepotLayout(idle_depot.folder), idle_depot.run_directory, process)
    main = made.main.connection
    main.execute("INSERT INTO _settings VALUES ('databases', '[\"broken\"]')")
    made.follow()
    assert made.missing == {"broken": "file is not a database"}
    made.tend()
    idle_depot.path("broken").unlink()
    made.tend()
    assert made.missing == {}
    assert list(made.doors) == ["main", "broken"]
    for batcher in made.batchers():
        batcher.connection.close()


def test_a_bulk_plan_goes_where_it_belongs(depot: Depot, pair: Link, tmp_path: Path) -> None:
    """With a staged file, and no rows told."""
    pair.run(run("INSERT INTO posts(id) VALUES ('p')"))
    plan = pair.operation(
        [
            require("SELECT 1 FROM staged.posts WHERE id = 'p'", refusal="no"),
            run("INSERT INTO items SELECT id FROM staged.posts"),
            returning("SELECT count(*) FROM items"),
        ],
        bulk=Bulk(30, str(depot.database)),
        database="tenant-1",
        seconds=60,
    )
    before = depot.words("tenant-1").head
    result: Any = pair.submit([plan])[0]
    assert (result.status, result.payload) == (Status.OK, 1)
    assert [event[1] for event in depot.events(before, of="tenant-1")] == [Act.RESET]


def test_nobody_waits_for_a_statement_that_runs(depot: Depot, pair: Link) -> None:
    """Not only for the disk: while SQLite counts in one database, others are written."""
    pair.name_databases("tenant-1", "tenant-2")
    for name in ("main", "tenant-2"):
        pair.define(ITEMS, database=name)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    slow = pair.operation([run(endless)], bulk=Bulk(2.0), database="tenant-1", seconds=60)
    pair.send([slow])
    for number in range(20):
        for name in ("main", "tenant-2"):
            assert pair.run(item(str(number)), database=name).status is Status.OK
    assert pair.results(1)[slow.seq].status is Status.FAILED
    assert (len(items(depot, "main")), len(items(depot, "tenant-2"))) == (20, 20)
