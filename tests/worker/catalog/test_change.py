"""Catalog changes as plans over a database: `worker.catalog.change` and `shared.schema.view`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.schema.system import USERS_ID
from tests.worker.catalog.depot import Depot, RefusedByRowsError, described, fresh

TITLE: dict[str, Any] = {"name": "title", "type": "text"}
TAGS: dict[str, Any] = {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2}


def test_views_outlive_every_change_of_what_they_read() -> None:
    """They go before the table is altered and come back after it, with the fields that follow."""
    depot = Depot()
    posts = depot.define("posts", fields=[TITLE, {"name": "n", "type": "number"}])
    depot.define("heads", type="view", viewQuery="SELECT id, title, n FROM posts")
    depot.define("loud", type="view", viewQuery="SELECT id, title || '!' AS t FROM heads")
    depot.db.execute("INSERT INTO posts (id, title, n) VALUES ('a', 'x', 3)")

    n = posts.by_name["n"].to_json()
    depot.define("posts", fields=[TITLE, {**n, "type": "text"}, {**TITLE, "name": "more"}])

    assert depot["heads"].by_name["n"].type == "text"
    assert depot.rows("SELECT * FROM heads") == [("a", "x", "3")]
    assert depot.rows("SELECT * FROM loud") == [("a", '"x!"')]


def test_columns_of_views_have_the_form_of_their_fields() -> None:
    """Ids are texts, what has no type is JSON, and a plain column is served by its index."""
    depot = Depot()
    depot.define("posts", fields=[TITLE], indexes=["CREATE INDEX ix ON posts (title)"])
    depot.define(
        "v",
        type="view",
        viewQuery="SELECT (row_number() OVER ()) AS id, title, lower(title) AS low,"
        " CAST('[1]' AS TEXT) AS t, x'01' AS raw, NULL AS none, 1.5 AS n FROM posts",
    )
    depot.define("w", type="view", viewQuery="SELECT id, title FROM posts -- and no more")
    depot.db.execute("INSERT INTO posts (id, title) VALUES ('a', 'X')")

    assert depot.rows("SELECT * FROM v") == [("1", "X", '"x"', "[1]", '"01"', None, "1.5")]
    for condition, index in (("id", "sqlite_autoindex_posts_1"), ("title", "ix")):
        plan = depot.rows(f"EXPLAIN QUERY PLAN SELECT * FROM w r WHERE r.{condition} = ?", "a")
        assert index in plan[0][3]


def test_ids_of_a_new_view_are_looked_at() -> None:
    """A row without an id, or two with the same one, refuse the view."""
    depot = Depot()
    depot.define("posts", fields=[TITLE])
    depot.db.execute("INSERT INTO posts (id, title) VALUES ('a', 'x'), ('b', 'x'), ('c', '')")
    for query, refusal in (
        ("SELECT title AS id FROM posts WHERE title != ''", "view_id_twice:v"),
        ("SELECT title AS id FROM posts GROUP BY title", "view_id_missing:v"),
        ("SELECT NULL AS id", "view_id_missing:v"),
    ):
        with pytest.raises(RefusedByRowsError, match=refusal):
            depot.define("v", type="view", viewQuery=query)
    assert depot.catalog.find("v") is None
    depot.define("v", type="view", viewQuery="SELECT id, title FROM posts")


def test_values_that_do_not_fit_a_new_type_stop_the_change() -> None:
    """A guard of the plan finds them, and nothing of it is done."""
    depot = Depot()
    number = {"id": "own", "name": "title", "type": "number"}
    depot.define("posts", fields=[{**TITLE, "id": "own"}])
    depot.db.execute("INSERT INTO posts (id, title) VALUES ('a', 'words')")
    with pytest.raises(RefusedByRowsError, match=r"conversion:posts\.title"):
        depot.define("posts", fields=[number])
    depot.db.execute("UPDATE posts SET title = '5'")
    depot.define("posts", fields=[number])
    assert depot.rows("SELECT title FROM posts") == [(5,)]


def test_collections_may_swap_names_and_indexes() -> None:
    """Each keeps its records; nothing is in the other's way on the way there."""
    depot = Depot()
    one = depot.define("one", fields=[TITLE], indexes=["CREATE INDEX ix ON one (title)"])
    two = depot.define("two", fields=[TITLE], indexes=["CREATE INDEX iy ON two (title)"])
    depot.db.execute("INSERT INTO one (id, title) VALUES ('a', 'first')")
    depot.take_in(
        [
            {"id": one.id, "name": "two", "indexes": ["CREATE UNIQUE INDEX iy ON t (title)"]},
            {"id": two.id, "name": "one", "indexes": ["CREATE INDEX ix ON t (title, id)"]},
        ]
    )
    assert depot.rows("SELECT title FROM two") == [("first",)]
    assert depot["two"].id == one.id
    assert described(depot.db) == described(fresh(depot.catalog))


