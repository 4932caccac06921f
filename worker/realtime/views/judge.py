"""Match and shape: which views of a change pass, and what they show. One pure read, no state.

It runs inside `Reader.read`, perhaps in a thread and perhaps twice, so it only maps its arguments
to an answer, which it writes anew each time. An identity is loaded at most once for each call, and
only where it matters: for a superuser's view, and for a rule that asks who listens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from shared.access.identity import GUEST, Identity
from shared.access.request import REALTIME, AccessRequest
from shared.errors import QuillError
from shared.language.errors import LanguageError
from shared.logs import get_logger
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.realtime.principal import Principal, current_identity
from worker.realtime.topics.topic import TopicSource
from worker.realtime.views.view import View
from worker.records.expand import run_expand
from worker.records.fields import project
from worker.records.plans import PlanCache

_log = get_logger()


class Case(NamedTuple):
    """One view of one change; the view is of the kind that judges it.

    `row`: the values to judge by; None when only the key was logged.  `old`: those before an
    update, where the listener wants to know that the record does not pass any more.
    """

    view: Any
    principal: Principal | None
    source: TopicSource
    key: Value
    row: tuple[Value, ...] | None
    old: tuple[Value, ...] | None = None


class Left:
    """The verdict that a record passed before the change, and does not pass any more."""


class Denied:
    """The verdict that the one record of a topic may not be seen by whom it is judged for."""


class Unshowable:
    """The verdict that a record may be seen, and has no JSON."""


LEFT: Final = Left()
DENIED: Final = Denied()
UNSHOWABLE: Final = Unshowable()
Verdict = str | Left | Denied | Unshowable | None
"""The record's JSON, one of those above, or None where nothing may be told."""


@dataclass(slots=True)
class Verdicts:
    """Verdicts by case.

    `lost`: principals whose tokens are no longer good. When there are any, the cases must be
    gathered and judged again without them.
    """

    records: list[Verdict] = field(default_factory=list)
    lost: set[Principal] = field(default_factory=set)


Show = Callable[[Snapshot, Catalog, PlanCache, Case, Identity], Verdict]


def judge(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    version: int,
    cases: list[Case],
    verdicts: Verdicts,
    shown: Show | None = None,
) -> Verdicts | None:
    """Judge `cases`, whose views were compiled for catalog `version`; None if that has moved.

    `shown`: what judges one of them, `show` unless given.
    Returns `verdicts`, filled; the caller has there what was judged before a read that failed.
    """
    verdicts.records.clear()
    verdicts.lost.clear()
    if catalog.version != version:
        return None
    if snapshot.quick and any(case.view.slow for case in cases):
        raise OverBudgetError
    judged = shown or show
    identities: dict[Principal, Identity] = {}
    for case in cases:
        identity = _identity(snapshot, catalog, case.principal, identities)
        if identity is None:
            assert case.principal is not None
            verdicts.lost.add(case.principal)
            verdicts.records.append(None)
        else:
            verdicts.records.append(judged(snapshot, catalog, plans, case, identity))
    return verdicts


def _identity(
    snapshot: Snapshot,
    catalog: Catalog,
    principal: Principal | None,
    known: dict[Principal, Identity],
) -> Identity | None:
    if principal is None:
        return GUEST
    identity = known.get(principal)
    if identity is None:
        identity = current_identity(snapshot, catalog, principal)
        if identity is not None:
            known[principal] = identity
    return identity


def show(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, case: Case, identity: Identity
) -> Verdict:
    """The record as this view shows it; None when the rule or the filter does not hold.

    One that fails for this record denies, and harms no other view. Raises SQLError where the file
    has another schema than the catalog says.
    """
    view: View = case.view
    try:
        request = AccessRequest(identity, REALTIME, case.source)
        shape = view.shape.bind(request)
        bound = () if view.where is None else view.where.bind(request)
        if case.row is None:
            shown = _text(snapshot.value(view.stored_sql, (*shape, case.key, *bound)))
        else:
            shown = _text(snapshot.value(view.row_sql, shape + case.row + bound))
        if shown is None:
            passed = case.old is not None and snapshot.value(view.row_sql, shape + case.old + bound)
            return LEFT if passed else None
        if view.expand or view.cut:
            return _dressed(snapshot, catalog, plans, view, shown, request)
    except (LanguageError, SQLError) as error:
        if isinstance(error, SQLError) and snapshot.catalog_version() != catalog.version:
            raise  # the view is of another schema than the file has by now: judge again
        _log.warning("realtime view denies", reason=str(error))
        return None
    return shown


def _dressed(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    view: View,
    shown: str,
    request: AccessRequest,
) -> str:
    """The record with what is expanded, without what is not wanted, as a read would answer it."""
    record = orjson.loads(shown)
    if view.expand:
        try:
            run_expand(snapshot, catalog, plans, view.collection, [record], view.expand, request)
        except QuillError as error:  # too much of it: the event itself is not to be lost for that
            _log.warning("realtime expand fails", reason=error.message)
            record.pop("expand", None)
    return orjson.dumps(project(record, view.cut) if view.cut else record).decode()


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
