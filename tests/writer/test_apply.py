"""Plans of several steps: which of them said no, and the results of all."""

from __future__ import annotations

import time
from typing import Any

import apsw
import pytest

from shared import limits
from shared.messages.commands import Result, Status
from shared.messages.console import Scope, console_step
from shared.sql.plan import Step, forbid, require, returning, run
from tests.writer.link import Depot, Link

INSERT = 'INSERT INTO "posts"(id, title) VALUES (?, ?)'
SLEEP = (
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {})"
    " INSERT INTO posts(id, title) SELECT ?, max(x) FROM c"
)


def insert(key: str) -> Step:
    """One new post, told as JSON."""
    return returning(f"{INSERT} RETURNING json_object('id', id)", (key, ""))


def _code(result: Result) -> int:
    payload: Any = result.payload
    return int(payload[0])


def test_a_result_names_the_step(depot: Depot, link: Link) -> None:
    """Refused or failed, and the same for a second copy, out of the log, too."""
    never = require("SELECT 1 WHERE 0", refusal="no")
    plans = [
        ([insert("a"), never], (Status.REFUSED, 1)),
        ([never, insert("a")], (Status.REFUSED, 0)),
        ([insert("b"), insert("c"), insert("b")], (Status.FAILED, 2)),
        ([insert("d"), run("UPDATE posts SET title = '' WHERE 0", refusal="none")],
         (Status.REFUSED, 1)),
        ([insert("e")], (Status.OK, -1)),
    ]  # fmt: skip
    operations = [link.operation(steps) for steps, _ in plans]
    results = link.submit(operations)
    assert [(one.status, one.step) for one in results] == [expected for _, expected in plans]
    depot.kill()
    depot.start()
    again = Link(depot, link.incarnation)
    again.hello()
    assert again.submit(operations) == results


def test_a_plan_may_want_all_results(depot: Depot, link: Link) -> None:
    """In order, as one JSON array; without any an empty one."""
    steps = [insert("f"), run(INSERT, ("g", "")), insert("h")]
    result = link.submit([link.operation(steps, returns_all=True)])[0]
    assert (result.status, result.payload) == (Status.OK, '[{"id":"f"},{"id":"h"}]')
    none = link.submit([link.operation([run(INSERT, ("i", ""))], returns_all=True)])[0]
    assert none.payload == "[]"
    last = link.submit([link.operation([insert("j"), insert("k")])])[0]
    assert last.payload == '{"id":"k"}'
    assert depot.value("SELECT count(*) FROM posts") == 6


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_guard_leaves_no_reading_open(depot: Depot, link: Link, rows: int) -> None:
    """However many rows it finds, their table may be dropped by what comes next."""
    link.run(*[insert(str(number)) for number in range(rows)])
    some = "SELECT 1 FROM posts"
    drop = console_step(Scope(), ["DROP TABLE posts"])
    guards = [require(some, refusal="a"), require(some, refusal="b")]
    dropped = link.operation([*guards, drop], changes_catalog=True, seconds=30)
    forbidden = link.operation([forbid(some, refusal="c")])
    results = link.submit([forbidden, dropped])
    assert [(one.status, one.step) for one in results] == [(Status.REFUSED, 0), (Status.OK, -1)]
    assert depot.value("SELECT count(*) FROM sqlite_schema WHERE name = 'posts'") == 0


def test_one_row_is_enough_for_a_guard(depot: Depot, link: Link) -> None:
    """What comes after it is not asked for: it could fail, or take longer than a guard may."""
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT 1 FROM c"
    fails = 'SELECT json(value) FROM json_each(\'["1", "no JSON"]\')'
    plans = [
        [step(f"{sql} WHERE {condition}", refusal="it is there")]
        for sql, condition in ((endless, "x = 1"), (fails, "1"))
        for step in (forbid, require)
    ]
    results = link.submit([link.operation([*guard, insert("a")]) for guard in plans[::2]])
    assert [(one.status, one.payload) for one in results] == [
        (Status.REFUSED, "it is there"), (Status.REFUSED, "it is there"),
    ]  # fmt: skip
    required = [guard for (guard,) in plans[1::2]]
    result = link.submit([link.operation([*required, insert("b")])])[0]
    assert result.status is Status.OK
    assert depot.rows("SELECT id FROM posts") == [("b",)]


def test_the_steps_of_a_large_plan_share_their_time(depot: Depot, link: Link) -> None:
    """Each is quick enough, all of them are not: cut off by the deadline, and others go first."""
    steps = [run(SLEEP.format(400_000), (f"s{number}",)) for number in range(400)]
    slow = link.operation(steps, returns_all=True, seconds=1.0)
    started = time.monotonic()
    results = link.submit([slow, link.operation([insert("quick")])])
    assert [one.status for one in results] == [Status.FAILED, Status.OK]
    assert _code(results[0]) == apsw.SQLITE_INTERRUPT
    assert time.monotonic() - started < 2 * limits.STATEMENT_SECONDS
    assert depot.value("SELECT count(*) FROM posts WHERE id LIKE 's%'") == 0
    assert link.run(insert("after")).status is Status.OK


@pytest.mark.parametrize("size", [8, 17])
def test_results_are_bounded_together(depot: Depot, link: Link, size: int) -> None:
    """A small plan may not ask for an answer of any size."""
    mib = limits.MIB
    run_text = returning("SELECT printf('\"%.*c\"', ?, 'x')", (4 * mib - 2,))
    result = link.submit([link.operation([insert("w"), *[run_text] * size], returns_all=True)])[0]
    fits = size * 4 * mib < limits.PLAN_RESULT_CHARS_MAX
    if fits:
        assert (result.status, len(str(result.payload))) == (Status.OK, size * 4 * mib + 20)
    else:
        assert _code(result) == apsw.SQLITE_TOOBIG
        assert result.step == size - 1
    assert depot.value("SELECT count(*) FROM posts WHERE id = 'w'") == int(fits)
