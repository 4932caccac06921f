"""The plan cache: bounded, and never serving a plan of another catalog."""

from __future__ import annotations

from worker.records.plans import PlanCache


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
