"""Messages to custom topics share the fate of the rows of their plan.

Tests PUBLISH steps in `writer.apply` and `writer.capture` from outside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from shared import limits
from shared.messages.changes import TOPICS, Act
from shared.messages.commands import Status
from shared.sql.message import TOPIC_TAKEN, Message, message_steps
from shared.sql.plan import (
    MESSAGE_TOO_LARGE,
    Step,
    StepKind,
    forbid,
    publish,
    require,
    returning,
    run,
)
from tests.waiting import until
from tests.writer.link import Depot, Link

_INSERT = "INSERT INTO posts(id) VALUES (?)"
_BOMB = (
    "CREATE TRIGGER bomb BEFORE INSERT ON posts WHEN new.id = 'bomb'"
    " BEGIN SELECT RAISE(ROLLBACK, 'boom'); END"
)


def insert(key: str) -> Step:
    """One new post."""
    return run(_INSERT, (key,))


def told(depot: Depot, after: int = 0) -> list[Any]:
    """(topic, JSON text) of every message, and the keys of what else happened, in order."""
    return [
        (key, new["data"]) if act == Act.MESSAGE else key
        for _table, act, key, _old, new in depot.events(after)
    ]


def test_a_message_is_a_row_of_the_log(depot: Depot, link: Link) -> None:
    """It is the only row of its commit, the head moves, and the plan's answer is empty."""
    head = depot.page.database().head
    result = link.run(publish("rooms/1", '{"a":1}'))
    assert (result.status, result.payload) == (Status.OK, None)
    assert depot.events(head) == [(TOPICS, Act.MESSAGE, "rooms/1", None, {"data": '{"a":1}'})]
    assert depot.page.database().head == head + 1
    assert depot.operations_of_last_commit() == [["", "", head + 1]]


def test_messages_and_rows_are_told_in_the_order_of_the_steps(depot: Depot, link: Link) -> None:
    """Before, between and after the rows that the same plan changes."""
    head = depot.page.database().head
    steps = [publish("t", "1"), insert("a"), publish("t", "2"), publish("u", "3"), insert("b")]
    assert link.run(*steps).status is Status.OK
    assert told(depot, head) == [("t", "1"), "a", ("t", "2"), ("u", "3"), "b"]


def test_a_plan_keeps_its_result(depot: Depot, link: Link) -> None:
    """A message between RETURN steps adds nothing to what they give."""
    steps = [
        returning(f"{_INSERT} RETURNING id", ("a",)),
        publish("t", "1"),
    ]
    assert link.run(*steps).payload == "a"
    pair = [returning("SELECT '1'"), publish("t", "2"), returning("SELECT '2'")]
    assert link.submit([link.operation(pair, returns_all=True)])[0].payload == "[1,2]"
    assert told(depot)[-1] == ("t", "2")


@pytest.mark.parametrize(
    ("after", "status"),
    [
        (require("SELECT 1 WHERE 0", refusal="no"), Status.REFUSED),
        (forbid("SELECT 1", refusal="no"), Status.REFUSED),
        (run("UPDATE posts SET id = id WHERE 0", refusal="no"), Status.REFUSED),
        (insert("taken"), Status.FAILED),
        (insert("bomb"), Status.FAILED),
        (run("COMMIT"), Status.ERROR),
        (publish("t", "x" * limits.CHANGE_ROW_BYTES_MAX), Status.REFUSED),
    ],
)
def test_a_message_of_a_refused_plan_is_never_told(
    depot: Depot, link: Link, after: Step, status: Status
) -> None:
    """Whatever is wrong with a later step, alone or among others of a batch."""
    link.define(_BOMB)
    link.run(insert("taken"))
    head = depot.page.database().head
    assert link.run(publish("t", "0"), after).status is status
    assert told(depot, head) == []
    assert depot.page.database().head == head
    bad = [insert("gone"), publish("t", "1"), after]
    operations = [link.operation([publish("t", f'"{n}"'), insert(f"p{n}")]) for n in range(20)]
    operations.insert(7, link.operation(bad))
    results = [result.status for result in link.submit(operations)]
    assert results.pop(7) is status
    assert set(results) == {Status.OK}
    wanted = [told_one for n in range(20) for told_one in (("t", f'"{n}"'), f"p{n}")]
    assert told(depot, head) == wanted
    assert depot.page.database().head == head + 40


