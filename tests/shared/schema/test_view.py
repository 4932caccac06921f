"""Views of the database: made, away while a table changes, and in the order of what they read."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

from shared.schema.collection import Collection
from shared.schema.table import alter_table, create_table
from shared.schema.view import create_view, drop_view, view_order
from tests.shared.schema.sample import columns, define, new_database, run_all

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
]


def view(name: str, query: str) -> Collection:
    """A view collection; its fields do not matter here."""
    return Collection(f"v_{name}", name, "view", False, (), options={"viewQuery": query})


def test_a_view_stands_in_brackets() -> None:
    """A comment at the end of its query is no way out of them."""
    db = new_database()
    posts = define({"name": "posts", "fields": FIELDS})
    run_all(db, create_table(posts))
    db.execute("INSERT INTO posts (id, title) VALUES ('a', 't')")
    made = view("seen", "SELECT id, title FROM posts -- all")
    run_all(db, [create_view(made)])
    assert db.execute("SELECT * FROM seen").fetchall() == [("a", "t")]
    run_all(db, [drop_view(made), drop_view(made)])
    assert columns(db, "seen") == []


def test_a_table_is_altered_while_its_views_are_away() -> None:
    """Dropped before, made again after: SQLite would check them at each step."""
    db = new_database()
    old = define({"name": "posts", "fields": FIELDS})
    new = define({"fields": [{**FIELDS[0], "id": old.by_name["title"].id, "name": "heading"}]}, old)
    run_all(db, create_table(old))
    made = view("seen", "SELECT id, n FROM posts")
    run_all(db, [create_view(made)])
    with pytest.raises(apsw.SQLError):
        run_all(db, alter_table(old, new))
    changed = view("seen", "SELECT id, heading FROM posts")
    run_all(db, [drop_view(made), *alter_table(old, new), create_view(changed)])
    assert columns(db, "seen") == ["id", "heading"]


def test_views_come_after_those_they_read() -> None:
    """By the words of their queries; what looks like a circle stays in the order given."""
    top = view("Top", "SELECT * FROM middle")
    middle = view("middle", "SELECT id, 'x' AS middle FROM BASE JOIN users")
    base = view("base", "SELECT id FROM users")
    assert view_order([top, middle, base]) == [base, middle, top]
    base = view("base", "SELECT id AS top FROM users")
    assert view_order([top, middle, base]) == [top, middle, base]
