"""Rows of tables with virtual columns: told once a transaction, as they were and as they are.

Tests `writer.stored_rows` from outside.
"""

from __future__ import annotations

from typing import Any

import apsw
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import limits
from shared.messages.changes import Act
from shared.messages.commands import Status
from shared.sql.plan import run
from shared.sqlite.connect import open_writer
from tests.writer.link import Depot, Link
from writer.capture import Capture, encode_events
from writer.stored_rows import told
from writer.tables import encode

CREATE, UPDATE, DELETE, RESET = Act.CREATE, Act.UPDATE, Act.DELETE, Act.RESET
SUMS = "CREATE TABLE sums(id INTEGER PRIMARY KEY, b INTEGER AS (a + 1), a INTEGER) STRICT"
KEYED = "CREATE TABLE keyed(k BLOB PRIMARY KEY, a INTEGER, b AS (a + 1), rowid TEXT)"


def row(key: int, a: int) -> dict[str, Any]:
    """As it is logged: the virtual column, too."""
    return {"id": key, "b": a + 1, "a": a}


def test_each_change_has_its_values(depot: Depot, link: Link) -> None:
    """Deletes and what REPLACE drops as well; of an update also what followed from it."""
    link.define(SUMS)
    head = depot.page.database().head
    link.run(run("INSERT INTO sums(a) VALUES (1)"))
    link.run(run("UPDATE sums SET a = 2"))
    link.run(run("UPDATE sums SET id = 5"))
    link.run(run("REPLACE INTO sums(id, a) VALUES (5, 3)"))
    link.run(run("DELETE FROM sums"))
    assert depot.events(head) == [
        ("sums", CREATE, 1, None, row(1, 1)),
        ("sums", UPDATE, 1, {"a": 1, "b": 2}, row(1, 2)),
        ("sums", DELETE, 1, row(1, 2), None),
        ("sums", CREATE, 5, None, row(5, 2)),
        ("sums", UPDATE, 5, {"a": 2, "b": 3}, row(5, 3)),
        ("sums", DELETE, 5, row(5, 3), None),
    ]


def test_keys_that_are_no_rowids(depot: Depot, link: Link) -> None:
    """Also where a column has the rowid's first name."""
    link.define(KEYED)
    head = depot.page.database().head
    link.run(run("INSERT INTO keyed(k, a, rowid) VALUES (x'01', 1, 'r')"))
    link.run(run("UPDATE keyed SET k = x'02'"))
    link.run(run("DELETE FROM keyed"))
    first = {"k": b"\x01", "a": 1, "b": 2, "rowid": "r"}
    second = {**first, "k": b"\x02"}
    assert depot.events(head) == [
        ("keyed", CREATE, b"\x01", None, first),
        ("keyed", DELETE, b"\x01", first, None),
        ("keyed", CREATE, b"\x02", None, second),
        ("keyed", DELETE, b"\x02", second, None),
    ]


def test_what_a_transaction_undoes_is_not_told(depot: Depot, link: Link) -> None:
    """Nor a row that came and went; the row that others rely on keeps its place among them."""
    link.define(SUMS)
    head = depot.page.database().head
    failed = link.run(
        run("INSERT INTO sums(a) VALUES (1)"), run("INSERT INTO sums(id, a) VALUES (1, 'text')")
    )
    assert failed.status is not Status.OK
    link.run(run("INSERT INTO sums(a) VALUES (1)"), run("DELETE FROM sums"))
    assert depot.page.database().head == head
    link.run(
        run("INSERT INTO sums(a) VALUES (1)"),
        run("INSERT INTO posts(id) VALUES ('p')"),
        run("UPDATE sums SET a = 7"),
    )
    assert [(table, act) for table, act, *_ in depot.events(head)] == [
        ("posts", CREATE),
        ("sums", CREATE),
    ]


