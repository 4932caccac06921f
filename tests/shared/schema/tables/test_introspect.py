"""Tables read from real databases: every form that SQLite has, also broken ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.schema.tables.check import Check
from shared.schema.tables.column import DataType, Generated, JsonCheck, Reference, Uuid
from shared.schema.tables.introspect import NOT_INFERRED, read_table
from shared.schema.tables.table import ForeignKey, Kind, Origin, Unique
from shared.sqlite.driver import Connection, SQLError
from tests.shared.schema.tables.sample import new_database, read, table_of


def test_columns_of_a_strict_table() -> None:
    """Types, NULL, defaults, and what CHECKs promise."""
    table = table_of(
        """CREATE TABLE t (
            id BLOB PRIMARY KEY CHECK (is_uuid_v7(id)) DEFAULT (uuid_v7()),
            n INT NOT NULL DEFAULT -1, r REAL, any ANY DEFAULT NULL,
            file TEXT CHECK(jsonschema('std.FileUpload', file, 'image/png')),
            own TEXT NOT NULL CHECK(jsonschema_matches('{}', own)),
            g BLOB CHECK(ST_IsValid(g)), u BLOB, CHECK (is_uuid(u) AND n > 0)
        ) STRICT"""
    )
    assert (table.strict, table.kind, table.problem) == (True, Kind.TABLE, "")
    assert [
        (c.name, c.type.value, c.nullable, c.default, c.has_default) for c in table.columns
    ] == [
        ("id", "BLOB", False, "uuid_v7()", True),
        ("n", "INTEGER", False, "-1", True),
        ("r", "REAL", True, None, False),
        ("any", "ANY", True, "NULL", False),
        ("file", "TEXT", True, None, False),
        ("own", "TEXT", False, None, False),
        ("g", "BLOB", True, None, False),
        ("u", "BLOB", True, None, False),
    ]
    by_name = {column.name: column for column in table.columns}
    assert by_name["id"].uuid is Uuid.V7
    assert by_name["u"].uuid is Uuid.ANY
    assert by_name["file"].json == JsonCheck("std.FileUpload", extra="image/png")
    assert by_name["own"].json == JsonCheck(text="{}")
    assert [c.name for c in table.columns if c.geometry] == ["g"]
    assert table.checks is not None
    assert table.checks[-1] == Check("is_uuid(u) AND n > 0")


def test_types_that_are_only_preferred() -> None:
    """A table that is not STRICT promises none but that of its rowid."""
    table = table_of(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v VARCHAR(3), d DECIMAL, f FLOAT, x, b BLOB)"
    )
    assert [(c.type, c.enforced) for c in table.columns] == [
        (DataType.INTEGER, True),
        (DataType.TEXT, False),
        (DataType.ANY, False),
        (DataType.REAL, False),
        (DataType.ANY, True),
        (DataType.BLOB, False),
    ]


@pytest.mark.parametrize(
    ("columns", "key", "rowid"),
    [
        ("id INTEGER PRIMARY KEY", ("id",), "id"),
        ("id integer, PRIMARY KEY (id)", ("id",), "id"),
        ("id INTEGER PRIMARY KEY, UNIQUE (id)", ("id",), "id"),
        ("id INTEGER PRIMARY KEY DESC", ("id",), None),
        ("id INT PRIMARY KEY", ("id",), None),
        ("id TEXT PRIMARY KEY", ("id",), None),
        ("a TEXT, b INTEGER, PRIMARY KEY (b, a)", ("b", "a"), None),
        ("a TEXT", (), None),
    ],
)
def test_primary_keys(columns: str, key: tuple[str, ...], rowid: str | None) -> None:
    """In the key's order, and whether it is the rowid."""
    table = table_of(f"CREATE TABLE t ({columns}) STRICT")
    assert (table.primary_key, table.rowid, table.without_rowid) == (key, rowid, False)
    assert [c.name for c in table.columns if not c.nullable] == sorted(key)


