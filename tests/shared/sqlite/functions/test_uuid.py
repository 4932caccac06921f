"""UUID functions agree with Python's own module."""

from __future__ import annotations

import re
import threading
import uuid

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.uuid import uuid_v7
from tests.shared.sqlite.functions.calling import Calling, call

_TEXT = re.compile(r"[0-9a-f-]{36}")


@given(st.uuids())
def test_a_uuid_is_known_in_both_forms(one: uuid.UUID) -> None:
    """Blob and text, upper-case too; versions as the standard library reads them."""
    for value in (one.bytes, str(one), str(one).upper()):
        assert call("is_uuid(?)", value) == 1
        assert call("is_uuid_v4(?)", value) == (one.version == 4)
        assert call("is_uuid_v7(?)", value) == (one.version == 7)
    assert call("uuid_text(?)", one.bytes) == str(one) == call("uuid_text(?)", str(one).upper())
    assert call("uuid_parse(?)", str(one)) == one.bytes


@pytest.mark.parametrize("name", ["is_uuid", "is_uuid_v4", "is_uuid_v7"])
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"1" * 15,
        b"1" * 17,
        "",
        "x" * 36,
        "1" * 32,
        7,
        1.5,
        "{30d66c05-78fc-41b5-8e37-a4183fe3f9f5}",
    ],
)
def test_what_is_none(name: str, value: object) -> None:
    """Other lengths, forms and types."""
    assert call(f"{name}(?)", value) == 0


def test_null_passes_and_stays_null() -> None:
    """NOT NULL is a constraint of its own."""
    checks = "is_uuid(NULL), is_uuid_v4(NULL), is_uuid_v7(NULL), uuid_text(NULL), uuid_parse(NULL)"
    assert call(checks) == (1, 1, 1, None, None)


@pytest.mark.parametrize("expression", ["uuid_text(?)", "uuid_parse(?)"])
@pytest.mark.parametrize("value", ["no", 5, b"123", "0" * 1_000_000])
def test_conversion_refuses_what_is_no_uuid(expression: str, value: object) -> None:
    """An error of SQL."""
    with pytest.raises(FunctionError, match="no UUID") as refused:
        call(expression, value)
    assert refused.value.extendedresult == 1


def test_new_ones_have_their_version() -> None:
    """Made, each is different, and of its version and variant."""
    fourth = {uuid.UUID(bytes=call("uuid_v4()")) for _ in range(100)}
    assert len(fourth) == 100
    assert {(one.version, one.variant) for one in fourth} == {(4, uuid.RFC_4122)}
    seventh = uuid.UUID(bytes=call("uuid_v7()"))
    assert (seventh.version, seventh.variant) == (7, uuid.RFC_4122)


def test_version_seven_only_grows() -> None:
    """In several threads at once, and many in a millisecond."""
    drawn: list[list[bytes]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=_draw, args=(into,)) for into in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one == sorted(one) for one in drawn)
    assert len({each for one in drawn for each in one}) == 8_000


def _draw(into: list[bytes]) -> None:
    into.extend(uuid_v7() for _ in range(2_000))


def test_as_key_with_a_default() -> None:
    """In a CHECK, a DEFAULT, a generated column and an index, where the schema is not trusted."""
    run = Calling().connection.execute
    run(
        "CREATE TABLE t(id BLOB PRIMARY KEY NOT NULL CHECK(is_uuid_v7(id)) DEFAULT (uuid_v7()),"
        " v INTEGER, told TEXT AS (uuid_text(id))) STRICT"
    )
    run("CREATE INDEX i ON t(uuid_text(id))")
    run("INSERT INTO t(v) VALUES (1), (2)")
    rows = run("SELECT told FROM t ORDER BY v").fetchall()
    assert all(_TEXT.fullmatch(str(row[0])) for row in rows)
    assert rows == sorted(rows)
    plan = run("EXPLAIN QUERY PLAN SELECT v FROM t WHERE uuid_text(id) = 'x'").fetchall()
    assert "USING INDEX i" in str(plan)
    with pytest.raises(apsw.ConstraintError, match="CHECK constraint failed"):
        run("INSERT INTO t(id) VALUES (uuid_v4())")
