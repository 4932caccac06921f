"""Queries of views: what is admitted, and the fields that follow.

Covers `worker.catalog.view_fields`, `worker.engine.rehearsal` and `shared.sqlite.scratch` too.
"""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import QuillError
from shared.schema.system import USERS_ID
from tests.worker.catalog.depot import Depot
from worker.catalog.compile import describe_query

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "max": 7, "hidden": True},
    {"name": "author", "type": "relation", "collectionId": USERS_ID},
    {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"name": "secret", "type": "password"},
    {"name": "n", "type": "number"},
]


@pytest.fixture(scope="module")
def depot() -> Depot:
    """Posts by users, and a view of them."""
    made = Depot()
    made.define("posts", id="pbc_posts", fields=FIELDS)
    made.define("heads", type="view", viewQuery="SELECT id, title AS head, n FROM posts")
    return made


def _fields(depot: Depot, query: str) -> dict[str, tuple[str, dict[str, Any]]]:
    found = describe_query(depot.catalog, query).fields
    return {field.name: (field.type, field.to_json()) for field in found}


def test_a_plain_column_is_the_field_that_it_shows(depot: Depot) -> None:
    """Type and options are the field's, the id is its own; an alias makes no difference."""
    found = _fields(depot, "SELECT id, title, p.title AS other, tags, author FROM posts AS p")

    assert found["id"][1]["primaryKey"]
    assert found["id"][1]["system"]
    assert {name: kind for name, (kind, _) in found.items()} == {
        "id": "text", "title": "text", "other": "text", "tags": "select", "author": "relation",
    }  # fmt: skip
    assert (found["other"][1]["max"], found["other"][1]["hidden"]) == (7, True)
    assert found["title"][1]["id"] != found["other"][1]["id"]
    assert (found["tags"][1]["maxSelect"], found["author"][1]["collectionId"]) == (2, USERS_ID)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("u.id", "relation"),
        ("u.email", "email"),
        ("count(*)", "number"),
        ("COUNT(p.id)", "number"),
        ("total(p.n)", "number"),
        ("CAST(p.title AS real)", "number"),
        ("cast(p.title AS integer)", "number"),
        ("CAST(p.n AS TEXT)", "text"),
        ("(CAST(p.n AS boolean))", "bool"),
        ("(p.n)", "number"),
        ('"p"."n"', "number"),
        ("[N]", "number"),
        ("CAST(p.n AS blob)", "json"),
        ("sum(p.n)", "json"),
        ("p.title || 'x'", "json"),
        ("(SELECT max(n) FROM posts)", "json"),
        ("p._rowid_", "json"),
        ("'text'", "json"),
    ],
)
def test_the_type_of_each_column(depot: Depot, column: str, kind: str) -> None:
    """Ids of others are references, counts and casts say what they are, the rest is JSON."""
    query = f"SELECT p.id, {column} AS x FROM posts p LEFT JOIN users u ON u.id = p.author"

    found = _fields(depot, query)["x"]

    assert found[0] == kind
    if kind == "relation":
        assert (found[1]["collectionId"], found[1]["maxSelect"]) == (USERS_ID, 1)
    if "count" in column.lower() or "integer" in column:
        assert found[1]["onlyInt"]


