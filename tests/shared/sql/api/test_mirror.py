"""Record APIs filtered in the rule language: random tables and filters against plain Python.

Where both dialects can ask the same, they list the same rows. Also tests `shared.schema.mirror`.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.access.request import GUEST_REQUEST
from shared.language.errors import LanguageError
from shared.language.expression import (
    Comparator,
    Comparison,
    Expression,
    Join,
    Junction,
    Name,
    Number,
    Text,
)
from shared.language.filter_tree import Compare, Operator, Tree
from shared.language.filter_tree import Junction as Filters
from shared.language.parser import parse
from shared.schema.api import RecordApi
from shared.schema.mirror import mirror_of, mirror_problem
from shared.schema.tables.eligibility import record_key
from shared.sql.api.filters import compile_filter
from shared.sql.api.mirror import compile_mirror, mirror_count, mirror_page, searches
from shared.sqlite.functions.register import register
from tests.shared.schema.tables.sample import read
from tests.shared.sql.api.drawn_table import Draw, DrawnTable, Row, Sort, drawn_tables, shown
from worker.apis.ids import write_id

QUICK = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NUMBERS = ("integer", "real")
ORDERS: dict[Comparator, tuple[Operator, Callable[[Any, Any], bool]]] = {
    Comparator.GREATER: (Operator.GREATER, operator.gt),
    Comparator.GREATER_OR_EQUAL: (Operator.GREATER_OR_EQUAL, operator.ge),
    Comparator.LESS: (Operator.LESS, operator.lt),
    Comparator.LESS_OR_EQUAL: (Operator.LESS_OR_EQUAL, operator.le),
}
Drawn = tuple[Expression, Tree | None, Callable[[Row], bool]]
"""A filter in one dialect, in the other where it can be said there, and in Python."""


@QUICK
@given(st.data(), drawn_tables(geometry=False))
def test_both_dialects_list_what_python_does(data: st.DataObject, table: DrawnTable) -> None:
    """Whatever the key, the names and the values."""
    for row in table.rows:  # an infinite number is no JSON
        row.update({n: None for n, v in row.items() if isinstance(v, float) and math.isinf(v)})
    db = table.database()
    api = table.api(db)
    named = {
        name: sort
        for name, sort in table.sorts.items()
        if name in mirror_of(api).by_name and sort.name != "any"
    }
    if mirror_problem(api) or not named:
        return
    for _ in range(6):
        expression, tree, holds = data.draw(filters(table, named, 2))
        wanted = sorted(write_id(row[table.key]) for row in table.rows if holds(row))
        assert sorted(mirrored(db, api, expression)) == wanted, expression
        if tree is not None:
            assert sorted(listed(db, api, tree)) == wanted, tree


def mirrored(db: apsw.Connection, api: RecordApi, expression: Expression) -> list[str]:
    """The ids that the dialect of collections lists, as its records show them."""
    condition = compile_mirror(api, expression)
    page, count = mirror_page(api, condition, ""), mirror_count(api, condition)
    rows = db.execute(page.sql, (*page.bind(GUEST_REQUEST), 100, 0)).fetchall()
    assert db.execute(count.sql, count.bind(GUEST_REQUEST)).get == len(rows)
    return [str(json.loads(str(row[0]))["id"]) for row in rows]


def listed(db: apsw.Connection, api: RecordApi, tree: Tree) -> list[str]:
    """The ids that the dialect of record APIs lists."""
    sql, params = compile_filter(api.shown, tree).condition
    key = api.key.column.name.replace('"', '""')
    source = f'"{api.table.name}" AS _ROW_'
    rows = db.execute(f'SELECT _ROW_."{key}" FROM {source} WHERE {sql}', params).fetchall()
    return [write_id(row[0]) for row in rows]


@st.composite
def filters(draw: Draw, table: DrawnTable, named: dict[str, Sort], depth: int) -> Drawn:
    """A filter of those columns."""
    if depth and draw(st.integers(0, 2)) == 0:
        return joined(
            draw(st.sampled_from(tuple(Join))),
            [draw(filters(table, named, depth - 1)) for _ in range(2)],
        )
    name = draw(st.sampled_from(sorted(named)))
    sort = named[name]
    comparator = draw(
        st.sampled_from([*ORDERS, Comparator.EQUAL, Comparator.NOT_EQUAL, Comparator.LIKE])
    )
    values = [row[name] for row in table.rows if row[name] is not None] or [*sort.values]
    value = draw(st.sampled_from(values))
    return compared(name, sort, comparator, value)


def joined(join: Join, parts: list[Drawn]) -> Drawn:
    """Two filters that hold both, or of which one does."""
    trees = [tree for _, tree, _ in parts if tree is not None]
    whole = all if join is Join.ALL else any
    return (
        Junction(join, tuple(expression for expression, _, _ in parts)),
        Filters(join, tuple(trees)) if len(trees) == len(parts) else None,
        lambda row: whole(holds(row) for _, _, holds in parts),
    )


def compared(name: str, sort: Sort, comparator: Comparator, value: Any) -> Drawn:
    """A column with a value; with `~` a text."""
    text = shown(value)
    number = sort.name in NUMBERS and math.isfinite(value)
    literal = Number(spelled(value), 0) if number else Text(text, 0)
    read, other = reading(sort), read_literal(sort, value)

    def holds(row: Row) -> bool:
        found = read(row[name])
        if comparator is Comparator.EQUAL:
            return other == found if other != b"" else found in (b"", None)
        if comparator is Comparator.NOT_EQUAL:
            return other != found if other != b"" else found not in (b"", None)
        return found is not None and ORDERS[comparator][1](found, other)

    if comparator is Comparator.LIKE or not (number or sort.name not in NUMBERS):
        needle = "".join(one for one in text if one not in "%\\\0")
        like = Comparison(Name(name, 0), Comparator.LIKE, False, Text(needle, 0), 0)
        return like, None, lambda row: found_in(needle, row[name])
    tree = None
    if comparator in ORDERS:
        tree = Compare(name, ORDERS[comparator][0], text)
    elif comparator is Comparator.EQUAL and text:
        tree = Compare(name, Operator.EQUAL, text)
    if tree is not None and sort.name in ("blob", "uuid") and comparator in ORDERS:
        tree = None  # blobs are ordered by their bytes there, and by their base64 here
    return Comparison(Name(name, 0), comparator, False, literal, 0), tree, holds


def spelled(value: float) -> str:
    """A number as the language writes it."""
    text = repr(value)
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def reading(sort: Sort) -> Callable[[Any], Any]:
    """How a stored value is compared: numbers as such, texts by their bytes, blobs as base64."""
    return lambda value: None if value is None else read_literal(sort, value)


def read_literal(sort: Sort, value: Any) -> Any:
    """The same of a value that is not NULL."""
    if sort.name in NUMBERS:
        return value
    encoded = shown(value).encode()
    return encoded.lower() if sort.folds else encoded


def found_in(needle: str, value: Any) -> bool:
    """What `~` asks: in any case, but of ASCII letters alone; SQLite's texts end at a NUL there."""
    if value is None:
        return False
    text = spelled_as_text(value).partition("\0")[0]
    return ascii_lower(needle) in ascii_lower(text)


