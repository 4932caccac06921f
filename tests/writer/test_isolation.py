"""64 clients share one batch, and one of them ends its transaction.

Tests `writer.apply`, `writer.outcomes`, `writer.time_limits`, `writer.engine`, `writer.sealing` and
`writer.batch` from outside.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from shared.limits import DEFINITION_GUARD_SECONDS
from shared.messages.commands import Status
from shared.sql.plan import Step, forbid, run
from tests.writer.link import Depot, Link

_CLIENTS = 64
_ENDLESS = (
    "INSERT INTO notes(id) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"
    " SELECT 'never' || x FROM c WHERE x < 0"
)
_BAD: dict[str, list[Step]] = {
    "RAISE(ROLLBACK)": [run("INSERT INTO notes(id) VALUES ('bomb')")],
    "ON CONFLICT ROLLBACK": [run("INSERT OR ROLLBACK INTO notes(id) VALUES ('taken')")],
    "deferred foreign key": [run("INSERT INTO children(parent) VALUES (77)")],
    "interrupted": [run(_ENDLESS)],
    "statement after the end": [
        run("INSERT INTO notes(id) VALUES ('before')"),
        run("INSERT OR ROLLBACK INTO notes(id) VALUES ('taken')"),
        run("INSERT INTO notes(id) VALUES ('after')"),
    ],
}


def _prepare(link: Link) -> None:
    link.define(
        "CREATE TABLE notes(_rowid_ INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)",
        "CREATE TABLE parents(id INTEGER PRIMARY KEY)",
        "CREATE TABLE children(id INTEGER PRIMARY KEY,"
        " parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER bomb BEFORE INSERT ON notes WHEN new.id = 'bomb'"
        " BEGIN SELECT RAISE(ROLLBACK, 'boom'); END",
        "INSERT INTO notes(id) VALUES ('taken')",
    )


def _crowd(depot: Depot, bad: Sequence[Step], at: int) -> list[Status]:
    """64 good operations with the bad one among them, as one message of one batch."""
    link = Link(depot)
    link.hello()
    operations = [
        link.operation([run("INSERT INTO notes(id) VALUES (?)", (f"good{number}",))])
        for number in range(_CLIENTS - 1)
    ]
    operations.insert(at, link.operation(bad))
    return [result.status for result in link.submit(operations)]


@pytest.mark.parametrize("at", [0, 31, 63])
@pytest.mark.parametrize("bad", list(_BAD))
def test_one_bad_operation_harms_no_other(depot: Depot, link: Link, bad: str, at: int) -> None:
    """63 succeed with their rows present and captured; one fails and leaves nothing."""
    _prepare(link)
    head = depot.page.database().head
    statuses = _crowd(depot, _BAD[bad], at)
    assert statuses.pop(at) is Status.FAILED
    assert set(statuses) == {Status.OK}
    expected = {"taken"} | {f"good{number}" for number in range(_CLIENTS - 1)}
    assert {row[0] for row in depot.rows("SELECT id FROM notes")} == expected
    assert {event[2] for event in depot.events(head)} == expected - {"taken"}
    assert depot.page.database().head == head + _CLIENTS - 1


def test_slow_guard_runs_again_alone(depot: Depot, link: Link) -> None:
    """Too long for a batch with others, it gets a statement's time; nobody else is rolled back."""
    _prepare(link)
    counted = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1500000)"
    slow = [
        Step(0, f"{counted} SELECT 1 WHERE (SELECT max(x) FROM c) = 1500000", (), "slow"),  # type: ignore[arg-type]
        run("INSERT INTO notes(id) VALUES ('slow')"),
    ]
    commits = depot.value("SELECT seq FROM _head")
    operations = [link.operation(slow)]
    operations += [
        link.operation([run("INSERT INTO notes(id) VALUES (?)", (f"good{number}",))])
        for number in range(20)
    ]
    results = link.submit(operations)
    assert {result.status for result in results} == {Status.OK}
    assert depot.value("SELECT count(*) FROM notes") == 22
    assert depot.value("SELECT seq FROM _head") == commits + 2


def test_slow_guard_is_cut_off(depot: Depot, link: Link) -> None:
    """Alone, too, its time ends; its neighbours in the batch are not touched."""
    _prepare(link)
    slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    guard = Step(0, slow, (), "slow")  # type: ignore[arg-type]
    good = run("INSERT INTO notes(id) VALUES ('good')")
    results = link.submit([link.operation([guard]), link.operation([good])])
    assert [result.status for result in results] == [Status.FAILED, Status.OK]
    assert list(results[0].payload) == [9, "interrupted"]  # type: ignore[arg-type]


def test_a_definition_with_an_endless_guard_holds_nobody_up_for_long(link: Link) -> None:
    """A new view's query runs in one; other writes go on long before the definition's deadline."""
    _prepare(link)
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
    definition = link.operation([forbid(endless, refusal="x")], changes_catalog=True, seconds=60)
    good = link.operation([run("INSERT INTO notes(id) VALUES ('good')")], seconds=60)
    started = time.monotonic()
    results = link.submit([definition, good])
    assert [result.status for result in results] == [Status.FAILED, Status.OK]
    assert time.monotonic() - started < DEFINITION_GUARD_SECONDS + 2


def test_failed_operation_is_cut_out_of_the_log(depot: Depot, link: Link) -> None:
    """n stays contiguous when every other operation fails after it has written."""
    _prepare(link)
    head = depot.page.database().head
    operations = []
    for number in range(20):
        steps = [run("INSERT INTO notes(id) VALUES (?)", (f"x{number}",))]
        if number % 2:
            steps.append(run("INSERT INTO notes(id) VALUES ('taken')"))
        operations.append(link.operation(steps))
    results = link.submit(operations)
    assert [result.status for result in results] == [Status.OK, Status.FAILED] * 10
    assert [row[0] for row in depot.rows("SELECT n FROM _change WHERE n > ?", (head,))] == list(
        range(head + 1, head + 11)
    )
