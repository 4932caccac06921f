"""Walking all pages of random tables in random orders, while ties and NULLs abound and rows go."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.language.list_ask import OrderBy
from shared.limits import CURSOR_CHARS_MAX
from shared.quote import quote_identifier
from shared.schema.api import RecordApi
from shared.schema.tables.eligibility import record_key
from shared.sql.api.cursor_order import (
    CursorOrder,
    order_of,
    parts_after,
    read_cursor,
    write_cursor,
)
from tests.shared.schema.tables.sample import new_database, table_of
from tests.shared.sql.api.drawn_table import Draw, DrawnTable, drawn_tables, stored
from tests.shared.sql.api.filter_oracle import in_order

KEY = b"k" * 32
QUICK = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def wanted(table: DrawnTable, asked: list[OrderBy]) -> list[Any]:
    """The keys in the order asked for, by the documented rules."""
    last = asked[-1].descending if asked else True
    terms = [(one.column, one.descending) for one in asked] + [(table.key, last)]
    return [row[table.key] for row in in_order(table, terms)]


def page(
    db: apsw.Connection, api: RecordApi, order: CursorOrder, cursor: str | None, limit: int
) -> list[tuple[Any, ...]]:
    """The values of the rows of a page, in parts."""
    parts: list[tuple[str, tuple[Any, ...]]] = [("1", ())]
    if cursor is not None:
        parts = list(parts_after(order, read_cursor(KEY, api.name, order, cursor)))
    found: list[tuple[Any, ...]] = []
    source = f"FROM {quote_identifier(api.table.name)} AS _ROW_"
    for sql, params in parts:
        text = (
            f"SELECT {', '.join(order.columns)} {source} WHERE {sql} ORDER BY {order.sql} LIMIT ?"
        )
        found += db.execute(text, (*params, limit - len(found))).fetchall()
    return found


@st.composite
def asked_orders(draw: Draw, table: DrawnTable) -> list[OrderBy]:
    """Up to four columns, the same twice and the key among them too."""
    names = st.sampled_from([*table.sorts])
    return draw(st.lists(st.builds(OrderBy, names, st.booleans()), max_size=4))


@QUICK
@given(st.data(), drawn_tables(rows_max=20), st.integers(1, 5))
def test_each_row_comes_once_and_in_order(
    data: st.DataObject, table: DrawnTable, limit: int
) -> None:
    """Rows that were shown may be gone when the list goes on; a cursor does not need them."""
    walk(data, table, limit)


def walk(data: st.DataObject, table: DrawnTable, limit: int) -> None:
    """All pages of a list in some order, one after the other."""
    asked = data.draw(asked_orders(table))
    drops = data.draw(st.booleans())
    db = table.database()
    api = table.api(db)
    order = order_of(asked, api)
    at_key = [term.column.name for term in order.terms].index(table.key)
    every, seen, cursor = wanted(table, asked), [], None
    while rows := page(db, api, order, cursor, limit):
        seen += [row[at_key] for row in rows]
        cursor = write_cursor(KEY, api.name, order, rows[-1])
        assert cursor is not None
        if drops:
            key = quote_identifier(table.key)
            db.execute(f"DELETE FROM t WHERE {key} IS ?", (rows[-1][at_key],))
    assert seen == every, order.sql


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=3_000, derandomize=False)
@given(st.data(), drawn_tables(rows_max=20), st.integers(1, 5))
def test_each_row_comes_once_and_in_order_at_length(
    data: st.DataObject, table: DrawnTable, limit: int
) -> None:
    """3,000 walks, others each time."""
    walk(data, table, limit)


@settings(QUICK, max_examples=60)
@given(st.data(), drawn_tables(rows_max=12))
def test_what_was_added_before_the_cursor_moves_nothing(
    data: st.DataObject, table: DrawnTable
) -> None:
    """What follows any row, whether it is there or was never, is what the order says."""
    asked = data.draw(asked_orders(table))
    db = table.database()
    api = table.api(db)
    order = order_of(asked, api)
    every = wanted(table, asked)
    rows = {row[table.key]: row for row in table.rows}
    for at, key in enumerate(every):
        names = [term.column.name for term in order.terms]
        values = [stored(table.sorts[name], rows[key][name]) for name in names]
        cursor = write_cursor(KEY, api.name, order, values)
        rest = page(db, api, order, cursor, len(every) + 1)
        assert [row[names.index(table.key)] for row in rest] == every[at + 1 :]


NOTES = """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, a TEXT, b INTEGER NOT NULL, _c TEXT, d TEXT) STRICT
"""


def notes() -> RecordApi:
    """An API over a plain table; `d` is excluded."""
    table = table_of(NOTES, name="notes")
    key = record_key(table, [])  # type: ignore[arg-type]  # no other tables are looked at
    return RecordApi(
        name="notes", database="main", table=table, key=key, columns=table.columns[:4], limit=10
    )


def test_the_order_ends_with_the_key() -> None:
    """In the direction of the last column; the newest come first where nothing was asked."""
    api = notes()
    a, b, key = '_ROW_."a"', '_ROW_."b"', '_ROW_."id"'
    assert order_of([], api).sql == f"{key} DESC"
    assert order_of([OrderBy("a")], api).sql == f"{a}, {key}"
    assert (
        order_of([OrderBy("a"), OrderBy("B", descending=True)], api).sql
        == f"{a}, {b} DESC, {key} DESC"
    )
    twice = [OrderBy("a", descending=True), OrderBy("a"), OrderBy("id"), OrderBy("b")]
    assert order_of(twice, api).sql == f"{a} DESC, {key}", "what follows a key decides nothing"


@pytest.mark.parametrize("name", ["_c", "d", "e", "rowid", "_rowid_", "", "a desc", '"a"'])
def test_only_what_is_shown_can_be_ordered_by(name: str) -> None:
    """An order by a hidden column would tell of its values."""
    with pytest.raises(QuillError, match="Invalid query") as refused:
        order_of([OrderBy(name)], notes())
    assert refused.value.kind is Kind.INVALID


def test_parts_are_ranges_of_an_index() -> None:
    """No part sorts, and none reads what comes before it."""
    api = notes()
    db = new_database(NOTES, "CREATE INDEX by_a ON notes (a, b)")
    order = order_of([OrderBy("a", descending=True), OrderBy("b", descending=True)], api)
    parts = parts_after(order, ("x", 5, 7))
    assert len(parts) == 4
    for part in parts:
        text = f"SELECT id FROM notes AS _ROW_ WHERE {part.sql} ORDER BY {order.sql} LIMIT 3"
        plan = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {text}", part.params)]
        assert len(plan) == 1, plan
        assert plan[0].startswith("SEARCH _ROW_ USING COVERING INDEX by_a (a"), plan


def test_a_cursor_is_good_as_long_as_its_key() -> None:
    """It depends on nothing that a process forgets."""
    order = order_of([OrderBy("a")], notes())
    values = ("\U0001f40e", -(2**63))
    cursor = write_cursor(KEY, "notes", order, values)
    assert cursor is not None
    assert cursor == write_cursor(bytes(KEY), "notes", order_of([OrderBy("a")], notes()), values)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert read_cursor(KEY, "notes", order, cursor) == values


@given(
    st.lists(
        st.none()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False)
        | st.text()
        | st.binary(),
        min_size=2,
        max_size=2,
    )
)
def test_a_cursor_holds_every_value(values: list[Any]) -> None:
    """Of each type, to the last bit."""
    order = order_of([OrderBy("a")], notes())
    cursor = write_cursor(KEY, "notes", order, values)
    assert cursor is not None
    assert [repr(one) for one in read_cursor(KEY, "notes", order, cursor)] == list(
        map(repr, values)
    )


def test_a_cursor_of_another_list_is_bad() -> None:
    """Another API, another order, another key, any bit turned, anything that is none."""
    order, other = (
        order_of([OrderBy("a")], notes()),
        order_of([OrderBy("a", descending=True)], notes()),
    )
    cursor = write_cursor(KEY, "notes", order, ("x", 1))
    assert cursor is not None
    turned = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        for at in range(len(cursor) - 1)
    ]
    bad: list[tuple[bytes, str, CursorOrder, str]] = [
        (b"other", "notes", order, cursor), (KEY, "note", order, cursor), (KEY, "notes", other, cursor),
        *((KEY, "notes", order, one) for one in turned),
        *((KEY, "notes", order, one) for one in ("", "A", "é", "====", cursor[:-4], cursor + "AAAA", cursor * 99)),
    ]  # fmt: skip
    for key, name, of, text in bad:
        with pytest.raises(QuillError, match=r"^Bad cursor$") as refused:
            read_cursor(key, name, of, text)
        assert refused.value.kind is Kind.INVALID


def test_values_may_be_too_long_for_a_cursor() -> None:
    """It travels in an address. Then the key alone stands in it, if that is short."""
    order = order_of([OrderBy("a")], notes())
    by_key = write_cursor(KEY, "notes", order, ("x" * CURSOR_CHARS_MAX, 1))
    assert by_key is not None
    assert read_cursor(KEY, "notes", order, by_key) == (1,)
    assert write_cursor(KEY, "notes", order, (1, "x" * CURSOR_CHARS_MAX)) is None
    longest = write_cursor(KEY, "notes", order, ("x" * (CURSOR_CHARS_MAX * 3 // 4 - 30), 1))
    assert longest is not None
    assert len(longest) <= CURSOR_CHARS_MAX
