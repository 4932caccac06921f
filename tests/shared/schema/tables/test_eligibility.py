"""Which tables and views may be record APIs, and what is said of the others."""

from __future__ import annotations

import pytest

from shared.schema.tables.column import preferred_type, strict_type
from shared.schema.tables.eligibility import KeyKind, NoRecordApiError, excluded_problem, record_key
from shared.schema.tables.view import infer_view
from tests.shared.schema.tables.sample import new_database, read, refusal, table_of

USERS = "CREATE TABLE u (id BLOB PRIMARY KEY CHECK(is_uuid(id)), other BLOB) STRICT"


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ("id INTEGER PRIMARY KEY", KeyKind.INTEGER),
        ("a TEXT, id INT PRIMARY KEY", KeyKind.INTEGER),
        ("id BLOB PRIMARY KEY CHECK(is_uuid(id))", KeyKind.UUID),
        ("id BLOB PRIMARY KEY, CHECK(is_uuid_v4(id) AND 1)", KeyKind.UUID),
        ("id BLOB PRIMARY KEY REFERENCES u", KeyKind.UUID),
        ("id BLOB PRIMARY KEY REFERENCES U (ID)", KeyKind.UUID),
        ("id BLOB PRIMARY KEY, FOREIGN KEY (id) REFERENCES u (id)", KeyKind.UUID),
        ("id TEXT PRIMARY KEY", KeyKind.TEXT),
    ],
)
def test_keys(columns: str, kind: KeyKind) -> None:
    """The documented ones, and texts."""
    tables = read(new_database(USERS, f"CREATE TABLE t ({columns}) STRICT"))
    table = tables.find("t")
    assert table is not None
    key = record_key(table, tables)
    assert (key.column.name, key.kind) == ("id", kind)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TABLE t (id INTEGER PRIMARY KEY)", "is not STRICT"),
        ("CREATE TABLE t (id INTEGER) STRICT", "has no primary key"),
        ("CREATE TABLE t (id INTEGER UNIQUE NOT NULL) STRICT", "has no primary key"),
        ("CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (a, b)) STRICT", "key of 2 columns"),
        ("CREATE TABLE t (id REAL PRIMARY KEY) STRICT", "no INTEGER, BLOB or TEXT"),
        ("CREATE TABLE t (id ANY PRIMARY KEY) STRICT", "no INTEGER, BLOB or TEXT"),
        ("CREATE TABLE t (id BLOB PRIMARY KEY) STRICT", "no CHECK of is_uuid"),
        (
            "CREATE TABLE t (id BLOB PRIMARY KEY CHECK(NOT is_uuid(id))) STRICT",
            "no CHECK of is_uuid",
        ),
        ("CREATE TABLE t (id BLOB PRIMARY KEY REFERENCES u (other)) STRICT", "no CHECK of is_uuid"),
        ("CREATE TABLE t (id BLOB PRIMARY KEY REFERENCES t) STRICT", "no CHECK of is_uuid"),
        ("CREATE TABLE t (id BLOB PRIMARY KEY REFERENCES gone) STRICT", "no CHECK of is_uuid"),
        ("CREATE VIRTUAL TABLE t USING fts5(q)", "is a virtual table"),
        ("CREATE VIEW t AS SELECT lower(id) FROM u", "has no schema: a column is neither"),
        ("CREATE VIEW t AS SELECT other FROM u", "shows no column that is the key"),
        ("CREATE VIEW t AS SELECT * FROM gone", "has no schema: SQLite cannot use it"),
    ],
)
def test_refusals(sql: str, reason: str) -> None:
    """Each with what the owner of the table can change."""
    assert reason in refusal(new_database(USERS, sql), "t")


def test_circles_of_references_end() -> None:
    """Two tables whose keys refer to each other are checked by nobody."""
    db = new_database(
        "CREATE TABLE t (id BLOB PRIMARY KEY REFERENCES s) STRICT",
        "CREATE TABLE s (id BLOB PRIMARY KEY REFERENCES t) STRICT",
    )
    assert "no CHECK of is_uuid" in refusal(db, "t")


def test_temporary_ones() -> None:
    """They are gone with their connection."""
    db = new_database(
        "CREATE TEMP TABLE t (id INTEGER PRIMARY KEY) STRICT",
        "CREATE TEMP VIEW v AS SELECT * FROM t",
    )
    assert refusal(db, "t", "temp") == refusal(db, "v", "temp") == "is temporary"


def test_a_view_of_a_table_by_reference() -> None:
    """Its ids are UUIDs if those of the table are."""
    tables = read(
        new_database(
            USERS,
            "CREATE TABLE t (id BLOB PRIMARY KEY REFERENCES u, n INTEGER) STRICT",
            "CREATE VIEW v AS SELECT n, id AS k FROM t",
        )
    )
    view = tables.find("v")
    assert view is not None
    key = record_key(infer_view(view, tables), tables)
    assert (key.column.name, key.kind) == ("k", KeyKind.UUID)


def test_a_view_that_was_not_inferred_is_no_api() -> None:
    """Nothing is served by types that nobody knows."""
    tables = read(new_database(USERS, "CREATE VIEW v AS SELECT * FROM u"))
    view = tables.find("v")
    assert view is not None
    with pytest.raises(NoRecordApiError, match="not inferred"):
        record_key(view, tables)


def test_columns_that_may_be_excluded() -> None:
    """Those without which a row can be made."""
    table = table_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT NOT NULL DEFAULT 'x', c TEXT NOT NULL,"
        " d TEXT NOT NULL AS (c), e TEXT NOT NULL DEFAULT NULL) STRICT"
    )
    key = table.key
    assert key is not None
    refused = {one.name: excluded_problem(one, key) for one in table.columns}
    assert [name for name, why in refused.items() if why] == ["id", "c", "e"]


def test_declared_types() -> None:
    """STRICT knows six; all others are taken as SQLite takes them."""
    assert [strict_type(one).value for one in ("int", "Integer", "REAL", "text", "BLOB", "any")] == [
        "INTEGER", "INTEGER", "REAL", "TEXT", "BLOB", "ANY",
    ]  # fmt: skip
    declared = ("FLOATING POINT", "CHARINT", "NVARCHAR(9)", "BLOBBY", "DOUBLE", "NUMERIC", "")
    assert [preferred_type(one).value for one in declared] == [
        "INTEGER", "INTEGER", "TEXT", "BLOB", "REAL", "ANY", "ANY",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        strict_type("VARCHAR")
