"""Lists, single records and shapes, run on a real table."""

from __future__ import annotations

import json
from typing import Any

import apsw
import pytest

from shared.access.request import GUEST_REQUEST
from shared.sql.order import order_of
from shared.sql.predicate import all_of
from shared.sql.query_plan import query_plan_sql
from shared.sql.row import match_sql, row_values, row_values_by_id
from shared.sql.select import list_plan, view_sql
from shared.sql.shape import shape_of
from tests.shared.sql.sample import CATALOG, SAMPLE, create, filtering, insert, ruling

SHAPE = shape_of(SAMPLE, CATALOG, hidden=False)


@pytest.fixture
def connection() -> apsw.Connection:
    """Forty rows; `count` repeats, so it leaves ties."""
    made = apsw.Connection(":memory:")
    create(made, SAMPLE)
    for number in range(40):
        insert(
            made, SAMPLE, id=f"r{number:02}", title=f'T"{number}\n<é>', count=number % 5,
            open=number % 2, data=json.dumps({"n": number}), tags='["a","b"]', secret="s",
        )  # fmt: skip
    return made


def _page(
    connection: apsw.Connection, text: str, sort: str, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    rule = ruling("open = true || count > 0")
    asked = filtering(text, superuser=False) if text else None
    where = all_of(rule, asked)
    plan = list_plan(
        SAMPLE, where, where, order_of(sort, SAMPLE, CATALOG, caller=None, superuser=False), SHAPE
    )
    bound = plan.walk[0].bind(GUEST_REQUEST)
    page, shown = connection.execute(plan.walk[0].sql, (*bound, limit, offset)).get
    assert shown == len(json.loads(page))
    total = connection.execute(plan.count.sql, (*plan.count.bind(GUEST_REQUEST), 1_000)).get
    return json.loads(page), total


def test_a_record_is_shaped_as_json(connection: apsw.Connection) -> None:
    """Types come out as JSON's own, keys in order, hidden and secret fields not at all."""
    text = connection.execute(view_sql(SAMPLE, None, SHAPE), ("r07",)).get
    assert json.loads(text) == {
        "collectionId": "c_sample", "collectionName": "sample", "count": 2, "data": {"n": 7},
        "day": "", "friends": [], "id": "r07", "open": True, "other": "", "owner": "", "rank": 0,
        "state": "", "tags": ["a", "b"], "title": 'T"7\n<é>',
    }  # fmt: skip
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_superusers_see_hidden_fields_but_no_secrets(connection: apsw.Connection) -> None:
    """A password's hash never leaves the database."""
    shape = shape_of(SAMPLE, CATALOG, hidden=True)
    record = json.loads(connection.execute(view_sql(SAMPLE, None, shape), ("r07",)).get)
    assert record["secret"] == "s"
    assert "pass" not in record


def test_only_some_fields(connection: apsw.Connection) -> None:
    """Names that are not there, or not to be seen, are left out."""
    shape = shape_of(
        SAMPLE, CATALOG, hidden=False, only=frozenset({"id", "collectionName", "secret", "x"})
    )
    text = connection.execute(view_sql(SAMPLE, None, shape), ("r07",)).get
    assert text == '{"collectionName":"sample","id":"r07"}'
    nothing = shape_of(SAMPLE, CATALOG, hidden=False, only=frozenset())
    assert connection.execute(view_sql(SAMPLE, None, nothing), ("r07",)).get == "{}"


def test_pages_follow_each_other(connection: apsw.Connection) -> None:
    """Ties are broken, so pages neither repeat nor lose a record, and the total is theirs."""
    seen: list[str] = []
    for offset in range(0, 40, 7):
        page, total = _page(connection, "", "-count", 7, offset)
        seen += [record["id"] for record in page]
    assert total == len(seen) == len(set(seen)) == 36
    wanted = sorted(
        (n for n in range(40) if n % 2 or n % 5), key=lambda n: (n % 5, n), reverse=True
    )
    assert seen == [f"r{n:02}" for n in wanted]


def test_filter_and_rule_hold_together(connection: apsw.Connection) -> None:
    """An `||` in either does not open the other."""
    page, total = _page(connection, "count = 0 || count = 1", "", 30, 0)
    numbers = [n for n in range(40) if n % 5 in (0, 1) and (n % 2 or n % 5)]
    assert [record["id"] for record in page] == [f"r{n:02}" for n in numbers]
    assert total == len(numbers)


def test_an_empty_page_is_an_empty_array(connection: apsw.Connection) -> None:
    """Also beyond the end."""
    assert _page(connection, "title = 'no'", "", 30, 0) == ([], 0)
    assert _page(connection, "", "", 30, 1_000) == ([], 36)


def test_a_rule_hides_a_record(connection: apsw.Connection) -> None:
    """What the rule does not mean is not there."""
    rule = ruling("count = 2")
    sql = view_sql(SAMPLE, rule, SHAPE)
    assert connection.execute(sql, ("r07", *rule.bind(GUEST_REQUEST))).get is not None
    assert connection.execute(sql, ("r08", *rule.bind(GUEST_REQUEST))).fetchall() == []


def test_filter_and_sort_use_one_index(connection: apsw.Connection) -> None:
    """With an index on both columns nothing is sorted, and the count reads the index alone."""
    connection.execute("CREATE INDEX both ON sample(state, day)")
    asked = filtering("state = 'a'", superuser=False)
    plan = list_plan(
        SAMPLE, asked, asked, order_of("-day", SAMPLE, CATALOG, caller=None, superuser=False), SHAPE
    )
    steps = connection.execute(
        query_plan_sql(plan.walk[0].sql), (*plan.walk[0].bind(GUEST_REQUEST), 30, 0)
    ).fetchall()
    told = [str(step[3]) for step in steps]
    assert "SEARCH r USING COVERING INDEX both (state=?)" in told
    assert not [line for line in told if "TEMP B-TREE" in line]
    counted = connection.execute(
        query_plan_sql(plan.count.sql), (*plan.count.bind(GUEST_REQUEST), 9)
    ).fetchall()
    assert "SEARCH r USING COVERING INDEX both (state=?)" in [step[3] for step in counted]


def test_a_bound_row_is_matched_and_shaped_like_a_stored_one(connection: apsw.Connection) -> None:
    """Realtime shows what a read shows."""
    names = [field.name for field in SAMPLE.fields]
    columns = ", ".join(f'"{name}"' for name in names)
    row = connection.execute(f"SELECT {columns} FROM sample WHERE id = 'r07'").fetchall()[0]
    stored = dict(zip(names, row, strict=True))
    rule = ruling("count = '2' && open = true && data != null")
    sql = match_sql(SAMPLE, rule, SHAPE)
    read = connection.execute(view_sql(SAMPLE, rule, SHAPE), ("r07", *rule.bind(GUEST_REQUEST))).get
    assert (
        connection.execute(sql, (*row_values(SAMPLE, stored), *rule.bind(GUEST_REQUEST))).get
        == read
    )
    by_id = {f"f_{name}": value for name, value in stored.items() if name != "pass"}
    assert row_values_by_id(SAMPLE, by_id) == row_values(SAMPLE, stored)
    stored["count"] = 3
    bound = (*row_values(SAMPLE, stored), *rule.bind(GUEST_REQUEST))
    assert connection.execute(sql, bound).fetchall() == []
