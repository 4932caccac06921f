"""What single filters mean, by hand: types, refusals, bounds, and that an index serves them."""

from __future__ import annotations

from uuid import UUID

import apsw
import pytest

from shared.errors import Kind, QuillError
from shared.language.expression import Join
from shared.language.filter_tree import Compare, Junction, Operator, Tree
from shared.limits import FILTER_COMPARISONS_MAX, LIKE_PATTERN_BYTES_MAX, SQL_PATTERN_BYTES_MAX
from shared.schema.tables.table import Table
from shared.sql.api.filters import Filter, compile_filter
from shared.sqlite.functions.register import register
from tests.shared.schema.tables.sample import read

TABLE = """
    CREATE TABLE t (
        id INTEGER PRIMARY KEY, n INTEGER, x REAL, s TEXT, b BLOB, u BLOB CHECK(is_uuid(u)),
        o BLOB REFERENCES users (id), v ANY, g BLOB CHECK(ST_IsValid(g)), _w TEXT
    ) STRICT
"""
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.fixture(name="db")
def _db() -> apsw.Connection:
    db = apsw.Connection(":memory:")
    register(db)
    db.pragma("case_sensitive_like", value=True)
    db.execute(TABLE)
    db.execute("CREATE INDEX by_n ON t (n)")
    db.execute("CREATE INDEX by_v ON t (v)")
    return db


def table_of(db: apsw.Connection) -> Table:
    """The table as it is introspected."""
    found = read(db).find("t")
    assert found is not None
    return found


def one(column: str, operator: str, value: str) -> Compare:
    """A comparison as it is written."""
    return Compare(column, Operator(operator), value)


def compiled(db: apsw.Connection, tree: Tree) -> Filter:
    """A filter of the table."""
    return compile_filter(table_of(db).columns, tree)


def count(db: apsw.Connection, tree: Tree) -> object:
    """How many rows it lets through."""
    sql, params = compiled(db, tree).condition
    return db.execute(f"SELECT count(*) FROM t AS _ROW_ WHERE {sql}", params).get


@pytest.mark.parametrize(
    "tree",
    [
        one("n", "$eq", "1.5"), one("n", "$gt", "x"), one("n", "$eq", ""), one("n", "$eq", "true"),
        one("n", "$eq", "9223372036854775808"), one("n", "$like", "1"), one("n", "$re", "1"),
        one("x", "$eq", "nan"), one("x", "$eq", "1e999"), one("x", "$eq", "0x1"),
        one("b", "$eq", "+/+/"), one("b", "$eq", "A"), one("b", "$eq", "AQ="),
        one("u", "$eq", "{01890a5d-ac96-774b-bcce-b302099a8057}"),
        one("s", "$is", "null"), one("s", "$is", "TRUE"), one("s", "$is", ""),
        one("s", "@within", "POINT (0 0)"), one("b", "@within", "POINT (0 0)"),
        one("g", "@within", "POINT (0 0);"), one("g", "@within", "'"),
        one("_w", "$eq", "x"), one("_w", "$is", "NULL"), one("w", "$eq", "x"), one("rowid", "$eq", "1"),
        one('s" OR 1 OR "s', "$eq", "x"), one("t.s", "$eq", "x"), one("", "$eq", "x"),
    ],
)  # fmt: skip
def test_what_means_nothing_to_a_column_is_refused(db: apsw.Connection, tree: Tree) -> None:
    """Also where it is one of several, and would decide nothing."""
    for asked in (tree, Junction(Join.ANY, (one("s", "$is", "NULL"), tree))):
        with pytest.raises(QuillError, match="Invalid filter params") as refused:
            compiled(db, asked)
        assert refused.value.kind is Kind.INVALID


def test_a_hidden_column_and_none_are_told_alike(db: apsw.Connection) -> None:
    """An error tells nobody which columns there are."""
    told = []
    for name in ("_w", "_x"):
        with pytest.raises(QuillError) as refused:
            compiled(db, one(name, "$eq", "1"))
        told.append(refused.value.message.replace(name, ""))
    assert told[0] == told[1]


def test_a_uuid_is_written_in_two_ways(db: apsw.Connection) -> None:
    """As its text where the column holds or refers to one, and as base64 anywhere."""
    text, encoded = str(ID), "AYkKXayWd0u8zrMCCZqAVw=="
    for value in (text, text.upper(), encoded, encoded[:-2]):
        for name in ("u", "o"):
            assert compiled(db, one(name, "$eq", value)).condition.params == (ID.bytes,)
    assert compiled(db, one("b", "$eq", encoded)).condition.params == (ID.bytes,)
    assert compiled(db, one("b", "$eq", text)).condition.params != (ID.bytes,)


