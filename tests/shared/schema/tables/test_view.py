"""Views: the types of their columns, their keys, and why some have none."""

from __future__ import annotations

import pytest

from shared.schema.tables.column import DataType, JsonCheck, Reference, Uuid
from shared.schema.tables.view_select import NoSchemaError, read_select
from shared.sqlite.driver import Connection
from tests.shared.schema.tables.sample import inferred, new_database

TABLES = (
    """CREATE TABLE a (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, n INTEGER, r REAL NOT NULL, x ANY,
        doc TEXT CHECK(jsonschema('std.KeyValue', doc)), made TEXT NOT NULL AS (name || '!') VIRTUAL
    ) STRICT""",
    """CREATE TABLE b (
        id BLOB PRIMARY KEY CHECK(is_uuid(id)), a INTEGER REFERENCES a, name TEXT NOT NULL,
        "a b" BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE loose (id INTEGER PRIMARY KEY, v TEXT, w)",
    "CREATE TABLE two (p TEXT, q TEXT, PRIMARY KEY (p, q)) STRICT, WITHOUT ROWID",
)


def database(query: str, columns: str = "") -> Connection:
    """The tables, and a view `v` of the query."""
    return new_database(*TABLES, f"CREATE VIEW v{columns} AS {query}")


def shown(query: str, columns: str = "") -> list[str]:
    """Each column of a view as `name TYPE`, with `?` behind what may be NULL."""
    view = inferred(database(query, columns), "v")
    assert view.problem == ""
    return [f"{c.name} {c.type.value}{'?' * c.nullable}" for c in view.columns]


def key(query: str) -> str | None:
    """The key of a view that has a schema."""
    view = inferred(database(query), "v")
    assert view.problem == ""
    return view.primary_key[0] if view.primary_key else None


def problem(query: str) -> str:
    """Why a view has no schema."""
    view = inferred(database(query), "v")
    assert view.problem != ""
    assert view.primary_key == ()
    return view.problem


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (
            "SELECT * FROM a",
            ["id INTEGER", "name TEXT", "n INTEGER?", "r REAL", "x ANY?", "doc TEXT?", "made TEXT"],
        ),
        ("SELECT b.* FROM a JOIN b ON b.a = a.id", ["id BLOB", "a INTEGER?", "name TEXT", "a b BLOB"]),
        ("SELECT a.name AS one, [b].`a b` FROM a INNER JOIN b", ["one TEXT", "a b BLOB"]),
        ("SELECT y.name, z.name n FROM a y LEFT JOIN a AS z ON z.id = y.n", ["name TEXT", "n TEXT?"]),
        ("SELECT * FROM a JOIN two ON a.name = p WHERE q > ''", None),
        ("SELECT id, name, r FROM a LEFT JOIN b USING (id, name)", ["id INTEGER", "name TEXT", "r REAL"]),
        ("SELECT (((n))) q, rowid, _rowid_ AS o FROM a", ["q INTEGER?", "id INTEGER", "o INTEGER"]),
        (
            "SELECT 1 a, -2 b, 1.5 c, -.5 d, 'x' e, x'00' f, NULL g, TRUE h, 0x10 i, 1e3 j",
            ["a INTEGER", "b INTEGER", "c REAL", "d REAL", "e TEXT", "f BLOB", "g ANY?", "h INTEGER",
             "i INTEGER", "j REAL"],
        ),
        (
            "SELECT CAST(n + 1 AS INT) a, CAST(name AS integer) b, CAST(n AS TEXT) c FROM a",
            ["a INTEGER?", "b INTEGER", "c TEXT?"],
        ),
        (
            "SELECT CAST(r AS REAL) d, CAST(x AS BLOB) e, CAST(x AS any) f FROM a",
            ["d REAL", "e BLOB?", "f ANY?"],
        ),
        (
            "SELECT CAST(n > 1 AND r IS NULL AS BOOLEAN) g, CAST(NULL AS TEXT) h FROM a",
            ["g INTEGER?", "h TEXT?"],
        ),
        (
            "SELECT min(n) a, MAX(r) b, sum(n) c, sum(r) d, SUM(DISTINCT name) e, max(name) f FROM a",
            ["a INTEGER?", "b REAL?", "c INTEGER?", "d REAL?", "e ANY?", "f TEXT?"],
        ),
        ("SELECT name, max(r) m, sum(n) s FROM a GROUP BY name", ["name TEXT", "m REAL", "s INTEGER?"]),
        ("SELECT name AS grp, max(r) m FROM a GROUP BY grp", ["grp TEXT", "m REAL"]),
        ("SELECT id, v, w FROM loose", ["id INTEGER", "v ANY?", "w ANY?"]),
        (
            "SELECT * FROM b LEFT JOIN two ON p = name JOIN b c USING (ID, name, a)",
            ["id BLOB", "a INTEGER?", "name TEXT", "a b BLOB", "p TEXT?", "q TEXT?", "a b:1 BLOB"],
        ),
        ("SELECT DISTINCT name FROM a WHERE n > 1 ORDER BY lower(name) LIMIT 3", ["name TEXT"]),
        ("SELECT name /* , ( */ FROM a -- JOIN b\n WHERE id IN (SELECT a FROM b)", ["name TEXT"]),
        ("SELECT main.a.name FROM main.a", ["name TEXT"]),
    ],
)  # fmt: skip
def test_types(query: str, columns: list[str] | None) -> None:
    """Columns keep their types; joins and folding add NULL."""
    found = shown(query)
    if columns is not None:
        assert found == columns


def test_names_are_those_of_sqlite() -> None:
    """The list behind the view's name wins; a name that comes twice is told apart."""
    assert shown("SELECT id, name FROM a", "(p, [q r])") == ["p INTEGER", "q r TEXT"]
    assert shown("SELECT x.id, y.id FROM a x JOIN a y") == ["id INTEGER", "id:1 INTEGER"]
    assert shown("SELECT CAST(n AS REAL) FROM a") == ["CAST(n AS REAL) REAL?"]


def test_a_column_keeps_what_is_known_of_it() -> None:
    """Checks, collation and references; what only writes ask for it has not."""
    view = inferred(database("SELECT b.id, a, doc, a.name, made FROM a JOIN b ON a.id = b.a"), "v")
    by_name = {column.name: column for column in view.columns}
    assert by_name["id"].uuid is Uuid.ANY
    assert by_name["a"].reference == Reference("a")
    assert by_name["doc"].json == JsonCheck("std.KeyValue")
    assert by_name["name"].collation == "NOCASE"
    assert by_name["made"].generated is None


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("SELECT name, id FROM a", "id"),
        ("SELECT rowid FROM a", "id"),
        ("SELECT a.name, b.id AS k, a.id FROM a JOIN b ON b.a = a.id", "k"),
        ("SELECT b.id, a.id AS k FROM a LEFT JOIN b ON b.a = a.id", "k"),
        ("SELECT name FROM a", None),
        ("SELECT CAST(id AS INTEGER) id FROM a", None),
        ("SELECT 1 AS id", None),
        ("SELECT id, v FROM loose", None),
        ("SELECT p, q FROM two", None),
        ("SELECT id, sum(n) s FROM a GROUP BY id", "id"),
        ("SELECT id, max(n) s FROM a", None),
        ("SELECT id FROM a ORDER BY count(*)", None),
        ("SELECT id, CAST(count(*) AS INTEGER) c FROM a", None),
        ("SELECT id, CAST(json_group_array(n) AS TEXT) c FROM a", None),
        ("SELECT id, CAST(total(n) AS REAL) c FROM a", None),
        ("SELECT id, CAST(row_number() OVER (ORDER BY n) AS INTEGER) c FROM a", "id"),
        ("SELECT id, CAST((SELECT count(*) FROM b) AS INTEGER) c FROM a", "id"),
        ("SELECT min(id) k FROM a", None),
        ("SELECT name, id FROM a GROUP BY name", None),
        ("SELECT name, max(id) AS k FROM a GROUP BY name", "k"),
        ("SELECT name, sum(id) AS k FROM a GROUP BY name", None),
        ("SELECT id, max(id) AS k FROM a GROUP BY id", "id"),
    ],
)
def test_keys(query: str, wanted: str | None) -> None:
    """The first column that is a key of its table in each row."""
    assert key(query) == wanted