def test_a_view_over_a_view_keeps_its_fields(depot: Depot) -> None:
    """What the first one has worked out is known to the second."""
    found = _fields(depot, "SELECT h.id, h.head, h.n + 1 AS more, h.id AS up FROM heads h")

    assert {name: kind for name, (kind, _) in found.items()} == {
        "id": "text", "head": "text", "more": "json", "up": "relation",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "WITH posts AS (SELECT 'a' AS id, 5 AS title) SELECT id, title FROM posts",
        "SELECT id, title FROM (SELECT id, n AS title FROM posts)",
        "SELECT id, title FROM posts UNION SELECT id, email FROM users",
        "SELECT id, title FROM posts INTERSECT SELECT id, title FROM posts",
        "(SELECT id, title FROM posts UNION ALL SELECT id, n FROM posts)",
    ],
)
def test_what_only_looks_like_a_field_is_none(depot: Depot, query: str) -> None:
    """A name that stands for other rows, or for several tables' values, is JSON."""
    try:
        found = _fields(depot, query)
    except QuillError as error:
        assert query.startswith("("), error.fields  # noqa: PT017  SQLite has no such form
    else:
        assert found["title"][0] == "json"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "not a SELECT"),
        ("-- nothing", "not a SELECT"),
        ("SELECT * FROM heads", "* is not supported"),
        ("SELECT p.* FROM heads p", "* is not supported"),
        ("SELECT title FROM posts", "must have a column id"),
        ("SELECT id, title, title FROM posts", "same name"),
        ("SELECT id, n AS Title, title FROM posts", "same name"),
        ("SELECT id, n + 1 FROM posts", "alias"),
        ("SELECT id, n AS expand FROM posts", "alias"),
        ("SELECT id, nope FROM posts", "no such column"),
        ('SELECT id, "nope" AS x FROM posts', "no such column"),
        ("SELECT id FROM nope", "no such table"),
        ("SELECT id, secret AS s FROM posts", "posts.secret may not be read"),
        ("SELECT id FROM users WHERE password > 'a'", "users.password may not be read"),
        ("SELECT id FROM users ORDER BY tokenKey", "users.tokenKey may not be read"),
        ("SELECT id, (SELECT max(TOKENKEY) FROM users) x FROM posts", "may not be read"),
        ("SELECT u.id FROM users u NATURAL JOIN users v", "NATURAL"),
        ("SELECT id FROM posts WHERE 1 IN (SELECT 1 FROM users NATURAL JOIN posts)", "NATURAL"),
        ("SELECT u.id FROM users u JOIN (SELECT 'x' AS tokenKey) USING (tokenKey)", "USING"),
        ("SELECT p.id FROM posts p JOIN (SELECT 'x' AS secret) USING (SECRET)", "USING"),
        ("WITH w AS (SELECT id, password FROM users) SELECT id FROM w", "may not be read"),
        ("SELECT id FROM _collections", "no such table"),
        ("SELECT n AS id FROM _change", "no such table"),
        ("SELECT name AS id FROM sqlite_schema", "may not be read"),
        ("SELECT name AS id FROM sqlite_master", "may not be read"),
        ("SELECT name AS id FROM pragma_table_list", "may not be read"),
        ("SELECT name AS id FROM pragma_table_info('users')", "may not be read"),
        ("SELECT name AS id FROM dbstat", "may not be read"),
        ('SELECT value AS id FROM "pbc_posts:select1874629670"', "no such table"),
        ("SELECT id, load_extension('x') AS x FROM posts", "load_extension is not allowed"),
        ("SELECT id, randomblob(1000000000) AS x FROM posts", "randomblob is not allowed"),
        ("SELECT id, sqlite_version() AS x FROM posts", "not allowed"),
        ("SELECT id, ? AS x FROM posts", "parameters"),
        ("SELECT id, :x AS x FROM posts", "parameters"),
        ("SELECT id FROM posts; DROP TABLE posts", "not one SELECT"),
        ("SELECT id FROM posts; -- more", "not one SELECT"),
        ("SELECT id FROM posts) UNION SELECT (1", "syntax error"),
        ("SELECT id FROM posts /* open", "incomplete input"),
        ("EXPLAIN SELECT id FROM posts", "not one SELECT"),
        ("DELETE FROM posts RETURNING id", "not authorized"),
        ("INSERT INTO posts (id) VALUES ('x') RETURNING id", "not authorized"),
        ("PRAGMA table_list", "not authorized"),
        ("ATTACH 'x' AS y", "not authorized"),
        ("VALUES (1)", "not one SELECT"),
        ("SELECT id FROM " + "(" * 400 + "SELECT 1 id" + ")" * 400, ""),
    ],
)  # fmt: skip
def test_what_no_view_may_be(depot: Depot, query: str, reason: str) -> None:
    """Refused with the reason, whatever the trick."""
    with pytest.raises(QuillError) as refused:
        describe_query(depot.catalog, query)

    problem = refused.value.fields["viewQuery"]
    assert problem.code == "validation_invalid_view_query"
    assert reason in problem.message


def test_lists_in_columns_may_be_unfolded(depot: Depot) -> None:
    """json_each is the one table-valued function that reads nothing of its own."""
    found = _fields(depot, "SELECT p.id || e.value AS id, e.value FROM posts p, json_each(tags) e")

    assert {name: kind for name, (kind, _) in found.items()} == {"id": "text", "value": "json"}
