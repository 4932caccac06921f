"""Bulk plans: the staged file, foreign keys, the time they have, and what a failure leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from shared.messages.changes import Act
from shared.messages.commands import Result, Status
from shared.sql.plan import Bulk, Step, forbid, require, returning, run
from tests.waiting import until
from tests.writer.link import Depot, Link
from writer.bulk import broken_references, conditions

ROWS = 5_000
COPY = run("INSERT INTO posts(id, title) SELECT id, title FROM staged.rows")
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"


@pytest.fixture
def staged(depot: Depot) -> str:
    """A file with rows for posts, under a name that a URI has to quote."""
    path = depot.folder / "staged %23 ?mode=rw#.db"
    connection = apsw.Connection(str(path))
    connection.execute(
        "CREATE TABLE rows(id TEXT, title TEXT);"
        " WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT ?)"
        " INSERT INTO rows SELECT 'r' || x, 'title ' || x FROM c",
        (ROWS,),
    )
    connection.close()
    return str(path)


def bulk(link: Link, how: Bulk, *steps: Step, changes_catalog: bool = False) -> Result:
    """One bulk plan, awaited."""
    plan = link.operation(steps, bulk=how, changes_catalog=changes_catalog, seconds=60)
    return link.submit([plan])[0]


def _text(result: Result) -> str:
    payload: Any = result.payload
    return str(payload[1])


def assert_usual(depot: Depot, link: Link) -> None:
    """Nothing is attached, foreign keys hold, and rows are told one by one."""
    stray = link.run(run("INSERT INTO posts(id) SELECT id FROM staged.rows"))
    assert "no such table: staged.rows" in _text(stray)
    assert link.run(run("INSERT INTO kids(parent) VALUES (404)")).status is Status.FAILED
    head = depot.page.database().head
    assert link.run(run("INSERT INTO posts(id) VALUES ('usual')")).status is Status.OK
    assert [(act, key) for _, act, key, _, _ in depot.events(head)] == [(Act.CREATE, "usual")]
    assert link.run(run("DELETE FROM posts WHERE id = 'usual'")).status is Status.OK


@pytest.fixture
def link(link: Link) -> Link:
    """With two more tables that refer to a third."""
    link.define(
        "CREATE TABLE parents(id INTEGER PRIMARY KEY)",
        "CREATE TABLE kids(id INTEGER PRIMARY KEY, parent REFERENCES parents)",
        "CREATE TABLE cousins(id INTEGER PRIMARY KEY, parent REFERENCES parents)",
    )
    return link


def test_rows_come_from_the_staged_file(depot: Depot, link: Link, staged: str) -> None:
    """All of them, told as one reset; the last RETURN is the result."""
    head = depot.page.database().head
    result = bulk(
        link,
        Bulk(30, staged),
        require("SELECT 1 FROM staged.rows", refusal="empty"),
        COPY,
        run("UPDATE posts SET views = 7"),
        returning("SELECT count(*) FROM posts WHERE views = 7"),
    )
    assert (result.status, result.payload) == (Status.OK, ROWS)
    assert depot.events(head) == [("posts", Act.RESET, None, None, None)]
    assert depot.page.database().head == head + 1
    assert depot.value("SELECT title FROM posts WHERE id = 'r77'") == "title 77"
    assert_usual(depot, link)


def test_the_staged_file_is_only_read(depot: Depot, link: Link, staged: str) -> None:
    """Whatever the plan says."""
    result = bulk(link, Bulk(30, staged), COPY, run("DELETE FROM staged.rows"))
    assert "readonly" in _text(result)
    assert depot.value("SELECT count(*) FROM posts") == 0
    assert_usual(depot, link)


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_a_file_that_is_none(depot: Depot, link: Link, content: bytes | None) -> None:
    """Missing, empty or something else: the plan fails, nobody else does."""
    path = depot.folder / "strange.db"
    if content is not None:
        path.write_bytes(content)
    result = bulk(link, Bulk(30, str(path)), COPY)
    assert result.status is Status.FAILED
    assert link.submit([link.operation([run("SELECT 1")], seq=result.seq)])[0] == result
    assert_usual(depot, link)


def test_it_is_alone_in_its_batch(depot: Depot, link: Link, staged: str) -> None:
    """In the order of arrival, and each of the three commits by itself."""
    seq = depot.value("SELECT seq FROM _head")
    first = link.operation([run("INSERT INTO posts(id) VALUES ('first')")])
    seen = forbid("SELECT 1 FROM posts WHERE id = 'last'", refusal="early")
    middle = link.operation([seen, COPY], bulk=Bulk(30, staged))
    last = link.operation([run("INSERT INTO posts(id) VALUES ('last')")])
    results = link.submit([first, middle, last])
    assert [one.status for one in results] == [Status.OK] * 3
    assert depot.value("SELECT seq FROM _head") == seq + 3


def test_foreign_keys_may_be_off_meanwhile(depot: Depot, link: Link) -> None:
    """A reference may come before what it refers to, as long as both are there at the end."""
    steps = [run("INSERT INTO kids(parent) VALUES (1)"), run("INSERT INTO parents VALUES (1)")]
    assert bulk(link, Bulk(30), *steps).status is Status.FAILED
    assert bulk(link, Bulk(30, foreign_keys=False), *steps).status is Status.OK
    assert depot.rows("SELECT parent FROM kids") == [(1,)]
    assert_usual(depot, link)


def test_broken_references_fail_the_plan(depot: Depot, link: Link) -> None:
    """It is told which tables have how many."""
    result = bulk(
        link,
        Bulk(30, foreign_keys=False),
        run("INSERT INTO kids(parent) VALUES (1), (2), (3)"),
        run("INSERT INTO cousins(parent) VALUES (4)"),
    )
    assert result.status is Status.FAILED
    assert _text(result) == "FOREIGN KEY constraint failed: kids (3), cousins (1)"
    assert depot.value("SELECT count(*) FROM kids") == 0
    assert_usual(depot, link)


@pytest.mark.parametrize(
    "steps",
    [
        [run(f"INSERT INTO posts(id) {ENDLESS}")],
        [require(ENDLESS, refusal="no")],
        [run("UPDATE posts SET views = views + 1")] * 60_000,
    ],
    ids=["a statement", "a guard", "many steps"],
)
def test_its_time_is_bounded(depot: Depot, link: Link, staged: str, steps: list[Step]) -> None:
    """Steps and guards together; what it had done is undone."""
    result = bulk(link, Bulk(0.3, staged), COPY, *steps)
    assert (result.status, _text(result)) == (Status.FAILED, "interrupted")
    assert result.step > 0
    assert depot.value("SELECT count(*) FROM posts") == 0
    assert_usual(depot, link)


def test_its_deadline_bounds_it_too(link: Link) -> None:
    """Nobody waits for it any longer."""
    plan = link.operation([require(ENDLESS, refusal="no")], bulk=Bulk(3600), seconds=0.3)
    assert _text(link.submit([plan])[0]) == "interrupted"


@pytest.mark.parametrize(
    "last",
    [
        run("INSERT INTO posts(id) VALUES ('r1')"),
        run("INSERT OR ROLLBACK INTO posts(id) VALUES ('r1')"),
        require("SELECT 1 WHERE 0", refusal="no"),
        run("UPDATE _collections SET updated = 'x'"),
        run("CREATE TABLE sneaky(x)"),
        run("DETACH staged"),
        run("no sql"),
    ],
    ids=["constraint", "rollback", "guard", "catalog", "definition", "detach", "nonsense"],
)
def test_a_failure_leaves_nothing(depot: Depot, link: Link, staged: str, last: Step) -> None:
    """All or nothing, and the connection is as before."""
    head = depot.page.database().head
    result = bulk(link, Bulk(30, staged, foreign_keys=False), COPY, last)
    assert result.status in (Status.FAILED, Status.REFUSED, Status.ERROR)
    assert depot.value("SELECT count(*) FROM posts") == 0
    assert depot.page.database().head == head
    assert_usual(depot, link)


def test_a_definition_can_be_bulk(depot: Depot, link: Link, staged: str) -> None:
    """With schema statements, the catalog's rows, and a version that moves."""
    words = depot.page.database()
    version, head = words.catalog_version, words.head
    result = bulk(
        link,
        Bulk(30, staged, foreign_keys=False),
        run("CREATE TABLE copies(id TEXT PRIMARY KEY, title TEXT)"),
        run("INSERT INTO copies SELECT id, title FROM staged.rows"),
        run("UPDATE _collections SET updated = 'x' WHERE name = '_superusers'"),
        run("CREATE INDEX by_title ON copies(title)"),
        changes_catalog=True,
    )
    assert result.status is Status.OK
    assert words.catalog_version == version + 1
    assert depot.value("SELECT count(*) FROM copies") == ROWS
    assert [event[:3] for event in depot.events(head)] == [
        ("_collections", Act.UPDATE, "pbc_3142635823"),
        ("copies", Act.RESET, None),
    ]
    assert_usual(depot, link)