def spelled_as_text(value: Any) -> str:
    """A value as SQLite makes a text of it."""
    if isinstance(value, float):
        return str(apsw.Connection(":memory:").execute("SELECT CAST(? AS TEXT)", (value,)).get)
    return shown(value)


def ascii_lower(text: str) -> str:
    """Lower case of what SQLite's lower() knows."""
    return "".join(one.lower() if one.isascii() else one for one in text)


# --- By hand ------------------------------------------------------------------------------------

TABLE = """
    CREATE TABLE t (
        id INTEGER PRIMARY KEY, n INTEGER, s TEXT, v ANY, g BLOB CHECK(ST_IsValid(g)),
        j TEXT CHECK(jsonschema('std.KeyValue', j)), _w TEXT
    ) STRICT
"""


def api_over(sql: str, *rows: str) -> tuple[apsw.Connection, RecordApi]:
    """An API over the table that the statement makes."""
    db = apsw.Connection(":memory:")
    register(db)
    db.pragma("case_sensitive_like", value=True)
    for one in (sql, *rows):
        db.execute(one)
    tables = read(db)
    table = tables.find("t")
    assert table is not None
    key = record_key(table, tables)
    return db, RecordApi(
        name="things", database="main", table=table, key=key, columns=table.columns, limit=9
    )


