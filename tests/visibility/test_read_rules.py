"""Whatever a read hides, a subscription hides: every case, by requests and by subscriptions."""

from __future__ import annotations

import pytest

from tests.visibility.case import Case
from tests.visibility.cases import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_subscriptions_show_what_reads_show(case: Case, outcome: dict[str, list[str]]) -> None:
    """No more and no less, on create, update and delete; and reads show what a person expects."""
    assert not outcome[case.name], "\n".join(outcome[case.name])