@pytest.mark.parametrize("column", ["a TEXT, b AS (length(a))", "b AS (length(a)), a BLOB"])
def test_a_row_that_is_too_large(depot: Depot, link: Link, column: str) -> None:
    """By its key alone; a delete of it is a reset."""
    link.define(f"CREATE TABLE large(id INTEGER PRIMARY KEY, {column})")
    head = depot.page.database().head
    link.run(run(f"INSERT INTO large(a) VALUES (zeroblob({limits.CHANGE_ROW_BYTES_MAX}))"))
    link.run(run("DELETE FROM large"))
    assert depot.events(head) == [
        ("large", CREATE, 1, None, None),
        ("large", RESET, 1, None, None),
    ]


def test_a_row_that_cannot_be_read_is_a_reset(depot: Depot, link: Link) -> None:
    """One for all of its table, however many rows were touched."""
    link.define("CREATE TABLE huge(id INTEGER PRIMARY KEY, a, b AS (zeroblob(a)))")
    link.run(run(f"INSERT INTO huge(a) VALUES ({limits.READ_BYTES_MAX + 1}), (1)"))
    head = depot.page.database().head
    assert link.run(run("UPDATE huge SET a = 1")).status is Status.OK
    assert depot.events(head) == [("huge", RESET, None, None, None)]


_KEYS = st.integers(0, 3)
_STATEMENTS = st.one_of(
    st.builds("INSERT OR IGNORE INTO t(k, a) VALUES ({0}, {1})".format, _KEYS, _KEYS),
    st.builds("REPLACE INTO t(k, a) VALUES ({0}, {1})".format, _KEYS, _KEYS),
    st.builds("UPDATE OR IGNORE t SET k = {0} WHERE k = {1}".format, _KEYS, _KEYS),
    st.builds("UPDATE OR REPLACE t SET k = {0} WHERE k = {1}".format, _KEYS, _KEYS),
    st.builds("UPDATE t SET a = {0} WHERE k = {1}".format, _KEYS, _KEYS),
    st.builds("DELETE FROM t WHERE k = {0}".format, _KEYS),
)


@settings(max_examples=150, deadline=None)
@given(
    transactions=st.lists(st.lists(_STATEMENTS, max_size=8), min_size=1, max_size=3),
    key=st.sampled_from(["k INTEGER PRIMARY KEY", "k INTEGER NOT NULL, PRIMARY KEY (k)", "k INT"]),
)
def test_who_follows_the_events_has_the_table(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[list[str]], key: str
) -> None:
    """Whatever happens in a transaction: each event fits what those before it made of the table."""
    connection = open_writer(tmp_path_factory.mktemp("rows") / "t.db")
    body = key.replace("k INT", "k INT UNIQUE", 1) if key == "k INT" else key
    columns, _, constraint = body.partition(", PRIMARY")
    rest = f", PRIMARY{constraint}" if constraint else ""
    connection.execute(f"CREATE TABLE t({columns}, a INTEGER, b AS (a * 10 + k){rest})")
    capture = Capture(connection)
    held: dict[Any, dict[str, Any]] = {}
    for statements in transactions:
        capture.clear()
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        changes, last = encode_events(told(connection, capture.events), 0)
        assert len(last) == len(capture.events)
        connection.execute("COMMIT")
        _follow(held, changes)
        assert sorted(map(_row, held.values())) == _table(connection)
    connection.close()


def _follow(held: dict[Any, dict[str, Any]], changes: list[Any]) -> None:
    for _, _, act, key, old, new in changes:
        assert (key in held) is (act != CREATE)
        if act == DELETE:
            assert encode(held.pop(key)) == old
        else:
            held[key] = _decode(new)


def _decode(values: bytes) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.msgpack.decode(values)
    return found


def _row(values: dict[str, Any]) -> tuple[Any, ...]:
    return values["k"], values["a"], values["b"]


def _table(connection: apsw.Connection) -> list[Any]:
    return connection.execute("SELECT k, a, b FROM t ORDER BY k").fetchall()