@pytest.mark.parametrize(("where", "rows"), [("before", 0), ("after", ROWS)])
def test_a_death_leaves_one_of_two_states(
    idle_depot: Depot, tmp_path: Path, where: str, rows: int
) -> None:
    """Killed before the COMMIT or after it; the plan sent again has the same end."""
    file = tmp_path / "kill"
    idle_depot.start(QUILL_FAILPOINT=f"writer.{where}_commit=kill:{file}")
    link = Link(idle_depot)
    link.hello()
    link.define("CREATE TABLE items(id TEXT PRIMARY KEY, title TEXT)")
    path = str(tmp_path / "rows.db")
    connection = apsw.Connection(path)
    with connection:
        connection.execute("CREATE TABLE rows(id)")
        connection.executemany("INSERT INTO rows VALUES (?)", [(str(n),) for n in range(ROWS)])
    connection.close()
    copy = run("INSERT INTO items(id) SELECT id FROM staged.rows")
    plan = link.operation([copy], bulk=Bulk(30, path, foreign_keys=False), seconds=300)
    file.touch()
    link.send([plan])
    assert idle_depot.wait() == -9
    assert idle_depot.value("SELECT count(*) FROM items") == rows
    idle_depot.start()
    again = Link(idle_depot, link.incarnation)
    again.hello()
    assert again.submit([plan])[0].status is Status.OK
    assert idle_depot.value("SELECT count(*) FROM items") == ROWS


