"""Each outcome of an operation, and that none is ever applied twice.

Tests `writer.inbox`, `writer.answers`, `writer.outbox` and `writer.publish` from outside.
"""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from shared import limits
from shared.messages.commands import Operation, Result, Status
from shared.sql.plan import Step, forbid, require, returning, run
from tests.waiting import until
from tests.writer.link import Depot, Link, Notices

INSERT = 'INSERT INTO "posts"(id, title) VALUES (?, ?)'


def insert(key: str, title: str = "") -> Step:
    """One new post, whose id is returned."""
    return returning(f"{INSERT} RETURNING id", (key, title))


def count(depot: Depot, key: str) -> int:
    """How many posts have that id."""
    found = depot.value("SELECT count(*) FROM posts WHERE id = ?", (key,))
    assert isinstance(found, int)
    return found


def test_returned_value_is_the_result(depot: Depot, link: Link) -> None:
    """The value of a RETURN step comes back, and the row is visible to a reader at once."""
    result = link.run(insert("a"))
    assert (result.status, result.payload) == (Status.OK, "a")
    assert count(depot, "a") == 1


def test_head_is_on_the_page_before_the_answer(depot: Depot, link: Link) -> None:
    """Whoever has the answer finds its position on the status page."""
    for number in range(20):
        link.run(insert(f"h{number}"))
        assert depot.page.database().head == depot.value("SELECT n FROM _head")


def test_guards_refuse_and_undo(depot: Depot, link: Link) -> None:
    """REQUIRE, FORBID, a RUN without effect and a RETURN without a row refuse with their text."""
    nothing = "SELECT 1 FROM posts WHERE id = 'none'"
    change = "UPDATE posts SET title = 'x' WHERE id = 'none'"
    plans = [
        [insert("b"), require(nothing, refusal="missing")],
        [insert("b"), forbid("SELECT NULL", refusal="there:id")],
        [insert("b"), run(change, refusal="unchanged")],
        [insert("b"), returning(f"{change} RETURNING id", refusal="no row")],
    ]
    results = link.submit([link.operation(plan) for plan in plans])
    assert [result.payload for result in results] == ["missing", "there:id", "unchanged", "no row"]
    assert {result.status for result in results} == {Status.REFUSED}
    assert count(depot, "b") == 0


def test_failure_tells_code_and_text(link: Link) -> None:
    """A broken constraint comes back with SQLite's extended code and message."""
    link.run(insert("c"))
    result = link.run(insert("c"))
    assert result.status is Status.FAILED
    assert _failure(result) == (2067, "UNIQUE constraint failed: posts.id")


def _failure(result: Result) -> tuple[int, str]:
    payload: Any = result.payload
    code, text = payload
    return code, text


def test_faulty_plans_are_errors(depot: Depot, link: Link) -> None:
    """Wrong bindings, transaction control and DDL in an ordinary plan are our own faults."""
    plans = [[run(INSERT, ("only one",))], [run("COMMIT")], [run("DROP TABLE posts")]]
    plans += [[run("UPDATE _collections SET listRule = ''")]]
    results = link.submit([link.operation(plan) for plan in plans])
    assert [result.status for result in results] == [Status.ERROR] * 4
    assert link.run(insert("d")).status is Status.OK
    assert depot.page.database().catalog_version == depot.value("SELECT catalog FROM _head")


def test_late_and_stale_are_not_applied(depot: Depot, link: Link) -> None:
    """Past its deadline, or planned for another catalog: refused, and free to come again."""
    late = link.operation([insert("e")], seconds=-1)
    stale = link.operation([insert("e")], catalog_version=1)
    results = link.submit([late, stale])
    assert [result.status for result in results] == [Status.LATE, Status.STALE]
    assert count(depot, "e") == 0


def test_catalog_change_moves_the_version_before_its_answer(depot: Depot, link: Link) -> None:
    """Plans made before it are stale in the same message; the page shows the new version."""
    words = depot.page.database()
    before = words.catalog_version
    operations = [
        link.operation([insert("f1")]),
        link.operation([run("ALTER TABLE posts ADD COLUMN extra TEXT")], changes_catalog=True),
        link.operation([insert("f2")]),
    ]
    first, second, third = link.submit(operations)
    assert [first.status, second.status, third.status] == [Status.OK, Status.OK, Status.STALE]
    assert words.catalog_version == before + 1 == depot.value("SELECT catalog FROM _head")


