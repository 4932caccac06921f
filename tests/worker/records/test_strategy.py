"""How a page is found: both ways give the same records, and the better one is taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.access.request import GUEST_REQUEST
from shared.schema.catalog import Catalog
from shared.sql.order import order_of
from shared.sql.predicate import Predicate
from shared.sql.select import ListPlan, Paging, list_plan
from shared.sql.shape import shape_of
from tests.shared.sql.sample import collection
from tests.worker.records.reading import Reading, reading
from worker.records.strategy import (
    COSTLY,
    FEW,
    MANY,
    NO_ORDER,
    NO_SET,
    ONE_FORM,
    Choice,
    choose,
    settled,
)
from worker.records.totals import Counter, TotalsCache

ITEMS = collection(
    "items",
    {"name": "day", "type": "text"},
    {"name": "kind", "type": "text"},
    {"name": "note", "type": "text"},
)
CATALOG = Catalog(1, [ITEMS])
_FILL = (
    "WITH RECURSIVE every(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM every WHERE i < 4000)"
    " INSERT INTO items (id, day, kind, note)"
    " SELECT 'r' || i, (i * 7919) % 1000, iif(i % 100 = 0, 'rare', 'common'), i % 3 FROM every"
)


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """Forty rare ones among four thousand, with indexes of day and kind."""
    with reading(tmp_path_factory.mktemp("items"), ITEMS) as made:
        made.write(_FILL)
        made.connection.execute("CREATE INDEX by_day ON items(day)")
        made.connection.execute("CREATE INDEX by_kind ON items(kind)")
        yield made


def _plan(column: str, value: str, sort: str, paging: Paging = Paging.OFFSET) -> ListPlan:
    """A condition in two forms: probed row by row, or as a set."""
    order = order_of(sort, ITEMS, CATALOG, caller=None, superuser=False)
    shape = shape_of(ITEMS, CATALOG, hidden=False, only=frozenset({"id"}))
    walk = Predicate(f'+r."{column}" IN (SELECT ?)', (value,))
    sets = Predicate(f'r."{column}" IN (SELECT ?)', (value,))
    return list_plan(ITEMS, walk, sets, order, shape, paging)


def _choose(
    items: Reading,
    plan: ListPlan,
    wanted: int,
    *,
    total: bool = False,
    cache: TotalsCache | None = None,
) -> Choice:
    params = plan.count.bind(GUEST_REQUEST)
    form = (plan.count.sql,)
    kept = TotalsCache() if cache is None else cache
    counter = Counter(kept, items.snapshot, 1, form, plan, params)
    return choose(items.snapshot, items.collection, plan, counter, wanted, total=total)


@pytest.mark.parametrize("total", [False, True])
def test_few_matches_are_sorted_and_many_are_walked(items: Reading, total: bool) -> None:
    """Below √(page · rows) the set drives."""
    plan, why = settled(items.snapshot, _plan("kind", "rare", "-day"), GUEST_REQUEST)
    assert why == ""
    few = _choose(items, plan, 30, total=total)
    assert (few.reason, few.matches, few.cap) == (FEW, 40, 347)
    assert few.statements is plan.driven
    plan, _ = settled(items.snapshot, _plan("kind", "common", "-day"), GUEST_REQUEST)
    many = _choose(items, plan, 30, total=total)
    assert (many.reason, many.matches) == (MANY, 3960 if total else 347)
    assert many.statements is plan.walk


def test_sets_that_name_too_many_are_left(items: Reading) -> None:
    """Few match, but what the set names has to be looked at one by one: a walk finds them sooner."""
    order = order_of("-day", ITEMS, CATALOG, caller=None, superuser=False)
    rest = 'lower(r."day") % 13 = 0'
    walk = Predicate(f'+r."kind" IN (SELECT ?) AND {rest}', ("common",))
    sets = Predicate(f'r."kind" IN (SELECT ?) AND {rest}', ("common",))
    plan = list_plan(ITEMS, walk, sets, order, shape_of(ITEMS, CATALOG, hidden=False))
    plan, why = settled(items.snapshot, plan, GUEST_REQUEST)
    assert why == ""
    choice = _choose(items, plan, 30)
    assert choice.matches is not None
    assert 250 < choice.matches < 347
    assert (choice.reason, choice.statements) == (COSTLY, plan.walk)


def test_what_was_learned_is_used_again(items: Reading) -> None:
    """Also after some changes, until there were as many as would make a difference."""
    cache = TotalsCache()
    plan, _ = settled(items.snapshot, _plan("kind", "rare", "-day"), GUEST_REQUEST)
    first = _choose(items, plan, 30, cache=cache)
    assert first.matches == 40
    items.connection.execute("UPDATE items SET kind = 'rare' WHERE id = 'r1'")
    try:
        for head, matches in ((0, 40), (100, 40), (400, 41)):
            items.snapshot.position = head
            assert _choose(items, plan, 30, cache=cache).matches == matches
    finally:
        items.snapshot.position = 0
        items.write("UPDATE items SET kind = 'common' WHERE id = 'r1'")


def test_what_cannot_drive_is_not_asked(items: Reading) -> None:
    """A column without an index is probed along the order; an order without one is sorted."""
    plan, why = settled(items.snapshot, _plan("note", "1", "-day"), GUEST_REQUEST)
    assert (plan.driven, why) == (None, NO_SET)
    asked = _plan("kind", "common", "-note")
    plan, why = settled(items.snapshot, asked, GUEST_REQUEST)
    assert (plan.driven, plan.walk, why) == (None, asked.driven, NO_ORDER)
    assert _choose(items, plan, 30).reason == ONE_FORM


@given(
    kind=st.sampled_from(["rare", "common", "none"]),
    sort=st.sampled_from(["-day", "day,-kind", "", "note"]),
    offset=st.integers(0, 60),
)
def test_both_ways_find_the_same(items: Reading, kind: str, sort: str, offset: int) -> None:
    """Record by record, in the same order."""
    plan = _plan("kind", kind, sort)
    assert plan.driven is not None
    pages = [
        items.snapshot.row(way[0].sql, (*way[0].bind(GUEST_REQUEST), 20, offset))
        for way in (plan.walk, plan.driven)
    ]
    assert pages[0] == pages[1]


def test_a_page_after_a_record_is_settled_too(items: Reading) -> None:
    """Its parts are explained with a value for the record."""
    plan, why = settled(items.snapshot, _plan("kind", "rare", "-day", Paging.AFTER), GUEST_REQUEST)
    assert (plan.driven is not None, why) == (True, "")
