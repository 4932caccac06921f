"""Pages that begin after a record, against an oracle in Python, while rows come and go."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.request import GUEST_REQUEST
from shared.sql.keyset import parts_after
from shared.sql.order import Order, order_of
from shared.sql.plan import Value
from shared.sql.query_plan import query_plan_sql
from shared.sql.select import ListPlan, Paging, list_plan
from shared.sql.shape import shape_of
from tests.shared.sql.sample import CATALOG, SAMPLE, create, insert

SHAPE = shape_of(SAMPLE, CATALOG, hidden=False, only=frozenset({"id"}))
SORTABLE = ("title", "count", "open", "state", "@rowid")
# Few values, so that most rows are ties; those that sort oddly as another type.
TITLES = ("", "a", "B", "10", "9", "é", "a\n")
COUNTS = (0, -1.5, 2, 10, 9, 1e300)

terms = st.lists(st.tuples(st.sampled_from(SORTABLE), st.booleans()), min_size=0, max_size=4).map(
    lambda pairs: ",".join(("-" if down else "") + name for name, down in pairs)
)
rows = st.tuples(
    st.sampled_from(TITLES), st.sampled_from(COUNTS), st.booleans(), st.sampled_from(("", "a", "b"))
)


def _order(sort: str) -> Order:
    return order_of(sort, SAMPLE, CATALOG, caller=None, superuser=False)


def _plan(sort: str, paging: Paging) -> ListPlan:
    return list_plan(SAMPLE, None, None, _order(sort), SHAPE, paging)


class Table:
    """A table, and what it holds in Python: rowid → values."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        create(self.connection, SAMPLE)
        self.rows: dict[int, dict[str, Any]] = {}
        self.made = 0

    def add(self, row: tuple[str, float, bool, str]) -> None:
        title, count, is_open, state = row
        self.made += 1
        values: dict[str, Value] = {
            "id": f"r{self.made}", "title": title, "count": count, "open": int(is_open),
            "state": state,
        }  # fmt: skip
        insert(self.connection, SAMPLE, _rowid_=self.made, **values)
        self.rows[self.made] = {**values, "@rowid": self.made}

    def drop(self, rowid: int) -> None:
        self.connection.execute("DELETE FROM sample WHERE _rowid_ = ?", (rowid,))
        del self.rows[rowid]

    def ordered(self, sort: str) -> list[int]:
        """Rowids in the order that `sort` means, by stable sorts from the last key to the first."""
        keys = [(piece.lstrip("-"), piece.startswith("-")) for piece in sort.split(",") if piece]
        found = sorted(self.rows, reverse=bool(keys) and keys[-1][1])
        for name, down in reversed(keys):
            # Python keeps ties in order also when it sorts in reverse.
            found.sort(key=lambda rowid: _comparable(self.rows[rowid][name]), reverse=down)
        return found

    def page(self, sort: str, limit: int, after: tuple[Value, ...]) -> list[tuple[Any, ...]]:
        plan = _plan(sort, Paging.AFTER if after else Paging.START)
        found: list[tuple[Any, ...]] = []
        for number, part in enumerate(plan.walk):
            values = after[: len(after) - number]
            params = (*part.bind(GUEST_REQUEST), *values, limit - len(found))
            found += self.connection.execute(part.sql, params).fetchall()
        return found


def _comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _id(row: tuple[Any, ...]) -> int:
    return int(str(row[0]).removeprefix('{"id":"r').removesuffix('"}'))


@given(
    sort=terms,
    first=st.lists(rows, max_size=25),
    limit=st.integers(1, 7),
    between=st.lists(st.tuples(st.booleans(), rows, st.integers(0, 100)), max_size=20),
)
def test_paging_neither_skips_nor_repeats(
    sort: str,
    first: list[tuple[str, float, bool, str]],
    limit: int,
    between: list[tuple[bool, tuple[str, float, bool, str], int]],
) -> None:
    """Every page is what follows in the oracle's order at that moment, whatever came and went."""
    table = Table()
    for row in first:
        table.add(row)
    there_all_along = set(table.rows)
    seen: list[int] = []
    after: tuple[Value, ...] = ()
    position = -1
    while found := table.page(sort, limit, after):
        ids = [_id(row) for row in found]
        ordered = table.ordered(sort)
        if not after:
            assert ids == ordered[:limit]
        elif seen[-1] in table.rows:
            position = ordered.index(seen[-1])
            assert ids == ordered[position + 1 : position + 1 + limit]
        seen += ids
        after = found[-1][1:]
        if between:
            comes, row, number = between.pop()
            if comes:
                table.add(row)
            elif table.rows:
                gone = list(table.rows)[number % len(table.rows)]
                table.drop(gone)
                there_all_along.discard(gone)
    assert len(seen) == len(set(seen))
    assert there_all_along <= set(seen)


@pytest.mark.parametrize(
    ("sort", "columns"),
    [
        ("", ""),
        ("-title", "title"),
        ("title,count", "title, count"),
        ("-title,-count", "title, count"),
        ("title,-count", "title DESC, count"),
    ],
)
def test_an_index_leads_to_the_place(sort: str, columns: str) -> None:
    """A range of the index that has the order, in one direction or the other, and no sorting."""
    table = Table()
    if columns:
        table.connection.execute(f"CREATE INDEX walked ON sample({columns})")
    values = ("a", 1, 5) if "," in sort else ("a", 5)
    plan = _plan(sort, Paging.AFTER)
    for number, part in enumerate(plan.walk):
        bound = (*values[: len(plan.order.terms) - number], 20)
        told = table.connection.execute(query_plan_sql(part.sql), bound).fetchall()
        lines = [str(row[3]) for row in told]
        assert not [line for line in lines if "TEMP B-TREE" in line]
        assert any(line.startswith("SEARCH r USING") for line in lines), lines


@pytest.mark.parametrize(
    ("sort", "columns", "last"),
    [("title", "title", ("same", 1_500)), ("-title,count", "title, count", ("same", 1, 1_500))],
)
def test_a_page_among_ties_is_reached_at_once(
    sort: str, columns: str, last: tuple[Value, ...]
) -> None:
    """However many records share the last one's values: SQLite takes few steps."""
    table = Table()
    for _ in range(3_000):
        table.add(("same", 1, True, "a"))
    table.connection.execute(f"CREATE INDEX walked ON sample({columns})")
    steps = 0

    def count_steps() -> bool:
        nonlocal steps
        steps += 1
        return False

    table.connection.set_progress_handler(count_steps, 1)
    found = table.page(sort, 5, last)
    table.connection.set_progress_handler(None)
    assert [_id(row) for row in found] == [1_501, 1_502, 1_503, 1_504, 1_505]
    assert steps < 2_000


def test_the_parts_follow_each_other() -> None:
    """Ties first, then what lies beyond the term before."""
    assert parts_after(_order("-title,count")) == [
        'r."title" = ? AND r."count" = ? AND r._rowid_ > ?',
        'r."title" = ? AND r."count" > ?',
        'r."title" < ?',
    ]