# --- The property ---------------------------------------------------------------------------------

KINDS: list[dict[str, Any]] = [
    {"type": "text"},
    {"type": "number"},
    {"type": "bool"},
    {"type": "json"},
    {"type": "select", "values": ["a", "b"], "maxSelect": 1},
    {"type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"type": "relation", "collectionId": USERS_ID, "maxSelect": 1},
    {"type": "relation", "collectionId": USERS_ID, "maxSelect": 5},
    {"type": "file", "maxSelect": 3},
]
NAMES = ["alpha", "Beta", "gamma"]
FIELDS = st.tuples(
    st.permutations(["p", "q", "r"]), st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)
).map(
    lambda chosen: [
        {"id": f"f{position}", "name": chosen[0][position], **kind}
        for position, kind in enumerate(chosen[1])
    ]
)
INDEXES = st.lists(
    st.sampled_from(
        [
            "CREATE INDEX i1 ON t (p)",
            "CREATE UNIQUE INDEX i2 ON t (lower(q))",
            "CREATE INDEX i1 ON t (id, r) WHERE p != ''",
            "CREATE INDEX i3 ON t (r DESC)",
        ]
    ),
    max_size=2,
)
QUERY = st.sampled_from(
    [
        "SELECT id, p FROM alpha",
        "SELECT id, p || 'x' AS p, q FROM alpha",
        "SELECT a.id, b.id AS b, b.p FROM alpha a LEFT JOIN Beta b ON a.p = b.id",
        "SELECT id, p FROM v1",
        "SELECT id, p AS x FROM v2",
    ]
)
TABLE = st.fixed_dictionaries({"name": st.sampled_from(NAMES), "fields": FIELDS}, optional={
    "indexes": INDEXES, "type": st.sampled_from(["base", "auth"])})  # fmt: skip
CHANGE = st.one_of(
    st.tuples(st.just("define"), TABLE),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from([*NAMES, "BETA", "d"])),
    st.tuples(st.just("view"), st.sampled_from(["v1", "v2"]), QUERY),
    st.tuples(st.just("drop"), st.sampled_from([*NAMES, "v1", "v2"])),
    st.tuples(st.just("import"), st.lists(TABLE, min_size=1, max_size=3), st.booleans()),
)


def _apply(depot: Depot, change: tuple[Any, ...]) -> None:
    verb, *rest = change
    if verb == "define":
        depot.define(**rest[0])
    elif verb == "rename":
        depot.take_in([{"id": depot[rest[0]].id, "name": rest[1]}])
    elif verb == "view":
        depot.define(rest[0], type="view", viewQuery=rest[1])
    elif verb == "drop":
        depot.drop(rest[0])
    else:
        depot.take_in(rest[0], delete_missing=rest[1])


def _try(depot: Depot, changes: list[tuple[Any, ...]]) -> None:
    for name in ("alpha", "Beta"):
        depot.define(name, fields=[{"name": one, "type": "text"} for one in "pqr"])
    for change in changes:
        names = [change[1]] if change[0] in ("rename", "drop") else []
        if all(depot.catalog.find(name) for name in names):
            try:
                _apply(depot, change)
            except (QuillError, RefusedByRowsError):
                continue
        if depot.catalog.find("alpha") is not None:
            depot.db.execute("INSERT OR IGNORE INTO alpha (id) VALUES ('a')")


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=8))
def test_changes_lead_to_what_a_new_catalog_would_be(changes: list[tuple[Any, ...]]) -> None:
    """Whatever the way, tables, indexes, side tables, triggers and views are those of the end."""
    depot = Depot()

    _try(depot, changes)

    assert described(depot.db) == described(fresh(depot.catalog))


@pytest.mark.long
@settings(max_examples=1_500, deadline=None)
@given(st.lists(CHANGE, min_size=1, max_size=14))
def test_many_changes_lead_there_too(changes: list[tuple[Any, ...]]) -> None:
    """The same, at length."""
    depot = Depot()

    _try(depot, changes)

    assert described(depot.db) == described(fresh(depot.catalog))
