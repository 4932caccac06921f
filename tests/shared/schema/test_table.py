"""Tables: DDL that SQLite runs, and changes that keep the data."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.table import alter_table, create_table, drop_table
from tests.shared.schema.sample import columns, define, new_database, run_all

ALL: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "on", "type": "bool"},
    {"name": "mail", "type": "email"},
    {"name": "link", "type": "url"},
    {"name": "day", "type": "date"},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "one", "type": "select", "values": ["a"]},
    {"name": "many", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"name": "any", "type": "json"},
    {"name": "parent", "type": "relation", "collectionId": "pbc_x"},
    {"name": "order", "type": "text"},
]


def test_every_type_has_its_column() -> None:
    """Created, filled with zeros, dropped again."""
    db = new_database()
    posts = define({"id": "pbc_x", "name": "posts", "fields": ALL})
    run_all(db, create_table(posts))
    db.execute("INSERT INTO posts (id) VALUES (?)", ("a",))

    assert columns(db, "posts") == ["id", *(field["name"] for field in ALL)]
    row = db.execute("SELECT * FROM posts").fetchall()[0]
    assert row[2:] == tuple(field.zero() for field in posts.fields[1:])
    with pytest.raises(apsw.ConstraintError):
        db.execute("INSERT INTO posts (id) VALUES (?)", ("a",))
    run_all(db, drop_table(posts))
    assert columns(db, "posts") == []


def test_no_change_needs_no_statement() -> None:
    """New options and rules leave the table alone."""
    old = define({"name": "posts", "fields": ALL[:3], "indexes": ["CREATE INDEX i ON t (n)"]})

    new = define({"fields": [{**ALL[0], "max": 9}, *ALL[1:3]], "listRule": ""}, old)

    assert alter_table(old, new) == []


def test_an_index_is_built_again_only_when_it_changed() -> None:
    """A renamed field or table takes its index along inside SQLite."""
    indexes = ["CREATE INDEX i ON t (lower(title))", "CREATE INDEX j ON t (n) WHERE n > 0"]
    old = define({"name": "posts", "fields": ALL[:2], "indexes": indexes})
    title = old.by_name["title"].id
    fields = [{"id": title, "name": "heading", "type": "text"}, ALL[1]]
    new = define({"name": "articles", "fields": fields}, old)
    changed = define({"indexes": [new.indexes[0], "CREATE INDEX j ON t (n)"]}, new)
    db = new_database()
    run_all(db, create_table(old))

    statements = alter_table(old, new)
    run_all(db, statements)

    assert not any("INDEX" in sql for sql in statements)
    assert [sql.split()[0] for sql in alter_table(new, changed)] == ["DROP", "CREATE"]
    run_all(db, alter_table(new, changed))
    run_all(db, alter_table(changed, old))
    names = db.execute(
        "SELECT name FROM sqlite_schema WHERE sql LIKE '%INDEX%' AND tbl_name = 'posts'"
    )
    assert sorted(names.fetchall()) == [("i",), ("j",)]


@pytest.mark.parametrize("name", ["Posts", "POSTS", "articles"])
def test_a_table_is_renamed_in_any_way(name: str) -> None:
    """Also where only the case of a letter changes."""
    old = define({"name": "posts", "fields": ALL[:1], "indexes": ["CREATE INDEX i ON t (title)"]})
    new = define({"name": name}, old)
    db = new_database()
    run_all(db, create_table(old))

    run_all(db, alter_table(old, new))

    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    assert (name,) in names


RELATIONS: list[dict[str, Any]] = [
    {"name": "author", "type": "relation", "collectionId": "pbc_p"},
    {"name": "likes", "type": "relation", "collectionId": "pbc_p", "maxSelect": 9},
]


def own_indexes(db: apsw.Connection, table: str) -> list[tuple[str, str]]:
    """(index, column) of the indexes that no definition lists."""
    rows = db.execute(
        "SELECT l.name, i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i"
        " WHERE l.name LIKE '%:%' ORDER BY 1",
        (table,),
    )
    return [(str(index), str(column)) for index, column in rows]


def test_a_reference_has_an_index_of_its_own() -> None:
    """It comes with the column, follows each rename, goes with the column, and is not listed."""
    posts = define({"id": "pbc_p", "name": "posts", "fields": [*ALL[:1], *RELATIONS]})
    author = {**RELATIONS[0], "id": posts.by_name["author"].id}
    name = f"pbc_p:{author['id']}"
    db = new_database()
    run_all(db, create_table(posts))
    assert own_indexes(db, "posts") == [(name, "author")]
    assert posts.indexes == ()

    renamed = define({"name": "Posts", "fields": [{**author, "name": "writer"}]}, posts)
    statements = alter_table(posts, renamed)
    run_all(db, statements)
    assert own_indexes(db, "Posts") == [(name, "writer")]
    assert not any("INDEX" in sql for sql in statements)

    more = define({"fields": [{**author, "name": "a"}, {**RELATIONS[0], "id": "2nd"}]}, renamed)
    run_all(db, alter_table(renamed, more))
    assert own_indexes(db, "Posts") == [("pbc_p:2nd", "author"), (name, "a")]

    none = define({"fields": ALL[:1]}, more)
    run_all(db, alter_table(more, none))
    assert own_indexes(db, "Posts") == []


def test_ids_that_sqlite_takes_for_one_have_indexes() -> None:
    """Index names differ by more than case; ids need not."""
    fields = [{**RELATIONS[0], "id": one, "name": name} for one, name in [("r", "a"), ("R", "b")]]
    db = new_database()
    run_all(db, create_table(define({"id": "pbc_p", "name": "posts", "fields": fields})))
    assert [column for _, column in own_indexes(db, "posts")] == ["b", "a"]


def test_a_table_from_before_these_indexes_is_altered() -> None:
    """Its column is dropped all the same."""
    posts = define({"id": "pbc_p", "name": "posts", "fields": [*ALL[:1], *RELATIONS]})
    db = new_database()
    run_all(db, create_table(posts))
    db.execute(f'DROP INDEX "{own_indexes(db, "posts")[0][0]}"')
    run_all(db, alter_table(posts, define({"fields": ALL[:1]}, posts)))
    assert columns(db, "posts") == ["id", "title"]


NAMES = ["a", "b", "B", "c", "index", "order"]
FIELD_LISTS = st.lists(
    st.tuples(st.sampled_from(["f1", "f2", "f3", "f4", "f5"]), st.sampled_from(NAMES)),
    max_size=5,
    unique_by=(lambda pair: pair[0], lambda pair: pair[1].lower()),
)
TABLES = st.sampled_from(["posts", "Posts", "t2"])


def body(name: str, fields: list[tuple[str, str]]) -> dict[str, Any]:
    """A definition with an index on its last field, so that indexes come and go too."""
    last = fields[-1][1] if fields else "id"
    return {
        "id": "pbc_x",
        "name": name,
        "fields": [
            {"id": one, "name": called, "type": "relation", "collectionId": "pbc_x"}
            if one in ("f1", "f2")
            else {"id": one, "name": called, "type": "text"}
            for one, called in fields
        ],
        "indexes": [f"CREATE INDEX i ON t ({last})", f"CREATE INDEX i_{last} ON t (id, {last})"],
    }


def stored(db: apsw.Connection, collection: Collection) -> dict[str, object]:
    """Field id → value of the only row."""
    names = ", ".join(quote_identifier(field.name) for field in collection.fields)
    row = db.execute(f"SELECT {names} FROM {quote_identifier(collection.table)}").fetchall()[0]
    return dict(zip((field.id for field in collection.fields), row, strict=True))


def fill(db: apsw.Connection, collection: Collection, fields: tuple[Field, ...]) -> None:
    """Give each field a value of its own."""
    for field in fields:
        table, column = quote_identifier(collection.table), quote_identifier(field.name)
        db.execute(f"UPDATE {table} SET {column} = ?", (f"value of {field.id}",))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TABLES, FIELD_LISTS), min_size=2, max_size=5))
def test_changes_keep_the_data(versions: list[tuple[str, list[tuple[str, str]]]]) -> None:
    """Renames (swaps and rings too), drops and additions in any mix: each field keeps its value."""
    db = new_database()
    old = define(body(*versions[0]))
    run_all(db, create_table(old))
    db.execute(f'INSERT INTO {quote_identifier(old.table)} ("id") VALUES (?)', ("r1",))
    fill(db, old, old.fields)

    for version in versions[1:]:
        before = stored(db, old)
        new = define(body(*version), old)
        run_all(db, alter_table(old, new))

        after = stored(db, new)
        assert after == {field.id: before.get(field.id, "") for field in new.fields}
        assert sorted(columns(db, new.table)) == sorted(field.name for field in new.fields)
        indexed = db.execute(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE 'i%'"
        )
        assert indexed.get >= len(new.indexes)
        fill(db, new, tuple(field for field in new.fields if field.id not in old.by_id))
        old = new
