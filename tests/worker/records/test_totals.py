"""Totals: exact where cheap, at least so many elsewhere, and never of an older position."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import TOTAL_EXACT_RECORDS_MAX, TOTALS_CACHE_ENTRIES
from tests.shared.sql.sample import collection
from tests.worker.records.reading import Reading, reading
from worker.records.list_form import ListQuery
from worker.records.totals import TotalsCache

NUMBERS = collection("numbers", {"name": "n", "type": "number"}, {"name": "k", "type": "number"})
ROWS = TOTAL_EXACT_RECORDS_MAX + 70
_FILL = (
    "WITH RECURSIVE every(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM every WHERE i < ?)"
    " INSERT INTO numbers (id, n, k) SELECT 'r' || i, i, i % 7 FROM every"
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """A few more records than are counted one by one."""
    with reading(tmp_path_factory.mktemp("many"), NUMBERS) as made:
        made.write(_FILL, (ROWS,))
        yield made


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    """Twenty records."""
    with reading(tmp_path_factory.mktemp("few"), NUMBERS) as made:
        made.write(_FILL, (20,))
        yield made


def test_all_records_are_counted_always(many: Reading) -> None:
    """Without a condition an index tells, however many there are."""
    for page in (1, 3, 99_999):
        found = many.list(ListQuery(), page)
        assert (found.total, found.bounded) == (ROWS, False)


def test_what_goes_beyond_the_bound_says_so(many: Reading) -> None:
    """At least the bound, and one more than was seen while pages are full; the last one is exact."""
    asked = ListQuery(filter="n > 0")
    first = many.list(asked)
    assert (first.total, first.bounded) == (TOTAL_EXACT_RECORDS_MAX, True)
    last_full = many.list(asked, TOTAL_EXACT_RECORDS_MAX // 30 + 2)
    assert (last_full.total, last_full.bounded) == (100_050 + 1, True)
    end = many.list(asked, TOTAL_EXACT_RECORDS_MAX // 30 + 3)
    assert (end.total, end.bounded) == (ROWS, False)
    beyond = many.list(asked, 99_999)
    assert (beyond.total, beyond.bounded) == (TOTAL_EXACT_RECORDS_MAX, True)
    exact = many.list(ListQuery(filter=f"n <= {TOTAL_EXACT_RECORDS_MAX}"))
    assert (exact.total, exact.bounded) == (TOTAL_EXACT_RECORDS_MAX, False)


def test_paging_until_the_total_sees_everything(many: Reading) -> None:
    """As clients do that ask for pages until they have as many as they were told."""
    asked, got, page = ListQuery(filter="n > 0"), 0, 99
    got = 98 * 1_000
    while True:
        found = many.list(asked, page, 1_000)
        shown = found.items.count('"id"')
        got += shown
        page += 1
        if got >= found.total:
            break
        assert shown == 1_000
    assert got == ROWS


@given(
    bound=st.integers(-1, 22),
    page=st.integers(1, 9),
    per_page=st.integers(1, 25),
    sort=st.sampled_from(["", "-n", "k"]),
    cursor=st.booleans(),
)
def test_totals_are_those_of_an_oracle(
    few: Reading, bound: int, page: int, per_page: int, sort: str, cursor: bool
) -> None:
    """Whatever the page, kept or counted anew; and the page holds what it should."""
    asked = ListQuery(sort, f"n <= {bound}", cursor="" if cursor else None)
    expected = max(0, min(20, bound))
    found = few.list(asked, page, per_page)
    assert (found.total, found.bounded) == (expected, False)
    start = 0 if cursor else (page - 1) * per_page
    assert found.items.count('"id"') == max(0, min(per_page, expected - start))
    assert few.list(asked._replace(skip_total=True), page, per_page).total == -1


def test_a_count_is_kept_until_something_changes(few: Reading) -> None:
    """The same condition with the same values is counted once for each position, also by sort."""
    asked = ListQuery(filter="n > 0")
    key_count = len(few.plans.totals)
    first = few.list(asked, 1, 5).total
    kept = len(few.plans.totals)
    assert kept >= 1
    for sort in ("", "-n", "k"):
        assert few.list(asked._replace(sort=sort), 2, 5).total == first
    assert len(few.plans.totals) == kept <= key_count + 1
    few.write("INSERT INTO numbers (id, n, k) VALUES ('new', 50, 0)")
    assert few.list(asked, 1, 5).total == first + 1
    few.write("DELETE FROM numbers WHERE id = 'new'")
    assert few.list(asked, 1, 5).total == first


def test_a_kept_count_is_really_used(few: Reading) -> None:
    """A change that nobody was told of is not counted: the position has not moved."""
    asked = ListQuery(filter="n > 1")
    before = few.list(asked, 1, 5).total
    few.connection.execute("INSERT INTO numbers (id, n, k) VALUES ('silent', 50, 0)")
    try:
        assert few.list(asked, 1, 5).total == before
        few.words.feed += 1
        assert few.list(asked, 1, 5).total == before + 1
    finally:
        few.write("DELETE FROM numbers WHERE id = 'silent'")


def test_the_cache_is_bounded_and_of_one_position() -> None:
    """Entries of another position, feed or catalog are not served."""
    cache = TotalsCache()
    for number in range(3 * TOTALS_CACHE_ENTRIES):
        cache.put((1, 1, 1), number, number)
        assert len(cache) <= TOTALS_CACHE_ENTRIES
    assert cache.get((1, 1, 1), number) == number
    for other in ((2, 1, 1), (1, 2, 1), (1, 1, 2)):
        assert cache.get(other, number) is None
    cache.put((1, 2, 1), "late", 1)
    assert cache.get((1, 1, 1), number) is None
    assert len(cache) == 1
