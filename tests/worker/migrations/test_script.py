"""Scripts taken apart: `worker.migrations.script` against SQLite's own idea, and `statement`."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.migrations.script import ScriptError, split
from worker.migrations.statement import PROTECTED, executable, judge, read_script
from writer.tables import INTERNAL

_PIECES = st.sampled_from(
    [
        "SELECT 1", "'a;b'", "'it''s'", '"a;""b"', "`x;y`", "[a;b]", "-- c;'\n", "/* ;' */", " ", "\n",
        "CREATE", "TRIGGER", "TEMP", "TABLE", "BEGIN", "END", "CASE", ";", "; ", ";\n", "x", "1.5", "?1",
        ":a", "é", "-", "/", "*", "(", ")", "END;", "create trigger t begin select 1", "$x",
    ]
)  # fmt: skip


def _as_sqlite(script: str) -> list[str]:
    """Grown character by character until SQLite calls it complete."""
    found, start = [], 0
    for at, character in enumerate(script):
        if character == ";" and sqlite3.complete_statement(script[start : at + 1]):
            found.append(script[start:at])
            start = at + 1
    return [*found, script[start:]]


@given(st.lists(_PIECES, max_size=25).map(" ".join))
def test_statements_end_where_sqlite_ends_them(script: str) -> None:
    """Whatever stands in the script; empty ones and comments between them are left out."""
    ours = [one.sql for one in split(script)]
    pieces = [split(piece) for piece in _as_sqlite(script)]
    assert all(len(piece) <= 1 for piece in pieces)
    assert ours == [one.sql for piece in pieces for one in piece]


_STATEMENTS = st.lists(
    st.sampled_from(
        [
            "SELECT 1", "INSERT INTO t VALUES ('a;b', \"c\", [d;])", "DELETE FROM t -- not; here\n",
            "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
            "CREATE TEMP TRIGGER y BEFORE UPDATE ON t BEGIN DELETE FROM u; END",
            "CREATE VIEW v AS SELECT /* ; */ 1",
        ]
    )
)  # fmt: skip


@given(_STATEMENTS, st.sampled_from([";", ";\n", " ; -- c\n", ";;\n/* d; */"]))
def test_joining_and_splitting_is_identity(statements: list[str], between: str) -> None:
    """Nothing is lost, added or cut in two."""
    expected = [one.removesuffix(" -- not; here\n") for one in statements]
    assert [one.sql for one in split(between.join(statements))] == expected


def test_a_statement_knows_its_line() -> None:
    """The line of its first word, comments before it left out."""
    script = "-- one\n\nSELECT 1;\n/* three\nfour */ SELECT\n2; SELECT 3"
    assert [one.line for one in split(script)] == [3, 5, 6]


@pytest.mark.parametrize("text", ["SELECT 'a", 'SELECT "a', "SELECT [a", "SELECT `a", "SELECT \0"])
def test_what_is_never_closed_is_refused(text: str) -> None:
    """With its line."""
    with pytest.raises(ScriptError) as refused:
        split(f"SELECT 1;\n{text}")
    assert refused.value.line == 2


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "PRAGMA foreign_keys = ON",
        "VACUUM", "ATTACH 'x' AS y", "DETACH y", "EXPLAIN SELECT 1", "(SELECT 1)",
        "CREATE TEMP TABLE t (a)", "create temporary view v as select 1",
        "CREATE TABLE temp.t (a)", "INSERT INTO t VALUES (?)", "SELECT :a", "SELECT @a", "SELECT $a",
        "DELETE FROM _change", 'DROP TABLE "_HEAD"', "DROP TABLE '_batch'", "UPDATE [_collections] SET name = 1",
        "SELECT * FROM main._schema_history",
    ],
)  # fmt: skip
def test_what_has_no_place_in_a_migration(sql: str) -> None:
    """Told with the line on which it stands."""
    with pytest.raises(ScriptError) as refused:
        read_script(f"SELECT 1;\n\n{sql}")
    assert refused.value.line == 3


def test_what_may_stand_in_one() -> None:
    """Data and schema; words in texts mean nothing."""
    script = """
        CREATE TABLE t (a DEFAULT '_change; BEGIN ?');
        WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x;
        create/**/index i on t (a);
        REINDEX; ANALYZE; DROP INDEX i; ALTER TABLE t RENAME TO temp; SELECT temp FROM u;
    """
    found = [executable(one) for one in read_script(script)]
    assert found[2] == "create /**/index i on t (a)"
    assert len(found) == 8


def test_parameters_are_right_where_there_are_values() -> None:
    """A program gives them."""
    judge(split("UPDATE t SET a = ?")[0], parameters=True)


def test_every_internal_table_is_protected() -> None:
    """What the writer keeps for itself, a migration does not touch."""
    assert INTERNAL <= PROTECTED