@pytest.mark.parametrize(
    ("query", "repeats"),
    [
        ("SELECT id FROM a", False),
        ("SELECT b.id FROM b JOIN a ON a.id = b.a", False),
        ("SELECT b.id FROM a JOIN b ON (b.a = a.id AND b.id > 0)", False),
        ("SELECT b.id FROM b LEFT JOIN a ON b.a = a.rowid", False),
        ("SELECT a.id FROM a LEFT JOIN b ON b.a = a.id", True),
        ("SELECT b.id FROM b LEFT JOIN a ON a.id = b.a LEFT JOIN a c ON c.id = a.id", False),
        ("SELECT b.id FROM b JOIN a ON a.id = b.a JOIN a c ON c.n = a.id", True),
        ("SELECT b.id FROM b JOIN a ON a.id = b.a OR a.id = b.id", True),
        ("SELECT b.id FROM b JOIN a ON a.id = CAST(b.a AS INTEGER)", True),
        ("SELECT b.id FROM b JOIN a ON a.id = a.n", True),
        ("SELECT b.id FROM b JOIN a ON 1 LEFT JOIN loose l ON a.id = b.a", True),
        ("SELECT b.id FROM b JOIN a ON a.id = b.name", True),
        ("SELECT b.id FROM b JOIN named ON named.id = b.name", False),
        ("SELECT a.id FROM a JOIN named ON named.id = a.name", True),
        ("SELECT a.id FROM a JOIN b ON b.a = a.id GROUP BY a.id", False),
        ("SELECT a.id, b.id AS k FROM a JOIN b ON b.a = a.id GROUP BY a.id, b.id", True),
    ],
)
def test_a_key_may_repeat_where_tables_are_joined(query: str, *, repeats: bool) -> None:
    """Unless the key of what is joined has to equal one value."""
    named = "CREATE TABLE named (id TEXT PRIMARY KEY) STRICT"
    with new_database(*TABLES, named, f"CREATE VIEW v AS {query}") as db:
        assert inferred(db, "v").repeats is repeats
        db.execute("CREATE VIEW w AS SELECT * FROM v")
        assert inferred(db, "w").repeats is repeats


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT id, upper(name) FROM a", "neither one of a table"),
        ("SELECT id, n + 1 FROM a", "neither one of a table"),
        ("SELECT id, (SELECT 1) FROM a", "neither one of a table"),
        ("SELECT id, max(n, 1) m FROM a", "neither one of a table"),
        ("SELECT id, max(n + 1) m FROM a", "no single column"),
        ("SELECT id, max(n) FILTER (WHERE n > 1) FROM a", "neither one of a table"),
        ("SELECT id, max(n) OVER () FROM a", "neither one of a table"),
        ("SELECT id, name COLLATE NOCASE FROM a", "neither one of a table"),
        ("SELECT id, CAST(n AS DATE) FROM a", "no type of STRICT"),
        ("SELECT id, CAST(n AS BOOLEAN) FROM a", "no type of STRICT"),
        ("SELECT id, 9223372036854775808 FROM a", "64 bits"),
        ("SELECT a.id FROM a, b", "comma or CROSS"),
        ("SELECT a.id FROM a CROSS JOIN b", "comma or CROSS"),
        ("SELECT a.id FROM a NATURAL JOIN two", "NATURAL"),
        ("SELECT a.id FROM a RIGHT JOIN b ON 1", "RIGHT"),
        ("SELECT a.id FROM a FULL JOIN b ON 1", "FULL"),
        ("SELECT id FROM (SELECT id FROM a)", "something else than tables"),
        ("SELECT value FROM json_each('[]')", "something else than tables"),
        ("SELECT id FROM (a JOIN b USING (id))", "something else than tables"),
        ("WITH c AS (SELECT id FROM a) SELECT id FROM c", "WITH"),
        ("SELECT id FROM a UNION SELECT 1", "not one plain SELECT"),
        ("VALUES (1)", "not one plain SELECT"),
        ("SELECT id FROM a GROUP BY lower(name)", "something else than columns"),
        ("SELECT id FROM a GROUP BY 1", "something else than columns"),
        ("SELECT max(id) m FROM a GROUP BY name", "grouped by name"),
        ("SELECT nope FROM a", "no such column"),
        ("SELECT name FROM a JOIN b", "ambiguous"),
        (f"SELECT id FROM a WHERE name <> '{'x' * 20_000}'", "longer than"),
    ],
)
def test_no_schema(query: str, reason: str) -> None:
    """Whoever made the view is told why."""
    assert reason in problem(query)


