"""Related records by one statement: forward, back, and back from a view."""

from __future__ import annotations

import json
from typing import Any

import apsw
import pytest

from shared.schema.collection import Collection
from shared.schema.table import create_table
from shared.sql.predicate import Predicate
from shared.sql.related import referred_sql, referring_sql
from shared.sql.shape import shape_of
from tests.shared.sql.sample import CATALOG, SAMPLE, insert

ONLY_ID = shape_of(SAMPLE, CATALOG, hidden=False, only=frozenset({"id"}))
RULE = Predicate('r."title" <> ?', ("hidden",))
VIEW = Collection("c_looks", "looks", "view", False, SAMPLE.fields)


@pytest.fixture
def connection() -> apsw.Connection:
    """Nine records that refer to `a` or `b` one way and both ways, and a view of them."""
    made = apsw.Connection(":memory:")
    for sql in create_table(SAMPLE):
        made.execute(sql)
    made.execute("CREATE UNIQUE INDEX by_id ON sample(id)")
    for number in range(9):
        owner = "ab"[number % 2]
        title = "hidden" if number == 4 else f"t{number}"
        friends = json.dumps(["a", "b"] if number > 6 else [owner])
        insert(made, SAMPLE, id=f"r{number}", title=title, owner=owner, friends=friends)
    made.execute("CREATE VIEW looks AS SELECT * FROM sample")
    return made


def _run(connection: apsw.Connection, sql: str, *params: Any) -> list[tuple[str, str]]:
    return [(key, json.loads(text)["id"]) for key, text in connection.execute(sql, params)]


def test_records_are_found_by_their_ids(connection: apsw.Connection) -> None:
    """Each once, those that the rule lets through; ids that nobody has are no harm."""
    sql = referred_sql(SAMPLE, RULE, ONLY_ID)
    found = _run(connection, sql, '["r5","r4","r1","x"]', "hidden")
    assert sorted(found) == [("r1", "r1"), ("r5", "r5")]
    lines = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("[]", "x"))]
    assert any(line.startswith("SEARCH r USING INDEX") for line in lines), lines


@pytest.mark.parametrize("source", [SAMPLE, VIEW])
@pytest.mark.parametrize(
    ("name", "of_a", "of_b"),
    [("owner", "r0 r2 r4", "r1 r3 r5"), ("friends", "r0 r2 r4", "r1 r3 r5")],
)
def test_records_that_refer_are_found(
    connection: apsw.Connection, source: Collection, name: str, of_a: str, of_b: str
) -> None:
    """So many of each id in order of creation, then the rule."""
    field = source.by_name[name]
    shape = shape_of(source, CATALOG, hidden=False, only=frozenset({"id"}))
    sql = referring_sql(source, field, None, shape)
    found = _run(connection, sql, '["a","b","x"]', 3, 100)
    assert [one for key, one in found if key == "a"] == of_a.split()
    assert [one for key, one in found if key == "b"] == of_b.split()
    assert len(_run(connection, sql, '["a","b"]', 3, 4)) == 4


def test_a_rule_stands_where_its_parameters_do(connection: apsw.Connection) -> None:
    """For tables after the number of each id, for views before it."""
    sql = referring_sql(SAMPLE, SAMPLE.by_name["owner"], RULE, ONLY_ID)
    assert _run(connection, sql, '["a"]', 3, "hidden", 9) == [("a", "r0"), ("a", "r2")]
    sql = referring_sql(VIEW, VIEW.by_name["owner"], RULE, ONLY_ID)
    assert _run(connection, sql, '["a"]', "hidden", 2, 9) == [("a", "r0"), ("a", "r2")]


@pytest.mark.parametrize("name", ["owner", "friends"])
def test_who_refers_is_looked_up(connection: apsw.Connection, name: str) -> None:
    """By the index of the relation, or its side table: no table is read whole."""
    sql = referring_sql(SAMPLE, SAMPLE.by_name[name], None, ONLY_ID)
    lines = connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("[]", 1, 1)).fetchall()
    texts = [str(row[3]) for row in lines]
    assert "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)" in texts
    assert not [text for text in texts if text.startswith("SCAN") and "wanted" not in text], texts