def test_a_column_of_any_type_is_asked_by_what_is_shown(db: apsw.Connection) -> None:
    """`5` may be a number or a text, and `AQID` a text or a blob."""
    for value in (5, 5.0, "5", "test", b"\xb5\xeb-", "POINT", 7):
        db.execute("INSERT INTO t (v) VALUES (?)", (value,))
    assert count(db, one("v", "$eq", "5")) == 3
    assert count(db, one("v", "$eq", "test")) == 2
    assert count(db, one("v", "$ne", "test")) == 5
    assert count(db, one("v", "$gt", "5")) == 5, "7, and what is no number"
    assert count(db, one("v", "$lt", "test")) == 5
    assert count(db, one("v", "$like", "%5%")) == 1, "texts only"


def test_like_tells_upper_from_lower_case(db: apsw.Connection) -> None:
    """As SQL rules do."""
    for value in ("Cat", "cat", "c_t"):
        db.execute("INSERT INTO t (s) VALUES (?)", (value,))
    assert count(db, one("s", "$like", "c%")) == 2
    assert count(db, one("s", "$like", "C_t")) == 1
    assert count(db, one("s", "$re", "(?i)^CAT$")) == 2


def test_a_number_is_compared_as_it_would_be_stored(db: apsw.Connection) -> None:
    """2^53 + 1 is no REAL; INTEGER has all 64 bits."""
    big = 2**53 + 1
    db.execute("INSERT INTO t (n, x) VALUES (?, ?)", (big, big))
    assert count(db, one("x", "$eq", str(big))) == 1
    assert count(db, one("n", "$eq", str(big))) == 1
    assert count(db, one("n", "$eq", str(big - 1))) == 0


@pytest.mark.parametrize(
    ("tree", "fails"),
    [
        (one("g", "@within", "POLYGON ((0 0, 1 0, 1 1, 0 0))"), False),
        (one("g", "@intersects", "POLYGON ((0 0, 1 0, 1 1))"), True),
        (one("g", "@contains", "POINT (0 0) x"), True),
        (one("g", "@contains", ""), True),
        (one("s", "$re", "(a+)+$"), False),
        (one("s", "$re", "("), True),
        (one("v", "$re", r"(a)\1"), True),
    ],
)
def test_the_trial_fails_for_a_malformed_operand(
    db: apsw.Connection, tree: Tree, *, fails: bool
) -> None:
    """Over no row at all, so that the fault is known to be the filter's."""
    made = compiled(db, Junction(Join.ALL, (one("n", "$gt", "0"), tree)))
    assert made.searches
    assert made.trial is not None
    statement = f"SELECT {made.trial.sql}", made.trial.params
    if fails:
        with pytest.raises(apsw.SQLError):
            db.execute(*statement).fetchall()
    else:
        assert len(db.execute(*statement).fetchall()) == 1


def test_a_plain_filter_needs_no_trial(db: apsw.Connection) -> None:
    """Nor a thread; LIKE does, for long texts."""
    assert compiled(db, one("n", "$gt", "0"))[1:3] == (None, False)
    assert compiled(db, one("s", "$like", "%"))[1:3] == (None, True)


def test_what_may_fail_at_a_row_stands_apart(db: apsw.Connection) -> None:
    """Of what has to hold all; a part of which one has to hold stays together."""
    number, like, pattern = (
        one("n", "$gt", "0"), one("s", "$like", "%"), one("s", "$re", "a"),
    )  # fmt: skip
    either = Junction(Join.ANY, (number, pattern))
    made = compiled(db, Junction(Join.ALL, (number, either, like)))
    assert made.sure == compiled(db, Junction(Join.ALL, (number, like))).condition
    assert made.fallible == compiled(db, either).condition
    assert compiled(db, either).sure is None
    assert compiled(db, like).fallible is None


def test_patterns_and_filters_are_bounded(db: apsw.Connection) -> None:
    """By their bytes, and by the number of comparisons."""
    for operator, most in (("$like", LIKE_PATTERN_BYTES_MAX), ("$re", SQL_PATTERN_BYTES_MAX)):
        compiled(db, one("s", operator, "é" * (most // 2)))
        with pytest.raises(QuillError, match="bytes at most"):
            compiled(db, one("s", operator, "é" * (most // 2) + "a"))
    many = (one("n", "$gt", "0"),) * FILTER_COMPARISONS_MAX
    assert count(db, Junction(Join.ANY, many)) == 0
    with pytest.raises(QuillError, match="more than"):
        compiled(db, Junction(Join.ALL, (Junction(Join.ANY, many), many[0])))


@pytest.mark.parametrize(
    "tree", [one("n", "$gte", "5"), one("v", "$eq", "5"), one("N", "$is", "NULL")]
)
def test_an_index_serves_a_filter(db: apsw.Connection, tree: Tree) -> None:
    """Nothing is wrapped around the column."""
    sql, params = compiled(db, tree).condition
    plan = db.execute(
        f"EXPLAIN QUERY PLAN SELECT id FROM t AS _ROW_ WHERE {sql}", params
    ).fetchall()
    assert "USING COVERING INDEX by_" in str(plan[0][3])