def test_without_rowid() -> None:
    """There an INTEGER key is a column like others."""
    table = table_of("CREATE TABLE t (id INTEGER PRIMARY KEY, v) WITHOUT ROWID")
    assert (table.without_rowid, table.rowid, table.primary_key) == (True, None, ("id",))
    assert not table.columns[0].nullable


def test_generated_columns() -> None:
    """Virtual and stored; no write may name them."""
    table = table_of(
        "CREATE TABLE t (a INT, b INT AS (a + 1), c INT NOT NULL GENERATED ALWAYS AS (a * 2) STORED) STRICT"
    )
    assert [(c.name, c.generated, c.formula) for c in table.generated] == [
        ("b", Generated.VIRTUAL, "a + 1"),
        ("c", Generated.STORED, "a * 2"),
    ]


def test_foreign_keys_in_the_order_of_their_definition() -> None:
    """Of columns, of the table, of several columns, to what is no primary key, to nobody."""
    table = table_of(
        """CREATE TABLE t (
            a INTEGER REFERENCES "o t" ON DELETE CASCADE, b TEXT REFERENCES "o t"(name) ON UPDATE SET NULL,
            c INT REFERENCES nobody, d INT,
            FOREIGN KEY (a, b) REFERENCES "o t"(id, name), FOREIGN KEY (d) REFERENCES t (d),
            FOREIGN KEY (a) REFERENCES later
        )"""
    )
    assert table.foreign_keys == (
        ForeignKey(("a",), "o t", (None,), "CASCADE"),
        ForeignKey(("b",), "o t", ("name",), "NO ACTION", "SET NULL"),
        ForeignKey(("c",), "nobody", (None,)),
        ForeignKey(("a", "b"), "o t", ("id", "name")),
        ForeignKey(("d",), "t", ("d",)),
        ForeignKey(("a",), "later", (None,)),
    )
    assert [column.reference for column in table.columns] == [
        Reference("o t"), Reference("o t", "name"), Reference("nobody"), Reference("t", "d"),
    ]  # fmt: skip


def test_what_a_column_refers_to() -> None:
    """The key where no column is named; nothing where the other side is gone."""
    tables = read(
        new_database(
            "CREATE TABLE o (id INTEGER PRIMARY KEY, name TEXT)",
            "CREATE TABLE t (a REFERENCES O, b REFERENCES o(NAME), c REFERENCES gone, d REFERENCES o(x), e)",
        )
    )
    table = tables.find("T")
    assert table is not None
    found = [tables.referred(column) for column in table.columns]
    assert [pair and (pair[0].name, pair[1].name) for pair in found] == [
        ("o", "id"), ("o", "name"), None, None, None,
    ]  # fmt: skip


def test_uniques() -> None:
    """Constraints and indexes, partial ones and those of expressions; plain indexes are none."""
    table = table_of(
        "CREATE TABLE t (a TEXT PRIMARY KEY COLLATE NOCASE, b UNIQUE, c, UNIQUE (c, b COLLATE rtrim))",
        "CREATE UNIQUE INDEX i1 ON t (c) WHERE c > 1",
        "CREATE UNIQUE INDEX i2 ON t (lower(c), b)",
        "CREATE INDEX i3 ON t (b)",
    )
    assert set(table.uniques) == {
        Unique(("a",), ("NOCASE",), Origin.PRIMARY_KEY),
        Unique(("b",), ("BINARY",), Origin.UNIQUE),
        Unique(("c", "b"), ("BINARY", "RTRIM"), Origin.UNIQUE),
        Unique(("c",), ("BINARY",), Origin.INDEX, partial=True),
        Unique((None, "b"), ("BINARY", "BINARY"), Origin.INDEX),
    }
    assert table.columns[0].collation == "NOCASE"


def test_other_databases() -> None:
    """Under any name; tables of the same name do not meet, and temporary ones are told apart."""
    db = new_database(
        "CREATE TABLE t (a)",
        'ATTACH \':memory:\' AS "o ""d; --"',
        'CREATE TABLE "o ""d; --".t (b TEXT CHECK (b > \'\')) STRICT',
        "CREATE TEMP TABLE t (c)",
    )
    found = {schema: read(db, schema).find("t") for schema in ("main", 'o "d; --', "temp")}
    shown = [(one.columns[0].name, one.strict, one.temporary) for one in found.values() if one]
    assert shown == [("a", False, False), ("b", True, False), ("c", False, True)]
    assert found['o "d; --'] == read_table(
        lambda sql, values: db.execute(sql, tuple(values)), "T", 'o "d; --', refused=SQLError
    )


