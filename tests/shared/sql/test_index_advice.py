"""Which index a statement lacks, judged on SQLite's real plans: with it, the plan is a good one."""

from __future__ import annotations

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from shared.sql.conditions import Use
from shared.sql.index_advice import missing_indexes, widest
from shared.sql.order import Order, order_of
from shared.sql.query_plan import PlanLine, query_plan_sql, read_lines, sorts_rows
from shared.sql.select import Statement, list_plan
from shared.sql.shape import shape_of
from tests.shared.sql.sample import CATALOG, SAMPLE, create, filtering

TABLES = {SAMPLE.table: SAMPLE}


@pytest.fixture
def connection() -> apsw.Connection:
    """The sample's table, empty."""
    made = apsw.Connection(":memory:")
    create(made, SAMPLE)
    return made


def _statements(text: str, sort: str) -> tuple[Statement, Statement, Order]:
    page = filtering(text) if text else None
    count = filtering(text, use=Use.COUNT) if text else None
    order = order_of(sort, SAMPLE, CATALOG, caller=None, superuser=False)
    plan = list_plan(SAMPLE, page, count, order, shape_of(SAMPLE, CATALOG, hidden=False))
    return plan.walk[0], plan.count, order


def _lines(connection: apsw.Connection, statement: Statement, *ends: int) -> list[PlanLine]:
    params = (*statement.bind(GUEST_REQUEST), *ends)
    return read_lines(connection.execute(query_plan_sql(statement.sql), params).fetchall())


@pytest.mark.parametrize(
    ("text", "sort", "columns"),
    [
        ("state = 'a'", "", "(`state`)"),
        ("state = 'a'", "-day", "(`state`, `day`)"),
        ("state = 'a' && title = 'x'", "", "(`state`, `title`)"),
        ("", "-day", "(`day`)"),
        ("", "day,-count", "(`day` DESC, `count`)"),
        ("", "-day,count", "(`day` DESC, `count`)"),
    ],
)
def test_the_index_that_is_named_helps(
    connection: apsw.Connection, text: str, sort: str, columns: str
) -> None:
    """Equality first, then the order; once it is there, nothing is sorted and nothing is named."""
    walk, _, order = _statements(text, sort)
    named = missing_indexes(TABLES, walk.sql, _lines(connection, walk, 30, 0), order.terms)
    assert [one[one.index("(") :] for one in named] == [columns]
    connection.execute(named[0])
    lines = _lines(connection, walk, 30, 0)
    assert not sorts_rows(lines)
    assert not any("LAST TERM" in line.text for line in lines)
    assert missing_indexes(TABLES, walk.sql, lines, order.terms) == []


@pytest.mark.parametrize(
    ("text", "sort"),
    [("", ""), ("", "@random"), ("title ~ 'x'", ""), ("id = 'a'", ""), ("title != 'x'", "")],
)
def test_where_no_index_helps_none_is_named(
    connection: apsw.Connection, text: str, sort: str
) -> None:
    """Order of creation, chance, patterns, inequality; and what has an index by itself."""
    walk, count, order = _statements(text, sort)
    assert missing_indexes(TABLES, walk.sql, _lines(connection, walk, 30, 0), order.terms) == []
    ends = (30,) if text else ()
    assert missing_indexes(TABLES, count.sql, _lines(connection, count, *ends)) == []


def test_tables_of_the_conditions_are_looked_at_too() -> None:
    """By their aliases; side tables and unknown ones are left alone."""
    sql = 'SELECT 1 FROM "sample" r WHERE r."owner" IN (SELECT x."id" FROM "sample" x WHERE x."title" = ?)'
    lines = [PlanLine(0, "SEARCH r USING INDEX a"), PlanLine(1, "SCAN x"), PlanLine(1, "SCAN s")]
    assert missing_indexes(TABLES, sql, lines) == [
        "CREATE INDEX `idx_sample_title` ON `sample` (`title`)"
    ]


def test_the_widest_of_several_is_enough() -> None:
    """One whose columns begin another's adds nothing."""
    one, two = "CREATE INDEX `a` ON `t` (`x`)", "CREATE INDEX `b` ON `t` (`x`, `y`)"
    other = "CREATE INDEX `c` ON `t` (`xx`)"
    assert widest([one, two, other, one]) == [two, other]
