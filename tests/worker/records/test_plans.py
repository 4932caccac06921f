"""The plan cache: bounded, and never serving a plan of another catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.limits import PLAN_KEY_CHARS_MAX
from shared.schema.catalog import Catalog
from shared.status_page import StatusPage
from tests.shared.sql.sample import SAMPLE, create
from worker.engine.snapshot import Snapshot, quick_snapshot
from worker.records.plans import PlanCache
from worker.records.read import ListQuery, run_list, run_view

CATALOG = Catalog(1, [SAMPLE])
BOSS = AccessRequest(Identity("boss", "_superusers", {"id": "b"}, superuser=True))


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Snapshot]:
    """The sample's table with one row."""
    path = tmp_path / "main.db"
    with closing(apsw.Connection(str(path))) as writing:
        create(writing, SAMPLE)
        writing.execute("INSERT INTO sample (id, title) VALUES ('a', 't')")
    opened = quick_snapshot(path, StatusPage.create(tmp_path / "page").database())
    yield opened
    opened.close()


def test_a_plan_is_kept_for_its_version_only() -> None:
    """A new version empties the cache; an older reader gets nothing of it."""
    plans = PlanCache()
    assert plans.get(1, "key") is None
    plans.put(1, "key", "old")
    assert plans.get(1, "key") == "old"
    assert plans.get(2, "key") is None
    plans.put(2, "key", "new")
    assert plans.get(1, "key") is None
    assert plans.get(2, "key") == "new"


def test_a_late_plan_of_an_old_version_is_not_served() -> None:
    """A slow read may store its plan after the catalog has moved."""
    plans = PlanCache()
    assert plans.get(2, "key") is None
    plans.put(1, "key", "old")
    assert plans.get(2, "key") is None


def test_what_is_used_stays_and_the_rest_goes() -> None:
    """The bound holds, and a plan that is asked for again and again survives a flood."""
    plans = PlanCache(100)
    assert plans.get(1, "hot") is None
    plans.put(1, "hot", "hot")
    for number in range(1_000):
        plans.put(1, number, number)
        assert plans.get(1, "hot") == "hot"
        assert len(plans) <= 100
    assert plans.get(1, 0) is None
    assert plans.get(1, 999) == 999


def test_a_generation_is_full_by_its_text_too() -> None:
    """So long plans cannot take more than their share, and what is used stays."""
    plans = PlanCache(100, chars=1_000)
    assert plans.get(1, "hot") is None
    plans.put(1, "hot", "hot", 10)
    for number in range(50):
        plans.put(1, number, number, 200)
        assert plans.get(1, "hot") == "hot"
        assert len(plans) <= 6


def test_what_makes_no_difference_makes_no_plan(snapshot: Snapshot) -> None:
    """Names that no record has, blank sorts and blank filters: one form of list, one of view."""
    plans = PlanCache()
    for number in range(20):
        blank = " " * number
        only = frozenset({"title", "collectionId", f"nope{number}"})
        asked = ListQuery(blank, blank, only)
        page = run_list(snapshot, CATALOG, plans, SAMPLE, asked, 1, 30, BOSS)
        assert page[:2] == ('[{"collectionId":"c_sample","title":"t"}]', 1)
        found = run_view(snapshot, CATALOG, plans, SAMPLE, "a", only, BOSS)
        assert found == '{"collectionId":"c_sample","title":"t"}'
    assert len(plans) == 2


def test_a_long_filter_is_compiled_each_time(snapshot: Snapshot) -> None:
    """It would push out many others."""
    plans = PlanCache()
    for chars, kept in ((PLAN_KEY_CHARS_MAX - 50, 1), (PLAN_KEY_CHARS_MAX, 1)):
        asked = ListQuery(filter=f"title = '{'x' * chars}'")
        for _ in range(2):
            assert run_list(snapshot, CATALOG, plans, SAMPLE, asked, 1, 30, BOSS).total == 0
            assert len(plans) == kept
