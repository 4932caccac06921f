"""Random worlds: collections that refer to each other, rows with all that can be wrong in them.

Names are those that SQL would stumble over if it were built without quotes, or with too short
aliases. Ids are the same few in every table, so a path that leads to the wrong one is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.shared.sql.oracle_world import Asking, Column, Row, Table

Draw = Callable[[st.SearchStrategy[Any]], Any]

IDS = ["x1", "x2", "x3", "x4", "x5"]
GHOST = "ghost"
"""The id of a row that is in no table, though others may refer to it."""
TEXTS = [
    "", "a", "A", "ab", "a_b", "aB%", "%", "a\\", "\\%", "5", "05", "5.5", "10", "é", "É", "it's",
    "x1", "2025-11-05 10:05:05.250Z", "null",
]  # fmt: skip
NUMBERS = [0, 1, 5, 10, -5, 5.5, 2025]
DATES = ["", "2025-11-05 10:05:05.250Z", "2025-12-01 00:00:00.000Z", "2024-02-28 23:30:00.000Z"]
JSON = [
    None, "null", "5", "5.5", '"5"', '"a"', '""', "true", "false", "[1,2]", '{"a":1}', "not json",
    '{"a":[{"b":5},{"b":"x1"}],"s":"A%"}', '{"a":{"b":true},"s":null}', '[{"a":5}]', '{"a":""}',
]  # fmt: skip
PLACES = [
    {"lon": 0, "lat": 0}, {"lon": 2.35, "lat": 48.85}, {"lon": -0.12, "lat": 51.5},
    {"lon": 179.9, "lat": -45.25},
]  # fmt: skip
STATES = ["a", "b", "ab", "A", "5", "%"]
SENDABLE = (
    "title", "select", "count", "order", "open", "day", "state", "tags", "one", "Where", "many",
    "crew",
)  # fmt: skip
"""Fields that a body may have, and of which a rule may ask what became of them."""
TABLES = ["r", "group", "Items"]

_IDENTIFIED = Column("id", "text")
_AUTH = (
    _IDENTIFIED,
    Column("password", "password", hidden=True),
    Column("tokenKey", "text", hidden=True),
    Column("email", "email"),
    Column("emailVisibility", "bool"),
    Column("verified", "bool"),
)
_PLAIN = (
    Column("title", "text"),
    Column("select", "text"),
    Column("hush", "text", hidden=True),
    Column("count", "number"),
    Column("order", "number"),
    Column("open", "bool"),
    Column("day", "date"),
    Column("data", "json"),
    Column("loc", "geoPoint"),
    Column("state", "select"),
    Column("tags", "select", many=True),
)
SUPERUSERS = "_superusers"


def _of(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


CELLS: dict[tuple[str, bool], st.SearchStrategy[Any]] = {
    ("text", False): _of(TEXTS),
    ("number", False): _of(NUMBERS),
    ("bool", False): _of([0, 1]),
    ("date", False): _of(DATES),
    ("json", False): _of(JSON),
    ("geoPoint", False): _of(PLACES),
    ("select", False): _of(["", *STATES]),
    ("select", True): st.lists(_of(STATES), max_size=3, unique=True),
    ("relation", False): _of(["", *IDS, *IDS, "gone", GHOST]),
    ("relation", True): st.one_of(
        st.lists(_of([*IDS, *IDS, "gone", GHOST]), max_size=3, unique=True),
        st.lists(_of(IDS), min_size=2, max_size=4, unique=True),
    ),
}


def tables(draw: Draw) -> dict[str, Table]:
    """Two or three ordinary tables, users, a plain auth table, and superusers; list rules open."""
    names = [*TABLES[: draw(st.integers(2, 3))], "users"]
    made = {name: Table(name, _columns(draw, name, names), name == "users") for name in names}
    staff = (*_AUTH, Column("title", "text"), Column("count", "number"))
    made["staff"] = Table("staff", _by_name(staff), auth=True)
    made[SUPERUSERS] = Table(SUPERUSERS, _by_name(_AUTH), auth=True, rule=None)
    for table in made.values():
        ids = IDS[: draw(_of([0, 2, 3, 4, 5, 5]))] if table.name in names else ["x1"]
        table.rows.extend(row(draw, table, own_id) for own_id in ids)
        _keep_apart(draw, table)
    return made


def _by_name(columns: tuple[Column, ...]) -> dict[str, Column]:
    return {one.name: one for one in columns}


def _columns(draw: Draw, name: str, names: list[str]) -> dict[str, Column]:
    system = _AUTH if name == "users" else (_IDENTIFIED,)
    picked = draw(st.sets(st.sampled_from(_PLAIN), min_size=3, max_size=7))
    plain = tuple(one for one in _PLAIN if one in picked)
    relations = [
        Column("one", "relation", draw(_of(names)), hidden=draw(_of([False] * 9 + [True]))),
        Column("Where", "relation", draw(_of(names)), unique=draw(st.booleans())),
        Column("many", "relation", draw(_of(names)), many=True),
        Column("crew", "relation", draw(_of(names)), many=True),
    ]
    kept = draw(st.integers(1, 4))
    return _by_name((*system, *plain, *relations[-kept:]))


def row(draw: Draw, table: Table, own_id: str) -> Row:
    """A row with something in each column."""
    made: Row = {}
    for column in table.columns.values():
        made[column.name] = _cell(draw, column, own_id)
    return made


def _cell(draw: Draw, column: Column, own_id: str) -> object:
    if column.name == "id":
        return own_id
    if column.name == "tokenKey":
        return f"key {own_id}"
    if column.name == "email":
        return draw(_of(["", f"{own_id}@a.io"]))
    if column.kind == "password":
        return ""
    return draw(CELLS[column.kind, column.many])


def _keep_apart(draw: Draw, table: Table) -> None:
    """Where an index keeps values apart, no two rows have the same."""
    for column in table.columns.values():
        if column.unique:
            values = draw(st.permutations(["", *IDS, "gone"]))
            for one, value in zip(table.rows, values, strict=False):
                one[column.name] = value


def asking(draw: Draw, table: Table) -> Asking:
    """The facts of a request about a table: its body has some of the fields, and a key too many."""
    known = [one for one in table.columns.values() if one.name in SENDABLE]
    sent = draw(st.lists(st.sampled_from(known), max_size=5, unique=True)) if known else []
    body: dict[str, object] = {one.name: _sent(draw, one) for one in sent}
    if draw(st.booleans()):
        body["extra"] = draw(_of([*TEXTS, *NUMBERS, None, True]))
    return Asking(
        method=draw(_of(["GET", "POST", "PATCH"])),
        context=draw(_of(["default", "realtime", "batch"])),
        query=draw(st.dictionaries(_of(["q", "page"]), _of(TEXTS))),
        headers=draw(st.dictionaries(_of(["x_token", "accept"]), _of(TEXTS))),
        body=body,
    )


def _sent(draw: Draw, column: Column) -> object:
    value = draw(CELLS[column.kind, column.many])
    return bool(value) if column.kind == "bool" else value
