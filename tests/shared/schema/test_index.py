"""Index definitions: what is read, what is refused, and that SQLite takes what is spelled.

Covers `shared.schema.index_tokens` and `shared.schema.index_list` too.
"""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.catalog import Catalog
from shared.schema.index import read_index
from shared.schema.index_tokens import IndexDefinitionError
from shared.schema.table import create_table
from tests.shared.schema.sample import EMPTY, codes, define, new_database, run_all

NAMES = {"a": "a", "b": "B", "text": "text", "end": "end"}
FIELDS = [
    {"name": "a", "type": "text"},
    {"name": "B", "type": "text"},
    {"name": "text", "type": "text"},
    {"name": "end", "type": "text"},
    {"name": "meta", "type": "json"},
]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create index i on t (a)", "CREATE INDEX `i` ON `posts` (`a`)"),
        ("CREATE UNIQUE INDEX IF NOT EXISTS [i] ON 't' (\"a\" DESC, b);",
         "CREATE UNIQUE INDEX `i` ON `posts` (`a` DESC, `B`)"),
        ("CREATE INDEX i ON t (a COLLATE nocase asc)",
         "CREATE INDEX `i` ON `posts` (`a` COLLATE NOCASE ASC)"),
        ("CREATE INDEX i ON t (\n  `a`,\n  LOWER(`b`)\n) WHERE a != '' and b IS NOT NULL",
         "CREATE INDEX `i` ON `posts` (`a`, lower(`B`)) WHERE `a` != '' AND `B` IS NOT NULL"),
        ("CREATE INDEX i ON t (text, end)", "CREATE INDEX `i` ON `posts` (`text`, `end`)"),
        ("CREATE INDEX i ON t (case when a > 1.5e3 then b else 'it''s' end)",
         "CREATE INDEX `i` ON `posts` (CASE WHEN `a` > 1.5e3 THEN `B` ELSE 'it''s' END)"),
        ("CREATE INDEX i ON t (cast(a as integer), json_extract(meta, '$.x'))",
         "CREATE INDEX `i` ON `posts` (cast(`a` AS INTEGER), json_extract(`meta`, '$.x'))"),
        ("CREATE INDEX i ON t (meta ->> '$.x') WHERE a IN ('x', 'y')",
         "CREATE INDEX `i` ON `posts` (`meta` ->> '$.x') WHERE `a` IN ('x', 'y')"),
        ("CREATE INDEX `it``s` ON t ((a || b))", "CREATE INDEX `it``s` ON `posts` ((`a` || `B`))"),
    ],
)  # fmt: skip
def test_definitions_are_spelled_anew(sql: str, expected: str) -> None:
    """One spelling on the collection's own table; SQLite takes it, and it reads as itself."""
    posts = define({"name": "posts", "fields": FIELDS, "indexes": [sql]})

    assert posts.indexes == (expected,)
    assert define({"indexes": [expected]}, posts).indexes == (expected,)
    run_all(new_database(), create_table(posts))


@pytest.mark.parametrize(
    "sql",
    [
        "", "CREATE", "CREATE TABLE t (a)", "DROP TABLE posts", "CREATE INDEX i", 5, None,
        "CREATE INDEX i ON t", "CREATE INDEX i ON t ()", "CREATE INDEX i ON t (a,)",
        "CREATE INDEX i ON t (a", "CREATE INDEX i ON t (a))", "CREATE INDEX i ON t (nope)",
        "CREATE INDEX i ON t (a) WHERE", "CREATE INDEX i ON t (a) extra",
        "CREATE INDEX i ON t (a); DROP TABLE posts", "CREATE INDEX i ON t (a);;",
        "CREATE INDEX i ON t (a) -- x", "CREATE INDEX i ON t (a /* x */)",
        "CREATE INDEX i ON t (a) WHERE a = ?", "CREATE INDEX i ON t (a) WHERE a = :x",
        "CREATE INDEX main.i ON t (a)", "CREATE INDEX i ON main.t (a)",
        "CREATE INDEX i ON t (t.a)", "CREATE INDEX i ON t (_rowid_)",
        "CREATE INDEX i ON t ((SELECT 1))", "CREATE INDEX i ON t (random())",
        "CREATE INDEX i ON t (load_extension('x'))", "CREATE INDEX i ON t (date('now'))",
        "CREATE INDEX i ON t (a) WHERE a LIKE 'x'", "CREATE INDEX i ON t (a COLLATE odd)",
        "CREATE INDEX i ON t (`lower`(a))", "CREATE INDEX i ON t (raise(abort, 'x'))",
        "CREATE INDEX i ON t ('a\x00')", "CREATE INDEX `\n` ON t (a)", "CREATE INDEX '' ON t (a)",
        "CREATE INDEX sqlite_i ON t (a)", "CREATE INDEX i ON t (x'00')",
        "CREATE INDEX i ON t (a) WHERE (a = 1", "CREATE INDEX i ON t (a) WHERE )(",
        "CREATE INDEX i ON t (1e5x)", "CREATE INDEX i ON t (a) WHERE a = 'x",
        f"CREATE INDEX i ON t ({'(' * 6000})", "CREATE INDEX \ud800 ON t (a)",
    ],
)  # fmt: skip
def test_what_is_not_one_plain_index_is_refused(sql: object) -> None:
    """Other statements, comments, parameters, subqueries, clocks, unknown names."""
    assert codes({"name": "posts", "fields": FIELDS, "indexes": [sql]}) == {
        "indexes.0": "validation_invalid_index_expression"
    }


