"""Side tables: equal to the columns after whatever happens to rows and definitions."""

from __future__ import annotations

import json
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.side import side_fields, side_table
from shared.schema.table import alter_table, complete_table, create_table, drop_table
from tests.shared.schema.sample import define, new_database, run_all
from tests.shared.schema.side_rows import stale_side_rows

TAGS = {"id": "f1", "name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3}
TITLE = {"id": "f2", "name": "title", "type": "text"}


def posts_table(*fields: dict[str, Any]) -> tuple[apsw.Connection, Collection]:
    """A database with a collection `posts`."""
    db = new_database()
    posts = define({"id": "pbc_x", "name": "posts", "fields": list(fields or (TAGS, TITLE))})
    run_all(db, create_table(posts))
    return db, posts


def check(db: apsw.Connection, collection: Collection) -> None:
    """No side table differs from its column."""
    assert not stale_side_rows(db, Catalog(1, [collection]))


def owned(db: apsw.Connection) -> list[str]:
    """What the system has made beside the tables, by name."""
    rows = db.execute("SELECT name FROM sqlite_schema WHERE name LIKE '%:%' ORDER BY name")
    return [str(name) for (name,) in rows]


@pytest.mark.parametrize("conflict", ["", "OR ABORT", "OR FAIL", "OR REPLACE"])
@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('["a","b"]', ["a", "b"]),
        ('["a","a"]', ["a"]),
        ('[5,"5",null,true]', ["1", "5"]),
        ("[]", []),
        ("", []),
        ("[a", []),
        ("plain", []),
    ],
)
def test_any_text_and_any_insert(conflict: str, text: str, items: list[str]) -> None:
    """Duplicates, nulls, numbers, no list at all; the conflict clause outside decides nothing."""
    db, posts = posts_table()
    side = side_table(posts, posts.fields[1])
    db.execute(f"INSERT {conflict} INTO posts (id, tags) VALUES ('r1', ?)", (text,))
    db.execute(f"INSERT {conflict} INTO posts (id, tags) VALUES ('r2', '[\"c\"]')")
    db.execute("UPDATE posts SET tags = ? WHERE id = 'r2'", (text,))
    rows = db.execute(f"SELECT rid, value FROM {side} ORDER BY rid, value").fetchall()
    assert rows == [(rid, item) for rid in (1, 2) for item in items]
    db.execute("DELETE FROM posts")
    assert not db.execute(f"SELECT 1 FROM {side}").fetchall()


def test_unchanged_lists_are_left_alone() -> None:
    """An update that names the column and does not change it writes no side row."""
    db, posts = posts_table()
    db.execute("INSERT INTO posts (id, tags) VALUES ('r1', '[\"a\"]')")
    before = db.total_changes()
    db.execute("UPDATE posts SET tags = tags, title = 'x'")
    assert db.total_changes() == before + 1
    assert db.changes() == 1
    db.execute('UPDATE posts SET tags = \'["b","c"]\'')
    assert db.changes() == 1, "rows that a trigger writes are not the statement's"
    check(db, posts)


def test_both_ways_are_covered_by_an_index() -> None:
    """Who has a value, and what a record has: no scan, no look at the table."""
    db, posts = posts_table()
    side = side_table(posts, posts.fields[1])
    for where in ("value = 'a'", "rid = 5", "rid = 5 AND value = 'a'"):
        plan = db.execute(f"EXPLAIN QUERY PLAN SELECT value, rid FROM {side} WHERE {where}")
        (line,) = [str(row[3]) for row in plan.fetchall()]
        assert line.startswith("SEARCH")
        assert "PRIMARY KEY" in line or "COVERING" in line


def test_names_follow_no_rename() -> None:
    """They are made of ids; ids that SQLite takes for one, or odd ones, have tables of their own."""
    odd = [
        {**TAGS, "id": one, "name": f"n{n}"}
        for n, one in enumerate(["x", "X", 'a"b', "x:rid", "é"])
    ]
    db, posts = posts_table(*odd)
    names = owned(db)
    assert len(names) == len(odd) * 5

    renamed = define(
        {"name": "articles", "fields": [{**one, "name": f"m{n}"} for n, one in enumerate(odd)]},
        posts,
    )
    run_all(db, alter_table(posts, renamed))
    assert owned(db) == names
    db.execute("INSERT INTO articles (id, m0, m4) VALUES ('r', '[\"a\"]', '[\"b\"]')")
    check(db, renamed)
    run_all(db, drop_table(renamed))
    assert owned(db) == []