@pytest.mark.parametrize("text", ["id = 3", "id = '3'", "n = 5", "n = 5 && s ~ 'x'"])
def test_an_index_of_the_table_serves(text: str) -> None:
    """Nothing stands between a column and its filter."""
    db, api = api_over(TABLE, "CREATE INDEX by_n ON t (n)")
    page = mirror_page(api, compile_mirror(api, parse(text)), "")
    plan = db.execute(f"EXPLAIN QUERY PLAN {page.sql}", (*page.bind(GUEST_REQUEST), 9, 0))
    assert any("SEARCH" in str(row[3]) for row in plan)


@pytest.mark.parametrize("name", ["_w", "v", "g", "no", "j.k.x.collection", "@collection.t.n"])
def test_only_what_is_shown_can_be_named(name: str) -> None:
    """And of that, only what the language can compare."""
    _, api = api_over(TABLE)
    if name.startswith("j."):
        compile_mirror(api, parse(f"{name} = 1"))
        return
    with pytest.raises(LanguageError):
        compile_mirror(api, parse(f"{name} = 1"))


def test_an_order_ends_with_the_key() -> None:
    """Numbers in their order, and the key's own where nothing is asked."""
    db, api = api_over(TABLE, "INSERT INTO t (id, n) VALUES (10, 1), (9, 1), (100, 0)")
    for sort, wanted in (
        ("", ["9", "10", "100"]), ("-id", ["100", "10", "9"]),
        ("n", ["100", "9", "10"]), ("-n", ["10", "9", "100"]),
    ):  # fmt: skip
        page = mirror_page(api, None, sort)
        rows = db.execute(page.sql, (*page.bind(GUEST_REQUEST), 9, 0)).fetchall()
        assert [json.loads(str(row[0]))["id"] for row in rows] == wanted, sort
    with pytest.raises(LanguageError):
        mirror_page(api, None, "_w")


def test_a_column_may_be_called_like_a_part_of_the_statement() -> None:
    """It is shown, and stands in the place of nothing."""
    table = 'CREATE TABLE t (id INTEGER PRIMARY KEY, ":json" TEXT, ":key" TEXT, s TEXT) STRICT'
    db, api = api_over(table, "INSERT INTO t VALUES (1, 'x', 'b', 's'), (2, 'y', 'a', 's')")
    page = mirror_page(api, compile_mirror(api, parse("s = 's'")), "s")
    rows = db.execute(page.sql, (*page.bind(GUEST_REQUEST), 9, 0)).fetchall()
    found = [json.loads(str(row[0])) for row in rows]
    assert [(one["id"], one[":json"], one[":key"]) for one in found] == [
        ("1", "x", "b"), ("2", "y", "a")
    ]  # fmt: skip


def test_what_looks_into_texts_says_so() -> None:
    """It is nothing for the event loop."""
    _, api = api_over(TABLE)
    assert searches(compile_mirror(api, parse("s ~ 'x'")))
    assert not searches(compile_mirror(api, parse("s = 'x'")))
    assert not searches(None)


@pytest.mark.parametrize("name", ["id", "ID", "collectionId", "COLLECTIONNAME", "expand"])
def test_a_column_may_not_be_called_like_a_key_of_collections(name: str) -> None:
    """Unless it is the key itself, which is the `id`."""
    _, api = api_over(f"CREATE TABLE t (k INTEGER PRIMARY KEY, {name} TEXT) STRICT")
    assert name in mirror_problem(api)
    db, api = api_over("CREATE TABLE t (ID INTEGER PRIMARY KEY) STRICT", "INSERT INTO t VALUES (7)")
    assert mirror_problem(api) == ""
    page = mirror_page(api, compile_mirror(api, parse("id = 7")), "")
    shown_as = json.loads(str(db.execute(page.sql, (*page.bind(GUEST_REQUEST), 9, 0)).get))
    assert shown_as == {"collectionId": "things", "collectionName": "things", "id": "7"}
