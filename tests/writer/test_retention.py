"""The logs are trimmed, and no number is ever given out twice."""

from __future__ import annotations

import time

import apsw

from shared import limits
from shared.messages.commands import Status
from shared.sql.plan import run
from tests.waiting import until
from tests.writer.link import Depot, Link


def _age(depot: Depot) -> None:
    """While no writer runs, make everything in the logs older than it may be."""
    connection = apsw.Connection(str(depot.database))
    connection.execute("UPDATE _commit SET at = 0")
    connection.execute(
        "UPDATE _batch SET at = ?",
        (time.monotonic_ns() - int(limits.BATCH_KEPT_SECONDS * 1e9) - 10**9,),
    )
    connection.execute("INSERT INTO _idempotency VALUES ('old', 'f', 1, 'r')")
    connection.execute(
        "INSERT INTO _idempotency VALUES ('young', 'f', ?, 'r')", (int(time.time()),)
    )
    connection.execute("INSERT INTO _attempts VALUES ('over', 10, 1)")
    connection.close()


def test_emptied_log_goes_on_counting(depot: Depot, link: Link) -> None:
    """Events after the log was emptied continue n, also over another start."""
    for number in range(5):
        link.run(run("INSERT INTO posts(id) VALUES (?)", (f"a{number}",)))
    head = depot.page.database().head
    assert depot.stop() == 0
    _age(depot)
    depot.start()
    until(lambda: not depot.rows("SELECT n FROM _change"), what="the log is empty")
    until(lambda: not depot.rows("SELECT 1 FROM _batch"), what="the answers are gone")
    until(lambda: not depot.rows("SELECT 1 FROM _attempts"), what="the lockout is over")
    assert depot.rows("SELECT key FROM _idempotency") == [("young",)]
    assert depot.rows("SELECT seq FROM _commit") == []
    assert depot.stop() == 0
    depot.start()
    again = Link(depot)
    assert again.hello().head == head
    assert again.run(run("INSERT INTO posts(id) VALUES ('b')")).status is Status.OK
    assert depot.rows("SELECT n, key FROM _change") == [(head + 1, "b")]


def test_young_rows_stay(depot: Depot, link: Link) -> None:
    """A round of retention takes only what is due."""
    link.run(run("INSERT INTO posts(id) VALUES ('a')"))
    link.run(run("INSERT INTO _attempts VALUES ('over', 10, 1)"))
    before = depot.value("SELECT count(*) FROM _change")
    until(lambda: not depot.rows("SELECT 1 FROM _attempts"), what="a round has run")
    assert depot.value("SELECT count(*) FROM _change") == before > 0
    assert depot.value("SELECT count(*) FROM _batch") > 0
