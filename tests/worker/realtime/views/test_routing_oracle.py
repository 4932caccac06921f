"""Routing drops nobody for whom SQL says yes: random rules, odd values, odd identities.

`worker.realtime.views.routing` reads the text of a rule and one value of a change; the compiler and SQLite
say what the rule means. Where the two disagree, a listener would miss an event without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.access.identity import GUEST, Identity, identity_of
from shared.access.request import REALTIME, AccessRequest
from shared.language.errors import LanguageError
from shared.messages.changes import Act, Change
from shared.schema.auth_fields import auth_fields
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.table import create_table
from shared.sql.conditions import Use, compile_rule
from shared.sql.plan import Value
from shared.sql.predicate import all_of
from shared.sql.row import row_source, row_values_by_id
from worker.realtime.views.routing import named_by, route_of

Draw = Callable[[st.SearchStrategy[Any]], Any]
IDS = ["x1", "X1", "x1 ", " x1", "x2", "é", "e\u0301", "É", "5", "05", "5.0", "null", "%", "ß"]
"""Ids as migrated data may have them. `""` is a guest, who equals what is empty."""
TEXTS: list[Value] = ["", None, *IDS, *IDS, "['x1']", '["x1"]', "x1\u0000", "a"]
LISTS: list[Value] = [
    "",
    "[]",
    '["x1"]',
    '["x1","x2"]',
    '["X1","é"]',
    '[""]',
    "x1",
    "not json",
    "[5]",
]
JSON: list[Value] = [None, "null", '"x1"', '""', "5", "x1", '["x1"]', '{"id":"x1"}']
_OWN: list[tuple[str, str, dict[str, Any]]] = [
    ("title", "text", {}),
    ("hush", "text", {"hidden": True}),
    ("mail", "email", {}),
    ("site", "url", {}),
    ("state", "select", {"values": ["x1", "x2"], "maxSelect": 1}),
    ("states", "select", {"values": ["x1", "x2"], "maxSelect": 3}),
    ("owner", "relation", {"collectionId": "c_users", "maxSelect": 1}),
    ("crew", "relation", {"collectionId": "c_users", "maxSelect": 5}),
    ("up", "relation", {"collectionId": "c_posts", "maxSelect": 1}),
    ("body", "editor", {}),
    ("day", "date", {}),
    ("n", "number", {}),
    ("on", "bool", {}),
    ("data", "json", {}),
]  # fmt: skip
_VALUES: dict[str, list[Value]] = {
    "states": LISTS, "crew": LISTS, "n": [0, 5, 5.5, 1e21], "on": [0, 1], "data": JSON,
}  # fmt: skip
_PATHS = [
    *(name for name, _, _ in _OWN), "id", "owner.id", "owner.title", "up.owner", "up.id", "crew.id",
    "crew:each", "states:each", "states:length", "title:lower", "owner:lower", "data.id",
    "posts_via_up.owner", "@request.auth.title", "@request.auth.id", "@request.auth.boss",
    "@collection.posts.owner", "'x1'", "''", "null", "5", "@request.query.a", "@request.auth.id:lower",
]  # fmt: skip
_NAMING = ["title", "owner", "id", "mail", "hush", "state", "states", "crew", "up", "data", "body"]
_SIGNS = ["=", "=", "=", "=", "!=", "?=", "?!=", "~", "!~", ">", "<="]
_ASKER = "@request.auth.id"
QUICK = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _collection(name: str, kind: str, own: list[tuple[str, str, dict[str, Any]]]) -> Collection:
    plain = field_from_json({"id": "id", "name": "id", "type": "text", "primaryKey": True})
    system = auth_fields() if kind == "auth" else (plain,)
    fields = [field_from_json({"id": f"f_{n}", "name": n, "type": t, **more}) for n, t, more in own]
    return Collection(f"c_{name}", name, kind, False, (*system, *fields))


USERS = _collection(
    "users",
    "auth",
    [("title", "text", {}), ("boss", "relation", {"collectionId": "c_users", "maxSelect": 1})],
)
POSTS = _collection("posts", "base", _OWN)
CATALOG = Catalog(1, [USERS, POSTS])


def _database() -> apsw.Connection:
    """The users are there, and a post of x1's that others may refer to."""
    connection = apsw.Connection(":memory:")
    for collection in (USERS, POSTS):
        for statement in create_table(collection):
            connection.execute(statement)
    for own_id in IDS:
        sql = "INSERT INTO users(id, tokenKey, title, boss) VALUES(?, ?, ?, 'x2')"
        connection.execute(sql, (own_id, f"key {own_id}", own_id))
    connection.execute("INSERT INTO posts(id, owner, title) VALUES('p1', 'x1', 'x1')")
    return connection


DATABASE = _database()


@dataclass(frozen=True)
class Asked:
    """A rule and a filter, and the change that is judged by them."""

    rule: str
    filter: str
    change: Change


def _rule(draw: Draw, name: str) -> str:
    """Mostly a conjunction that compares a field with the asker's id, with something beside it."""
    parts = [_condition(draw, 1) for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2])))]
    if draw(st.integers(0, 4)):
        sign = draw(st.sampled_from(["=", "=", "=", "=", "?=", "~", "!="]))
        sides = [name, _ASKER] if draw(st.booleans()) else [_ASKER, name]
        parts.append(f" {sign} ".join(sides))
    draw(st.randoms(use_true_random=False)).shuffle(parts)
    return " && ".join(parts) or _condition(draw, 2)


