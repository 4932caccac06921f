"""Rules and filters about views, whose columns may be NULL and which have no side tables."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from shared.schema.catalog import Catalog
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_filter
from tests.shared.sql.sample import collection, insert

PEOPLE = replace(
    collection(
        "people",
        {"name": "name", "type": "text"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "friends", "type": "relation", "collectionId": "c_people", "maxSelect": 9},
        {"name": "boss", "type": "relation", "collectionId": "c_people", "maxSelect": 1},
    ),
    list_rule="",
)
SEEN = replace(
    collection(
        "seen",
        {"name": "name", "type": "text"},
        {"name": "size", "type": "number"},
        {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "friends", "type": "relation", "collectionId": "c_people", "maxSelect": 9},
        {"name": "boss", "type": "relation", "collectionId": "c_people", "maxSelect": 1},
        kind="view",
    ),
    list_rule="",
)
CATALOG = Catalog(1, [PEOPLE, SEEN])
_VIEW = """CREATE VIEW seen AS SELECT id, nullif(name, '') AS name, nullif(length(name), 0) AS size,
    nullif(tags, '[]') AS tags, friends, nullif(boss, '') AS boss FROM people"""


def _found(text: str, of: str) -> str:
    """The ids that a guest's filter finds, the same in every form of it."""
    connection = apsw.Connection(":memory:")
    for statement in create_table(PEOPLE):
        connection.execute(statement)
    connection.execute(_VIEW)
    insert(connection, PEOPLE, id="ann", name="Ann", tags='["a","b"]', friends='["bob"]')
    insert(connection, PEOPLE, id="bob", name="", tags="[]", friends="[]", boss="ann")
    insert(connection, PEOPLE, id="cid", name="Cid", tags='["b"]', friends='["ann","bob"]',
           boss="bob")  # fmt: skip
    made = CATALOG.find(of)
    assert made is not None
    found = set()
    for use in Use:
        condition = compile_filter(text, made, CATALOG, caller=None, superuser=False, use=use)
        assert "r._rowid_" not in condition.sql or of != "seen"
        rows = connection.execute(
            f"SELECT id FROM {of} r WHERE {condition.sql} ORDER BY id",
            condition.bind(GUEST_REQUEST),
        )
        found.add(" ".join(row[0] for row in rows))
    assert len(found) == 1, found
    return found.pop()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("name = ''", "bob"),
        ("name = null", "bob"),
        ("name != ''", "ann cid"),
        ("name = 'Ann'", "ann"),
        ("name != 'Ann'", "bob cid"),
        ("size > 1", "ann cid"),
        ("size = null", "bob"),
        ("name != boss", "ann bob cid"),
        ("tags = ''", "bob"),
        ("tags:each ?= 'b'", "ann cid"),
        ("tags:each = 'b'", "cid"),
        ("tags:each != 'a'", "bob cid"),
        ("tags:length = 0", "bob"),
        ("friends.name ?= 'Ann'", "cid"),
        ("friends.name != 'Ann'", "ann bob"),
        ("friends.name = ''", "ann bob"),
        ("boss.name = 'Ann'", "bob"),
        ("boss.name != 'Ann'", "ann cid"),
        ("boss.tags:each ?= 'a'", "bob"),
        ("boss.name != name", "ann bob cid"),
    ],
)
def test_filters_of_views(text: str, ids: str) -> None:
    """NULL is empty, and lists are read from their text."""
    assert _found(text, "seen") == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("seen_via_boss.name ?= 'Cid'", "bob"),
        ("seen_via_boss.name = ''", "ann cid"),
        ("seen_via_boss.size != 3", "ann cid"),
        ("seen_via_friends.name ?= 'Cid'", "ann bob"),
        ("seen_via_friends.name = 'Cid'", "ann"),
        ("seen_via_friends.name != 'Ann'", "ann cid"),
    ],
)
def test_views_that_refer(text: str, ids: str) -> None:
    """Back-relations from a view, over one value and over several."""
    assert _found(text, "people") == ids