def test_what_is_too_large_for_the_log_is_refused(depot: Depot, link: Link) -> None:
    """A message is told whole or not at all; the bound counts topic and data in bytes."""
    head = depot.page.database().head
    room = limits.CHANGE_ROW_BYTES_MAX - len(msgspec.msgpack.encode({"data": "x" * 70_000}))
    largest = "x" * (70_000 + room - len("ü".encode()))
    assert link.run(publish("ü", largest)).status is Status.OK
    result = link.run(publish("ü", f"{largest}x"))
    assert (result.status, result.payload) == (Status.REFUSED, MESSAGE_TOO_LARGE)
    assert [(key, len(data)) for key, data in told(depot, head)] == [("ü", len(largest))]


@pytest.mark.parametrize(
    "params", [(), ("t",), ("t", "1", "2"), ("t", 1), (None, "1"), (b"t", "1")]
)
def test_a_malformed_message_is_an_error(depot: Depot, link: Link, params: Any) -> None:
    """Our own fault, which leaves nothing and harms nobody."""
    head = depot.page.database().head
    assert link.run(insert("a"), Step(StepKind.PUBLISH, "", params)).status is Status.ERROR
    assert told(depot, head) == []
    assert link.run(publish("t", "1")).status is Status.OK


def test_a_catalog_change_may_publish(depot: Depot, link: Link) -> None:
    """As any plan; and a message of one that fails is not told."""
    head = depot.page.database().head
    add = run("ALTER TABLE posts ADD COLUMN more TEXT")
    assert link.run(publish("t", "1"), add, changes_catalog=True).status is Status.OK
    assert ("t", "1") in told(depot, head)
    head = depot.page.database().head
    assert link.run(publish("t", "2"), add, changes_catalog=True).status is not Status.OK
    assert told(depot, head) == []


def test_no_message_is_told_as_a_collection(depot: Depot, link: Link) -> None:
    """The guard of a plan is judged by the writer, whatever the worker believed."""
    head = depot.page.database().head
    steps = message_steps([Message("t", "1"), Message("Users/abc", "2")])
    result = link.run(insert("a"), *steps)
    assert (result.status, result.payload) == (Status.REFUSED, TOPIC_TAKEN)
    assert told(depot, head) == []
    assert link.run(*message_steps([Message("t", "1")])).status is Status.OK
    assert told(depot, head) == [("t", "1")]


def test_messages_are_kept_as_long_as_rows(depot: Depot, link: Link) -> None:
    """Retention takes them with the rest of the log, and n goes on."""
    link.run(publish("t", "1"), publish("t", "2"))
    head = depot.page.database().head
    assert depot.stop() == 0
    connection = apsw.Connection(str(depot.database))
    connection.execute("UPDATE _commit SET at = 0")
    connection.close()
    depot.start()
    until(lambda: not depot.rows("SELECT n FROM _change"), what="the log is empty")
    again = Link(depot)
    again.hello()
    again.run(publish("t", "3"))
    assert depot.rows("SELECT n, key FROM _change") == [(head + 1, "t")]


def test_a_message_of_another_catalog_is_stale(depot: Depot, link: Link) -> None:
    """So what a worker has judged by its catalog holds when it is told."""
    head = depot.page.database().head
    operation = link.operation([publish("t", "1")], catalog_version=1)
    assert link.submit([operation])[0].status is Status.STALE
    assert told(depot, head) == []


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
def test_a_message_outlives_a_killed_writer_once(
    idle_depot: Depot, tmp_path: Path, point: str
) -> None:
    """Not told when it was not committed, told once after it is sent again, whenever it died."""
    trap = tmp_path / "die"
    idle_depot.start(QUILL_FAILPOINT=f"writer.{point}=kill:{trap}")
    link = Link(idle_depot)
    link.hello()
    head = idle_depot.page.database().head
    trap.touch()
    operation = link.operation([publish("t", "1"), publish("t", "2")])
    link.send([operation])
    idle_depot.wait()
    assert len(told(idle_depot, head)) == (0 if point == "before_commit" else 2)
    idle_depot.start()
    again = Link(idle_depot, link.incarnation)
    again.hello()
    assert again.submit([operation])[0].status is Status.OK
    assert told(idle_depot, head) == [("t", "1"), ("t", "2")]
