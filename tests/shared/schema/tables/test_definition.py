"""CREATE TABLE texts as SQLite stores them: checks, collations, formulas."""

from __future__ import annotations

import pytest

from shared.schema.tables.check import Check
from shared.schema.tables.definition import (
    DefinedColumn,
    Definition,
    DefinitionError,
    read_definition,
    tells_more,
)
from shared.sqlite.driver import Connection
from tests.shared.schema.tables.sample import new_database


def stored(sql: str) -> str:
    """What SQLite makes of it."""
    return first_definition(new_database(sql))


def first_definition(db: Connection) -> str:
    """The first definition of a database, as SQLite stores it."""
    return str(db.execute("SELECT sql FROM sqlite_schema").fetchall()[0][0])


def read(sql: str) -> Definition:
    """A definition that SQLite took, read."""
    return read_definition(stored(sql))


def test_constraints_of_columns_and_of_the_table() -> None:
    """Names, brackets in texts and comments, several checks at one column."""
    made = read(
        """CREATE TABLE IF NOT EXISTS "t ( 'x" (
            a INTEGER CONSTRAINT pos CHECK (a > 0) CHECK(a < (10 + (2))) NOT NULL, -- ), CHECK (1)
            'b b' TEXT /* , c INT CHECK (0) */ DEFAULT ('),CHECK(') COLLATE nocase
                CHECK ("b b" <> ')'),
            [c,d] NUMERIC(10, 2) CONSTRAINT n NOT NULL CHECK(1) REFERENCES "check"("a") ON DELETE CASCADE,
            CONSTRAINT "both" CHECK (a > length("b b")),
            UNIQUE (a, "b b" COLLATE rtrim), CHECK (a IN (1, 2, 3))
        )"""
    )
    assert made.columns == (
        DefinedColumn("a"),
        DefinedColumn("b b", "NOCASE"),
        DefinedColumn("c,d"),
    )
    assert made.checks == (
        Check("a > 0", "a", "pos"),
        Check("a < (10 + (2))", "a"),
        Check("\"b b\" <> ')'", "b b"),
        Check("1", "c,d"),
        Check('a > length("b b")', None, "both"),
        Check("a IN (1, 2, 3)"),
    )


def test_generated_columns() -> None:
    """With and without the long form, whatever stands beside them."""
    made = read(
        "CREATE TABLE t(a, b AS (a || ')'), c INT GENERATED ALWAYS AS ((a + 1)) STORED CHECK (c>1),"
        " d TEXT AS (CAST(a AS TEXT)) VIRTUAL COLLATE NOCASE)"
    )
    assert [(c.name, c.formula, c.collation) for c in made.columns] == [
        ("a", None, "BINARY"),
        ("b", "a || ')'", "BINARY"),
        ("c", "(a + 1)", "BINARY"),
        ("d", "CAST(a AS TEXT)", "NOCASE"),
    ]
    assert made.checks == (Check("c>1", "c"),)


def test_constraints_need_no_comma() -> None:
    """SQLite takes table constraints one behind the other."""
    made = read("CREATE TABLE t(a, CHECK (a > 1) CONSTRAINT x CHECK (a < 9) UNIQUE (a))")
    assert made.checks == (Check("a > 1"), Check("a < 9", None, "x"))


def test_a_table_made_of_a_query_and_altered() -> None:
    """SQLite writes such definitions itself."""
    db = new_database(
        'CREATE TABLE t AS SELECT 1 AS \'a b\', 2 AS "c""d"',
        "ALTER TABLE t ADD COLUMN e TEXT COLLATE NOCASE CHECK (e <> 'x')",
        'ALTER TABLE t RENAME COLUMN e TO "f, g"',
        'ALTER TABLE t RENAME TO "check("',
    )
    made = read_definition(first_definition(db))
    assert [one.name for one in made.columns] == ["a b", 'c"d', "f, g"]
    assert made.checks == (Check("\"f, g\" <> 'x'", "f, g"),)


def test_names_that_look_like_keywords_in_quotes() -> None:
    """Quoted they are names, and behind the table's constraints there are no columns."""
    made = read(
        'CREATE TABLE "CHECK"("CHECK" TEXT, "UNIQUE" "as" CHECK ("UNIQUE" > 1), "COLLATE",'
        ' PRIMARY KEY ("CHECK"), FOREIGN KEY ("UNIQUE") REFERENCES "CHECK")'
    )
    assert [one.name for one in made.columns] == ["CHECK", "UNIQUE", "COLLATE"]
    assert made.checks == (Check('"UNIQUE" > 1', "UNIQUE"),)


def test_when_there_is_nothing_to_read() -> None:
    """Most tables are known from SQLite's own functions alone."""
    assert not tells_more(
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL DEFAULT 'x') STRICT"
    )
    assert tells_more("CREATE TABLE t(a TEXT collate nocase)")
    assert tells_more("CREATE TABLE t(a, b as (a))")
    assert tells_more("CREATE TABLE t(a check(a > 1))")


@pytest.mark.parametrize(
    "sql", ["", "CREATE TABLE t", "CREATE TABLE t(a, (b)", "t(,)", "t(1 CHECK(1))"]
)
def test_what_is_no_definition(sql: str) -> None:
    """It is told, whatever it is."""
    with pytest.raises(DefinitionError):
        read_definition(sql)