WORDS = st.sampled_from(
    ["CREATE ", "UNIQUE ", "INDEX ", "i ", "ON ", "t ", "(", ")", "a", "`a`", '"', "'", "`", "[", "]",
     ",", " WHERE ", ";", "--", "/*", "lower(", "COLLATE ", "NOCASE", "\x00", " = ", "1", "CASE ",
     " END", " AS ", "\n"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=14).map(lambda words: "CREATE INDEX i ON t (a" + "".join(words)))
def test_what_is_accepted_is_one_create_index(sql: str) -> None:
    """Oracle: SQLite parses the new spelling as one statement that only adds that index."""
    try:
        index = read_index(sql).resolved(NAMES)
    except IndexDefinitionError:
        return
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE posts (a, B, text, end)")
    spelled = index.sql("posts")

    assert read_index(spelled) == index
    try:
        db.execute(spelled)
    except apsw.SQLError as error:
        assert "multiple" not in str(error)  # noqa: PT017  a syntax error adds nothing
    schema = db.execute("SELECT type, name FROM sqlite_schema").fetchall()
    assert set(schema) <= {("table", "posts"), ("index", "i")}


def test_names_are_unique_over_the_catalog() -> None:
    """Tables and indexes share one namespace; a definition is listed once."""
    sql = "CREATE INDEX i ON t (a)"
    first = define({"name": "first", "fields": FIELDS, "indexes": [sql]})
    catalog = Catalog(1, [first])

    def found(*indexes: str) -> dict[str, str]:
        body = {"name": "second", "fields": FIELDS, "indexes": list(indexes)}
        return codes(body, None, catalog)

    assert found("CREATE INDEX I ON t (a)") == {"indexes.0": "validation_existing_index_name"}
    assert found("CREATE INDEX First ON t (a)") == {"indexes.0": "validation_existing_index_name"}
    assert found("CREATE INDEX second ON t (a)") == {"indexes.0": "validation_existing_index_name"}
    assert found("CREATE INDEX _head ON t (a)") == {"indexes.0": "validation_existing_index_name"}
    own = "CREATE INDEX `pbc_1:f` ON t (a)"  # as the system's own are called
    assert found(own) == {"indexes.0": "validation_existing_index_name"}
    assert found("CREATE INDEX j ON t (a)", "CREATE INDEX J ON t (b)") == {
        "indexes.1": "validation_duplicated_index_name"
    }
    assert found("CREATE INDEX j ON t (a)", "CREATE INDEX k ON u (A)") == {
        "indexes.1": "validation_duplicated_index_definition"
    }


def test_a_rename_takes_its_indexes_along() -> None:
    """Whether the change lists them by the old name, by the new one, or not at all."""
    old = define(
        {"name": "posts", "fields": FIELDS, "indexes": ["CREATE INDEX i ON t (lower(a), B)"]}
    )
    fields = [field.to_json() for field in old.fields]
    fields[1]["name"] = "title"
    expected = ("CREATE INDEX `i` ON `articles` (lower(`title`), `B`)",)
    change = {"name": "articles", "fields": fields}

    assert define(change, old).indexes == expected
    for column in ("a", "title"):
        listed = [f"CREATE INDEX i ON posts (lower({column}), B)"]
        assert define({**change, "indexes": listed}, old).indexes == expected


def test_a_dropped_field_takes_its_indexes_along() -> None:
    """When indexes are not mentioned; listing one on a missing field is a mistake."""
    old = define(
        {"name": "posts", "fields": FIELDS[:2],
         "indexes": ["CREATE INDEX i ON t (a)", "CREATE INDEX j ON t (b)"]}
    )  # fmt: skip
    change = {"fields": [FIELDS[1]]}

    assert define(change, old).indexes == ("CREATE INDEX `j` ON `posts` (`B`)",)
    assert codes({**change, "indexes": list(old.indexes)}, old, EMPTY) == {
        "indexes.0": "validation_invalid_index_expression"
    }
