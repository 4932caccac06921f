"""A small world for the cases written by hand: groups, people in them, and what they own."""

from __future__ import annotations

from tests.shared.sql.oracle_reading import read
from tests.shared.sql.oracle_world import Asking, Column, Row, Table, World

_ID = Column("id", "text")
_AUTH = (
    Column("password", "password", hidden=True),
    Column("tokenKey", "text", hidden=True),
    Column("email", "email"),
    Column("emailVisibility", "bool"),
    Column("verified", "bool"),
)


def _table(name: str, *columns: Column, rows: list[Row], rule: str | None = "") -> Table:
    auth = any(one.name == "email" for one in columns)
    known = {one.name: one for one in (_ID, *columns)}
    tree = read(rule) if rule else rule
    return Table(name, known, auth, tree, rows)


def _person(own_id: str, group: str, groups: list[str], email: str, *, shown: int) -> Row:
    return {
        "id": own_id, "password": "", "tokenKey": own_id, "email": email,
        "emailVisibility": shown, "verified": 1, "name": own_id.title(), "group": group,
        "groups": groups,
    }  # fmt: skip


GROUPS = _table(
    "groups",
    Column("name", "text"),
    Column("active", "bool"),
    Column("size", "number"),
    rows=[
        {"id": "red", "name": "Red", "active": 1, "size": 5},
        {"id": "blue", "name": "Blue", "active": 0, "size": 10},
        {"id": "blank", "name": "", "active": 1, "size": 0},
    ],
)
PEOPLE = _table(
    "people",
    *_AUTH,
    Column("name", "text"),
    Column("group", "relation", "groups"),
    Column("groups", "relation", "groups", many=True),
    rows=[
        _person("ann", "red", ["red", "blue"], "ann@x.io", shown=1),
        _person("bob", "blue", ["blue"], "bob@x.io", shown=0),
        _person("cid", "", [], "", shown=0),
        _person("dan", "gone", ["red", "gone"], "dan@x.io", shown=1),
        _person("eve", "blank", ["red"], "eve@x.io", shown=1),
    ],
)
POSTS = _table(
    "posts",
    Column("title", "text"),
    Column("owner", "relation", "people"),
    Column("tags", "select", many=True),
    Column("stars", "number"),
    Column("data", "json"),
    Column("loc", "geoPoint"),
    Column("day", "date"),
    Column("secret", "text", hidden=True),
    rows=[
        {"id": "p1", "title": "Ann", "owner": "ann", "tags": ["a", "b"], "stars": 5,
         "data": '{"a":[{"b":5}],"s":"x"}', "loc": {"lon": 2.35, "lat": 48.85},
         "day": "2025-11-05 10:05:05.250Z", "secret": "s"},
        {"id": "p2", "title": "50%", "owner": "ann", "tags": ["a"], "stars": 0,
         "data": None, "loc": {"lon": 0, "lat": 0}, "day": "", "secret": ""},
        {"id": "p3", "title": "", "owner": "", "tags": [], "stars": 10,
         "data": '""', "loc": {"lon": -0.12, "lat": 51.5}, "day": "2025-01-01 00:00:00.000Z",
         "secret": ""},
        {"id": "p4", "title": "Blue", "owner": "bob", "tags": ["b"], "stars": -5,
         "data": '{"a":[]}', "loc": {"lon": 0, "lat": 0}, "day": "", "secret": ""},
        {"id": "p5", "title": "a_b", "owner": "gone", "tags": ["a", "b"], "stars": 5,
         "data": "5", "loc": {"lon": 0, "lat": 0}, "day": "", "secret": ""},
    ],
)  # fmt: skip
CARDS = _table(
    "cards",
    Column("holder", "relation", "people", unique=True),
    Column("colour", "text"),
    rows=[
        {"id": "c1", "holder": "ann", "colour": "gold"},
        {"id": "c2", "holder": "bob", "colour": ""},
    ],
)
NOTES = _table(
    "notes",
    Column("about", "relation", "people"),
    Column("by", "relation", "people"),
    Column("text", "text"),
    rows=[
        {"id": "n1", "about": "ann", "by": "bob", "text": "x"},
        {"id": "n2", "about": "ann", "by": "ann", "text": "y"},
        {"id": "n3", "about": "bob", "by": "ann", "text": "x"},
    ],
    rule="by = @request.auth.id",
)
VAULTS = _table(
    "vaults",
    Column("of", "relation", "people"),
    Column("key", "text"),
    rows=[{"id": "v1", "of": "ann", "key": "k"}],
    rule=None,
)

ASKING = Asking(
    method="PATCH",
    query={"page": "5"},
    headers={"x_token": "t"},
    body={"title": "Ann", "tags": ["a", "b"], "stars": 5, "owner": "bob"},
)


def world(caller: str | None = None, *, superuser: bool = False) -> World:
    """The world as it looks to a guest, to one of the people, or to a superuser."""
    tables = {one.name: one for one in (GROUPS, PEOPLE, POSTS, CARDS, NOTES, VAULTS)}
    row = None if caller is None else PEOPLE.find(caller)
    return World(tables, None if row is None else ("people", row), ASKING, superuser)
