"""How a page is found: along the order and each row judged, or from sets and sorted afterwards.

SQLite would always take the sets, also where they name half of the table. With k of N rows meant, a
walk looks at page · N/k rows and the sets fetch and sort k, so they cost the same at about
k = √(page · N) (measured: 1,400 of 100,000, 4,500 of 1,000,000). The sets may name many more rows
than the rest of the condition leaves: then counting them took long, and the walk may be cheaper.
Where the sets cannot drive (a part of the condition has no index) the walk is taken without asking,
and where no index has the order, the sets. Matches that all lie at the far end of the order are
misjudged.
"""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from typing import Final, NamedTuple

from shared.access.request import AccessRequest
from shared.schema.collection import Collection
from shared.sql.plan import Value
from shared.sql.query_plan import PlanLine, reads_all_rows, sorts_rows
from shared.sql.select import ListPlan, Paging, Statement, rows_bound_sql
from worker.engine.snapshot import Snapshot
from worker.records.rules import bind
from worker.records.totals import Counter

ONE_FORM: Final = "the condition has one form"
NO_SET: Final = "no set or index can say which rows to look at"
NO_ORDER: Final = "no index has the order, so rows are sorted anyway"
MANY: Final = "many rows match"
FEW: Final = "few rows match"
COSTLY: Final = "few rows match, but the sets name many more"
_WALK_ROW_SECONDS: Final = 0.8e-6  # of CPU time, to look at a row along an order (m)


class Choice(NamedTuple):
    """The statements of a page and why; `matches` and `cap` where they were compared."""

    statements: tuple[Statement, ...]
    reason: str
    matches: int | None = None
    cap: int | None = None


def settled(snapshot: Snapshot, plan: ListPlan, request: AccessRequest) -> tuple[ListPlan, str]:
    """The plan with only the choices that depend on how many rows match, and why."""
    if plan.driven is None:
        return plan, ONE_FORM
    if reads_all_rows(_page_plan(snapshot, plan, plan.driven[-1], request)):
        return replace(plan, driven=None), NO_SET
    if sorts_rows(_page_plan(snapshot, plan, plan.walk[-1], request)):
        return replace(plan, walk=plan.driven, driven=None), NO_ORDER
    return plan, ""


def choose(
    snapshot: Snapshot,
    collection: Collection,
    plan: ListPlan,
    counter: Counter,
    wanted: int,
    *,
    total: bool,
) -> Choice:
    """The statements for a page that ends `wanted` matches from the start of the list.

    `total`: the list will be counted anyway.
    """
    if plan.driven is None:
        return Choice(plan.walk, ONE_FORM)
    rows = int(str(snapshot.value(rows_bound_sql(collection)) or 0))
    cap = isqrt(wanted * rows) + 1
    found = counter.estimated(cap, total=total)
    if found.matches >= cap:
        return Choice(plan.walk, MANY, found.matches, cap)
    walked = min(rows, wanted * rows // max(1, found.matches))
    if found.seconds > walked * _WALK_ROW_SECONDS:
        return Choice(plan.walk, COSTLY, found.matches, cap)
    return Choice(plan.driven, FEW, found.matches, cap)


def _page_plan(
    snapshot: Snapshot, plan: ListPlan, statement: Statement, request: AccessRequest
) -> list[PlanLine]:
    """SQLite's plan of the last statement of a page, which takes one value of a record at most."""
    ends: tuple[Value, ...] = (1, 0) if plan.paging is Paging.OFFSET else (1,)
    value = ("",) if plan.paging is Paging.AFTER else ()
    params = (*bind(statement, request), *value, *ends)
    return snapshot.query_plan(statement.sql, params)