def test_the_rowid_survives_a_vacuum() -> None:
    """Side rows name records by it."""
    db, posts = posts_table()
    for number in range(9):
        db.execute('INSERT INTO posts (id, tags) VALUES (?, \'["a","b"]\')', (f"r{number}",))
    db.execute("DELETE FROM posts WHERE _rowid_ % 2")
    db.execute("VACUUM")
    check(db, posts)


def test_what_an_earlier_build_lacks_is_made() -> None:
    """From nothing but the table and its rows, and only that."""
    relation = {"name": "author", "type": "relation", "collectionId": "pbc_x"}
    db, posts = posts_table(TAGS, relation, {**TAGS, "id": "f9", "name": "more"})
    whole = owned(db)
    db.execute("INSERT INTO posts (id, tags) VALUES ('r1', '[\"a\"]'), ('r2', '[bad')")
    name = side_table(posts, posts.fields[1])
    for trigger in ("insert", "update", "delete"):
        db.execute(f'DROP TRIGGER ":{trigger}:pbc_x:f1"')
    db.execute(f"DROP TABLE {name}")
    db.execute(f'DROP INDEX "pbc_x:{posts.by_name["author"].id}"')

    run_all(db, complete_table(posts, set(owned(db))))
    assert owned(db) == whole
    check(db, posts)
    assert complete_table(posts, set(whole)) == []


# --- any sequence of changes and writes ---------------------------------------------------------

KINDS: list[dict[str, Any]] = [
    {"type": "select", "values": ["a", "b", "c"], "maxSelect": 3},
    {"type": "select", "values": ["a", "b", "c"], "maxSelect": 1},
    {"type": "relation", "collectionId": "pbc_x", "maxSelect": 9},
    {"type": "relation", "collectionId": "pbc_x", "maxSelect": 1},
    {"type": "text"},
    {"type": "json"},
]
FIELDS = st.lists(
    st.tuples(
        st.sampled_from(["f1", "f2", "f3"]),
        st.sampled_from(["a", "b", "B", "c", "order"]),
        st.integers(0, len(KINDS) - 1),
    ),
    max_size=3,
    unique_by=(lambda field: field[0], lambda field: field[1].lower()),
)
VALUES = st.lists(st.sampled_from("abc"), max_size=3, unique=True)


def body(name: str, fields: list[tuple[str, str, int]], old: Collection | None) -> dict[str, Any]:
    """A definition; a type that cannot become the asked one gives way to a field of another id."""
    made = []
    for own_id, called, kind in fields:
        wanted = KINDS[kind]
        before = old.by_id.get(own_id) if old else None
        same = before is None or before.type == wanted["type"]
        chosen = own_id if same else f"{own_id}_{wanted['type']}"
        made.append({"id": chosen, "name": called, **wanted})
    return {"id": "pbc_x", "name": name, "fields": made}


def write(db: apsw.Connection, collection: Collection, act: str, number: int, draw: Any) -> None:
    """One insert, update or delete of the row of that number."""
    table = quote_identifier(collection.table)
    values = {
        field.name: json.dumps(items) if field.multiple else "".join(items[-1:])
        for field in collection.fields[1:]
        if field.type in ("select", "relation") and (items := draw.draw(VALUES)) is not None
    }
    names = ["id", *values]
    if act == "i":
        columns = ", ".join(map(quote_identifier, names))
        marks = ", ".join("?" * len(names))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        db.execute(sql, (f"r{number}", *values.values()))
    elif act == "u" and values:
        changes = ", ".join(f"{quote_identifier(name)} = ?" for name in values)
        db.execute(f"UPDATE {table} SET {changes} WHERE id = ?", (*values.values(), f"r{number}"))
    else:
        db.execute(f"DELETE FROM {table} WHERE id = ?", (f"r{number}",))


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["posts", "Posts", "t2"]), FIELDS), min_size=1, max_size=4),
    st.data(),
)
def test_any_changes_and_writes(
    versions: list[tuple[str, list[tuple[str, str, int]]]], draw: Any
) -> None:
    """Renames, drops, additions, one value to several and back, with rows coming and going."""
    db = new_database()
    old: Collection | None = None
    for name, fields in versions:
        new = define(body(name, fields, old), old)
        run_all(db, create_table(new) if old is None else alter_table(old, new))
        check(db, new)
        for _ in range(draw.draw(st.integers(0, 4))):
            write(db, new, draw.draw(st.sampled_from("iiiud")), draw.draw(st.integers(0, 3)), draw)
            check(db, new)
        old = new
    assert old is not None
    wanted = len(side_fields(old)) * 5
    wanted += len([one for one in old.fields if one.type == "relation" and not one.multiple])
    assert len(owned(db)) == wanted
    run_all(db, drop_table(old))
    assert owned(db) == []