def test_memory_and_log_stay_small(depot: Depot, link: Link) -> None:
    """80 MB are written twice: neither the process nor the write-ahead log keeps them."""
    rows = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 200000)"
    fill = f"{rows} INSERT INTO posts(id, title) SELECT x, hex(zeroblob(200)) FROM c"
    update = "UPDATE posts SET title = title || id"
    before = _peak_mib(depot)
    result = bulk(link, Bulk(60), run(fill), run(update))
    assert result.status is Status.OK
    assert _peak_mib(depot) - before < 100
    wal = depot.database.with_name("main.db-wal")
    until(lambda: wal.stat().st_size < 64 << 20, what="the log is cut")


def _peak_mib(depot: Depot) -> float:
    """Of memory that is the process's own."""
    assert depot.process is not None
    text = Path(f"/proc/{depot.process.pid}/status").read_text()
    values = dict(line.split(":", 1) for line in text.splitlines())
    return int(values["RssAnon"].split()[0]) / 1024


def test_settings_are_no_event_and_belong_to_the_catalog(depot: Depot, link: Link) -> None:
    """`_settings` is made at the start; only a change of the catalog may write there."""
    head = depot.page.database().head
    store = run("INSERT INTO _settings VALUES ('digest', 'x')")
    assert link.run(store).status is Status.ERROR
    assert link.run(store, changes_catalog=True).status is Status.OK
    assert depot.events(head) == []
    assert depot.rows("SELECT * FROM _settings") == [("digest", "x")]


def test_older_depots_get_a_table_of_settings(depot: Depot, link: Link) -> None:
    """At the next start."""
    link.define("DROP TABLE _settings")
    depot.stop()
    depot.start()
    assert depot.rows("SELECT * FROM _settings") == []


def test_conditions_are_undone_after_an_exception(tmp_path: Path) -> None:
    """`writer.bulk` by itself: also when the body fails."""
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE t(x)")
    connection = apsw.Connection(
        str(tmp_path / "a.db"),
        flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI,
    )

    def fail() -> None:
        with conditions(connection, Bulk(1, str(other), foreign_keys=False)):
            assert connection.pragma("foreign_keys") == 0
            assert connection.execute("SELECT count(*) FROM staged.t").get == 0
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert connection.pragma("foreign_keys") == 1
    assert connection.pragma("temp_store") == 2
    assert [row[1] for row in connection.execute("PRAGMA database_list")] == ["main"]
    assert broken_references(connection) == ""