def _condition(draw: Draw, depth: int) -> str:
    if depth and draw(st.integers(0, 2)):
        word: str = draw(st.sampled_from([" && ", " && ", " || "]))
        parts = [_condition(draw, depth - 1) for _ in range(draw(st.integers(2, 3)))]
        return "(" + word.join(parts) + ")"
    left = draw(st.sampled_from(_PATHS))
    right = draw(st.sampled_from([_ASKER, _ASKER, _ASKER, *_PATHS]))
    sides = [left, right] if draw(st.integers(0, 3)) else [right, left]
    return f"{sides[0]} {draw(st.sampled_from(_SIGNS))} {sides[1]}"


def _row(draw: Draw, named: str) -> dict[str, Value]:
    """A row in which one field names somebody, in whatever way, or is missing."""
    row: dict[str, Value] = {"id": draw(st.sampled_from(["p2", "x1", "x1 "]))}
    for name, _, _ in _OWN:
        row[f"f_{name}"] = draw(st.sampled_from(_VALUES.get(name, TEXTS)))
    if named != "id" and draw(st.integers(0, 9)) == 0:
        del row[f"f_{named}"]
    return row


@st.composite
def asked(draw: Draw, named: str = "") -> Asked:
    """Conditions with equalities of the asker's id among them, and a create, update or delete."""
    named = named or draw(st.sampled_from(_NAMING))
    act = draw(st.sampled_from([Act.CREATE, Act.UPDATE, Act.DELETE]))
    new = None if act is Act.DELETE else _row(draw, named)
    old = None if act is Act.CREATE else _row(draw, named)
    if new is not None and old is not None:
        old = {key: value for key, value in old.items() if key != "id" and new.get(key) != value}
    key = (new or old or {}).get("id", "p2")
    path = draw(st.sampled_from([named, named, named, *_PATHS]))
    rule, narrowed = _rule(draw, path), ""
    if draw(st.integers(0, 5)) == 0:
        narrowed = _condition(draw, 1)
    return Asked(rule, narrowed, Change(1, POSTS.id, act, key, old, new))


def _states(change: Change) -> list[dict[str, Value]]:
    """The rows that somebody may be told of: the new one, and the old one where it is left."""
    found = [] if change.new is None else [change.new]
    if change.old is not None:
        found.append({**(change.new or {}), **change.old})
    return found


def _askers() -> list[Identity]:
    records = [{"id": i, "title": i, "boss": "x2", "tokenKey": "k"} for i in IDS]
    return [GUEST, *(identity_of(USERS, record, superuser=False) for record in records)]


ASKERS = _askers()


def _says_yes(one: Asked, asker: Identity) -> bool:
    """Whether SQL shows any state of the record to the asker. Raises LanguageError."""
    caller = None if asker.guest else USERS
    conditions = [
        compile_rule(text, POSTS, CATALOG, caller=caller, use=Use.VALUES)
        for text in (one.rule, one.filter)
        if text
    ]
    where = all_of(*conditions)
    assert where is not None
    bound = where.bind(AccessRequest(asker, REALTIME))
    sql = f"SELECT 1 FROM {row_source(POSTS)} WHERE {where.sql}"
    return any(
        DATABASE.execute(sql, (*row_values_by_id(POSTS, row), *bound)).fetchall()
        for row in _states(one.change)
    )


def check(one: Asked) -> bool:
    """Nobody who may be told is dropped. Whether somebody else was: the sieve is one."""
    field_id = route_of(POSTS, one.rule, one.filter)
    if field_id is None:
        return False
    named = named_by(one.change, field_id)
    if named is None:
        return False
    for asker in ASKERS:
        if asker.id in named:
            continue
        try:
            told = _says_yes(one, asker)
        except LanguageError:
            return False  # a rule at fault tells nobody
        assert not told, f"{asker.id!r} is dropped: {one.rule} && {one.filter}: {one.change}"
    return True


@QUICK
@given(st.lists(asked(), min_size=5, max_size=5))
def test_routing_drops_nobody_who_may_be_told(several: list[Asked]) -> None:
    """2,000 rules, each for fifteen identities and every state that the change knows."""
    for one in several:
        check(one)


@settings(QUICK, max_examples=100)
@given(st.sampled_from(["title", "owner", "id", "mail", "hush", "state"]), st.data())
def test_routing_sieves(name: str, data: st.DataObject) -> None:
    """A conjunction with the asker's id is routed whatever stands beside it, on either side."""
    one = data.draw(asked(name))
    field = POSTS.field(name)
    assert field is not None
    for equality in (f"{name} = {_ASKER}", f"{_ASKER} = {name}"):
        rule = f"{equality} && ({one.rule})"
        assert route_of(POSTS, rule) == field.id
        assert route_of(POSTS, one.rule, equality) is not None
        check(Asked(rule, one.filter, one.change))


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=4_000, derandomize=False)
@given(st.lists(asked(), min_size=5, max_size=5))
def test_routing_drops_nobody_at_length(several: list[Asked]) -> None:
    """20,000 rules, others each time."""
    for one in several:
        check(one)