def test_views_of_views() -> None:
    """Types, NULLs and keys go through; so does the reason why there are none."""
    db = new_database(
        *TABLES,
        "CREATE VIEW v1 AS SELECT a.id AS k, a.name, b.name AS other FROM a LEFT JOIN b ON b.a = a.id",
        "CREATE VIEW v2(x, y, z) AS SELECT * FROM v1 WHERE name > ''",
        "CREATE VIEW bad AS SELECT id, upper(name) u FROM a",
        "CREATE VIEW worse AS SELECT id FROM bad",
    )
    view = inferred(db, "v2")
    assert [(c.name, c.type, c.nullable) for c in view.columns] == [
        ("x", DataType.INTEGER, False), ("y", DataType.TEXT, False), ("z", DataType.TEXT, True),
    ]  # fmt: skip
    assert view.primary_key == ("x",)
    assert inferred(db, "worse").problem.startswith("bad, which it reads: a column is neither")


def test_chains_of_views_end() -> None:
    """They are followed so far and no further."""
    chain = [
        f"CREATE VIEW v{n} AS SELECT id FROM {'a' if n == 0 else f'v{n - 1}'}" for n in range(40)
    ]
    db = new_database(*TABLES, *chain)
    assert inferred(db, "v10").problem == ""
    assert "too deep" in inferred(db, "v39").problem


def test_views_of_other_databases() -> None:
    """Their names mean the tables beside them."""
    db = new_database("ATTACH ':memory:' AS \"d 2\"", "CREATE TABLE t (id TEXT) STRICT")
    db.execute('CREATE TABLE "d 2".t (id INTEGER PRIMARY KEY, n REAL) STRICT')
    db.execute('CREATE VIEW "d 2".v AS SELECT * FROM t')
    view = inferred(db, "v", "d 2")
    assert ([c.type for c in view.columns], view.primary_key) == (
        [DataType.INTEGER, DataType.REAL], ("id",),
    )  # fmt: skip


def test_a_text_that_is_no_view() -> None:
    """It is told and nothing else."""
    for text in (
        "",
        "CREATE VIEW v AS",
        "CREATE VIEW v AS SELECT 1; SELECT 2",
        "CREATE VIEW v AS SELECT (",
    ):
        with pytest.raises(NoSchemaError):
            read_select(text)