def test_a_database_is_known_by_any_case_of_its_name() -> None:
    """As everywhere in SQLite."""
    db = new_database("CREATE TABLE t (a)", "ATTACH ':memory:' AS Far", "CREATE TABLE far.u (a)")
    assert [table.name for table in read(db, "MAIN")] == ["t"]
    assert [table.name for table in read(db, "fAR")] == ["u"]


def test_views_and_virtual_tables() -> None:
    """A view's types wait; a virtual table shows its hidden columns as such, and its shadows."""
    tables = read(
        new_database("CREATE VIRTUAL TABLE f USING fts5(q)", "CREATE VIEW v(x) AS SELECT q FROM f")
    )
    virtual, view, shadow = tables.find("f"), tables.find("v"), tables.find("f_data")
    assert virtual is not None
    assert [(c.name, c.hidden) for c in virtual.columns] == [
        ("q", False),
        ("f", True),
        ("rank", True),
    ]
    assert view is not None
    assert (view.kind, view.problem, [c.name for c in view.columns]) == (
        Kind.VIEW,
        NOT_INFERRED,
        ["x"],
    )
    assert shadow is not None
    assert shadow.kind is Kind.SHADOW
    assert all(not table.name.startswith("sqlite_") for table in tables)


def test_what_is_broken_is_in_nobodys_way() -> None:
    """Views of nothing or of themselves, a missing module: known by name, with SQLite's reason."""
    db = new_database(
        "CREATE TABLE t (a)",
        "CREATE VIEW gone AS SELECT * FROM nowhere",
        "CREATE VIEW one AS SELECT * FROM two",
        "CREATE VIEW two AS SELECT * FROM one",
        "CREATE VIEW twice AS SELECT a FROM t x JOIN t y",
        "PRAGMA writable_schema = 1",
        "INSERT INTO sqlite_schema VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING missing(a)')",
        "PRAGMA writable_schema = RESET",
    )
    problems = {table.name: table.problem for table in read(db)}
    assert problems.pop("t") == ""
    assert "no such table: main.nowhere" in problems["gone"]
    assert "circularly" in problems["one"]
    assert "ambiguous" in problems["twice"]
    assert "no such module" in problems["v"]


def test_other_errors_pass_through() -> None:
    """A connection that is gone is no broken view."""
    with pytest.raises(ZeroDivisionError):
        read_table(lambda *_: [1 / 0], "t", refused=SQLError)


def test_checks_are_unknown_where_the_definition_is() -> None:
    """A definition of other columns than SQLite's is not believed; the rest of the table is known."""
    db = new_database("CREATE TABLE t (a TEXT CHECK (a > 'b')) STRICT")

    def run(sql: str, values: object) -> list[tuple[object, ...]]:
        assert isinstance(values, tuple)
        rows = db.execute(sql, values).fetchall()
        return [("t", "CREATE TABLE t (b CHECK (1))")] if "sqlite_schema" in sql else rows

    table = read_table(run, "t", refused=SQLError)
    assert table is not None
    assert (table.checks, table.columns[0].type) == (None, DataType.TEXT)
    assert "other columns" in table.problem


def test_an_empty_database() -> None:
    """It has no tables."""
    with Connection(":memory:") as db:
        assert len(read(db)) == 0


def test_tables_need_no_parser() -> None:
    """Reading tables with all their checks does not load the parser that views need."""
    code = (
        "import sys\n"
        "from tests.shared.schema.tables.sample import table_of\n"
        "table = table_of('CREATE TABLE t (id BLOB PRIMARY KEY CHECK (is_uuid(id))) STRICT')\n"
        "assert table.columns[0].uuid is not None\n"
        "assert 'sqlglot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