def test_failed_catalog_change_leaves_the_version(depot: Depot, link: Link) -> None:
    """DDL that fails half way is undone whole."""
    before = depot.page.database().catalog_version
    result = link.run(run("CREATE TABLE half(a)"), run("CREATE nonsense"), changes_catalog=True)
    assert result.status is Status.FAILED
    assert depot.page.database().catalog_version == before
    assert depot.value("SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == 0


def test_second_copy_gets_the_first_answer(depot: Depot, link: Link) -> None:
    """Successes, refusals and failures are remembered alike, also for another connection."""
    operations = [
        link.operation([insert("g")]),
        link.operation([insert("g")]),
        link.operation([require("SELECT 1 WHERE 0", refusal="no")]),
    ]
    first = link.submit(operations)
    other = Link(depot, link.incarnation)
    other.hello()
    assert other.submit(operations) == first
    assert count(depot, "g") == 1


def test_two_copies_in_one_message_are_applied_once(depot: Depot, link: Link) -> None:
    """A re-send may stand in the same batch as its original."""
    operation = link.operation([insert("h")])
    link.send([operation, operation])
    message = link.receive()
    assert [result.status for result in getattr(message, "results")] == [Status.OK] * 2  # noqa: B009
    assert count(depot, "h") == 1


def test_acknowledged_operations_are_dropped(depot: Depot, link: Link) -> None:
    """A late copy of what the worker has finished is neither applied nor answered."""
    operation = link.operation([insert("i")])
    link.submit([operation])
    link.acked = operation.seq
    link.send([operation])
    assert link.run(insert("j")).status is Status.OK
    assert count(depot, "i") == 1


def test_nothing_is_heard_before_hello(depot: Depot, link: Link) -> None:
    """Operations of an unknown connection are ignored: they are sent again after Welcome."""
    stranger = Link(depot)
    stranger.send([stranger.operation([insert("k")])])
    assert stranger.hello().head == depot.value("SELECT n FROM _head")
    assert stranger.run(insert("l")).status is Status.OK
    assert count(depot, "k") == 0


def test_killed_after_commit_answers_the_same(idle_depot: Depot, tmp_path: Path) -> None:
    """Committed and not answered: the next writer answers from its log and applies nothing."""
    trap = tmp_path / "trap"
    idle_depot.start(QUILL_FAILPOINT=f"writer.after_commit=kill:{trap}")
    link = Link(idle_depot)
    link.hello()
    link.define('CREATE TABLE "posts" (_rowid_ INTEGER PRIMARY KEY, id TEXT, title TEXT)')
    trap.touch()
    operations = [link.operation([insert(f"m{number}")]) for number in range(10)]
    link.send(operations)
    assert idle_depot.wait() == -signal.SIGKILL
    head = idle_depot.page.database().head
    idle_depot.start()
    assert link_again(idle_depot, link, operations) == [Status.OK] * 10
    assert idle_depot.value("SELECT count(*) FROM posts") == 10
    assert idle_depot.page.database().head == head + 10


@pytest.mark.parametrize("seconds_left", [3, -1])
def test_old_catalog_change_is_still_known(
    idle_depot: Depot, tmp_path: Path, seconds_left: int
) -> None:
    """Committed 15 s ago, and sent again with little or nothing left of its deadline."""
    trap = tmp_path / "trap"
    idle_depot.start(QUILL_FAILPOINT=f"writer.after_commit=kill:{trap}")
    link = Link(idle_depot)
    link.hello()
    trap.touch()
    change = link.operation(
        [run("CREATE TABLE late(id TEXT)"), returning("SELECT 'made'")], changes_catalog=True
    )
    link.send([change])
    assert idle_depot.wait() == -signal.SIGKILL
    connection = apsw.Connection(str(idle_depot.database))
    connection.execute("UPDATE _batch SET at = at - 15 * 1000000000")
    connection.close()
    idle_depot.start()
    deadline_ns = time.monotonic_ns() + seconds_left * 10**9
    assert link_again(
        idle_depot, link, [msgspec.structs.replace(change, deadline_ns=deadline_ns)]
    ) == [Status.OK]


def test_killed_before_commit_applies_once(idle_depot: Depot, tmp_path: Path) -> None:
    """Not committed: nothing is there, and the second copy is applied."""
    trap = tmp_path / "trap"
    idle_depot.start(QUILL_FAILPOINT=f"writer.before_commit=kill:{trap}")
    link = Link(idle_depot)
    link.hello()
    link.define('CREATE TABLE "posts" (_rowid_ INTEGER PRIMARY KEY, id TEXT, title TEXT)')
    trap.touch()
    operations = [link.operation([insert("n")])]
    link.send(operations)
    assert idle_depot.wait() == -signal.SIGKILL
    idle_depot.start()
    assert idle_depot.value("SELECT count(*) FROM posts") == 0
    assert link_again(idle_depot, link, operations) == [Status.OK]
    assert idle_depot.value("SELECT count(*) FROM posts") == 1


def link_again(depot: Depot, old: Link, operations: list[Operation]) -> list[Status]:
    """Reconnect as the same worker and send everything again."""
    old.close()
    link = Link(depot, old.incarnation)
    link.hello()
    results: list[Result] = link.submit(operations)
    return [result.status for result in results]


def test_full_inbox_is_busy_at_once(idle_depot: Depot, tmp_path: Path) -> None:
    """Beyond the bound new operations are refused while the batch thread is held."""
    gate = tmp_path / "gate"
    idle_depot.start(QUILL_FAILPOINT=f"writer.before_operation=hold:{gate}")
    link = Link(idle_depot)
    link.hello()
    gate.touch()
    held = gate.with_name("gate.held")
    link.send([link.operation([run("SELECT 1")])])
    until(held.exists, what="the batch thread is held")
    size = limits.WRITER_INBOX_OPERATIONS // 4
    messages = [[link.operation([run("SELECT 1")]) for _ in range(size)] for _ in range(4)]
    for operations in messages:
        link.send(operations)
    link.send(messages[0])  # second copies may not be told that they were not applied
    refused = link.results(size)
    assert set(refused) == {operation.seq for operation in messages[3]}
    assert {result.status for result in refused.values()} == {Status.BUSY}
    held.unlink()
    answered = set(_drain(link, 1 + 4 * size))
    assert answered == {1, *(op.seq for part in messages[:3] for op in part)}


def _drain(link: Link, count: int) -> list[int]:
    """The seqs of the next `count` results, copies included."""
    found: list[int] = []
    while len(found) < count:
        message = link.receive()
        results: list[Result] = getattr(message, "results")  # noqa: B009
        assert {result.status for result in results} <= {Status.OK, Status.LATE}
        found += [result.seq for result in results]
    return found


def test_notice_names_the_new_rows(depot: Depot, link: Link) -> None:
    """Each commit that changed rows is published with the span of `_change`."""
    notices = Notices(depot)
    until(lambda: _published(depot, link, notices), what="subscribed")
    before = depot.page.database().head
    link.submit([link.operation([insert(f"o{number}")]) for number in range(3)])
    notice = notices.next()
    while notice.before < before:
        notice = notices.next()
    assert (notice.database, notice.before, notice.head) == ("main", before, before + 3)
    assert notice.feed == depot.page.database().feed


def _published(depot: Depot, link: Link, notices: Notices) -> bool:
    link.run(run("INSERT INTO posts(id) VALUES (hex(randomblob(8)))"))
    return notices.has_one()


def test_who_did_what_is_kept_with_the_commit(depot: Depot, link: Link) -> None:
    """`_commit` names request and actor of each operation, and its last row."""
    operations = [
        link.operation([insert("p")], request_id="request-1"),
        link.operation([run("SELECT 1")], request_id="request-2"),
        link.operation([insert("q"), insert("r")], request_id="request-3"),
    ]
    link.submit(operations)
    head = depot.page.database().head
    assert depot.operations_of_last_commit() == [
        ["request-1", "", head - 2],
        ["request-3", "", head],
    ]


def test_failures_alone_need_no_commit(depot: Depot, link: Link) -> None:
    """A batch in which nothing succeeded leaves no trace in the file."""
    link.run(insert("s"))
    before = depot.value("SELECT seq FROM _head")
    assert link.run(insert("s")).status is Status.FAILED
    assert depot.value("SELECT seq FROM _head") == before


def test_sigterm_finishes_the_queue(idle_depot: Depot, tmp_path: Path) -> None:
    """What had arrived is settled and answered; then it ends with 0 and a short log."""
    gate = tmp_path / "gate"
    idle_depot.start(QUILL_FAILPOINT=f"writer.before_operation=hold:{gate}")
    link = Link(idle_depot)
    link.hello()
    gate.touch()
    held = gate.with_name("gate.held")
    operations = [link.operation([run("SELECT 1")]) for _ in range(5)]
    link.send(operations)
    until(held.exists, what="the batch thread is held")
    assert idle_depot.process is not None
    idle_depot.process.send_signal(signal.SIGTERM)
    held.unlink()
    assert len(link.results(5)) == 5
    assert idle_depot.wait() == 0
