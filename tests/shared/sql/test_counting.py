"""Counts by what is known already: which conditions have one, and that they are right."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from shared.schema.catalog import Catalog
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_rule
from tests.shared.sql.sample import collection, insert

ORGS = collection("orgs", {"name": "name", "type": "text"})
POSTS = replace(
    collection(
        "posts",
        {"name": "title", "type": "text"},
        {"name": "public", "type": "bool"},
        {"name": "state", "type": "select", "values": ["x", "y"], "maxSelect": 1},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 9},
        {"name": "org", "type": "relation", "collectionId": "c_orgs", "maxSelect": 1},
        {"name": "orgs", "type": "relation", "collectionId": "c_orgs", "maxSelect": 9},
    ),
    indexes=(
        "CREATE INDEX `i_public` ON `posts` (`public`, `org`)",
        "CREATE INDEX `i_title` ON `posts` (`title`) WHERE `title` != ''",
        "CREATE UNIQUE INDEX `i_id` ON `posts` (`id`)",
    ),
)
CATALOG = Catalog(1, [ORGS, POSTS])


def _database() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for one in (ORGS, POSTS):
        for statement in create_table(one):
            connection.execute(statement)
    for name in ("test", "other"):
        insert(connection, ORGS, id=name, name=name)
    rows = [("", 0, "", "[]", "", "[]"), ("t", 1, "x", '["a"]', "test", '["test"]'),
            ("u", 1, "y", '["a","b"]', "other", '["test","other"]'),
            ("t", 0, "x", '["b"]', "test", '["gone"]'), ("v", 1, "", "[]", "gone", "[]")]  # fmt: skip
    for number, (title, public, state, tags, org, orgs) in enumerate(rows):
        insert(connection, POSTS, id=str(number), title=title, public=public, state=state,
               tags=tags, org=org, orgs=orgs)  # fmt: skip
    return connection


@pytest.mark.parametrize(
    ("rule", "cheaper"),
    [
        ("tags:each ?= 'a'", True),
        ("'a' ?= tags:each", True),
        ("tags:each != 'a'", True),
        ("orgs:each ?= 'test'", True),
        ("org.name != 'test'", True),
        ("orgs.name != 'test'", True),
        ("org != 'test'", True),
        ("public != true", True),
        ("org = 'test' || public = true", True),
        ("org = 'test' || org = 'other' || id = '0'", True),
        ("tags:each ?~ 'a'", False),
        ("tags:each = 'a'", False),
        ("tags:each ?= ''", False),
        ("tags:each ?!= 'a'", False),
        ("orgs.name ?= 'test'", False),
        ("org = 'test'", False),
        ("title != 't'", False),
        ("title = 't' || public = true", False),
        ("state = 'x' || public = true", False),
        ("org = 'test' || public = true && state = 'x'", False),
    ],
)
def test_cheaper_counts(rule: str, *, cheaper: bool) -> None:
    """Each counts what the predicate itself does."""
    connection = _database()
    condition = compile_rule(rule, POSTS, CATALOG, caller=None, use=Use.COUNT)
    sql = f"SELECT count(*) FROM posts r WHERE {condition.sql}"
    counted = connection.execute(sql, condition.bind(GUEST_REQUEST)).get
    assert (condition.count_sql is not None) is cheaper
    if condition.count_sql is not None:
        shorter = condition.count_sql
        assert connection.execute(shorter.sql, shorter.bind(GUEST_REQUEST)).get == counted
    assert 0 < counted < 5


def test_other_uses_have_none() -> None:
    """Only counts count."""
    for use in (Use.PAGE, Use.ROW, Use.VALUES):
        condition = compile_rule("tags:each ?= 'a'", POSTS, CATALOG, caller=None, use=use)
        assert condition.count_sql is None
