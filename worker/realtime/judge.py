"""Match and shape: which views of a change pass, and what they show. One pure read, no state.

It runs inside `Reader.read`, perhaps in a thread and perhaps twice, so it only maps its arguments
to an answer, which it writes anew each time. An identity is loaded at most once for each call, and
only where it matters: for a superuser's view, and for a rule that asks who listens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from shared.access.identity import GUEST, Identity
from shared.access.request import REALTIME, AccessRequest
from shared.language.errors import LanguageError
from shared.logs import get_logger
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.realtime.principal import Principal, current_identity
from worker.realtime.views import View

_log = get_logger()


class Case(NamedTuple):
    """One view of one change. `row` is None when only the key was logged."""

    view: View
    principal: Principal | None
    key: Value
    row: tuple[Value, ...] | None


@dataclass(slots=True)
class Verdicts:
    """Shaped records by case, None where nothing may be shown.

    `lost`: principals whose tokens are no longer good. When there are any, the cases must be
    gathered and judged again without them.
    """

    records: list[str | None] = field(default_factory=list)
    lost: set[Principal] = field(default_factory=set)


def judge(
    snapshot: Snapshot, catalog: Catalog, version: int, cases: list[Case], verdicts: Verdicts
) -> Verdicts | None:
    """Judge `cases`, whose views were compiled for catalog `version`; None if that has moved.

    Returns `verdicts`, filled; the caller has there what was judged before a read that failed.
    """
    verdicts.records.clear()
    verdicts.lost.clear()
    if catalog.version != version:
        return None
    if snapshot.quick and any(case.view.slow for case in cases):
        raise OverBudgetError
    identities: dict[Principal, Identity] = {}
    for case in cases:
        identity = _identity(snapshot, catalog, case.principal, identities)
        if identity is None:
            assert case.principal is not None
            verdicts.lost.add(case.principal)
            verdicts.records.append(None)
        else:
            verdicts.records.append(_show(snapshot, case, identity))
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


def _show(snapshot: Snapshot, case: Case, identity: Identity) -> str | None:
    """The record as this view shows it; None when the rule or the filter does not hold.

    One that fails for this record denies, and harms no other view.
    """
    view = case.view
    try:
        request = AccessRequest(identity, REALTIME)
        shape = view.shape.bind(request)
        bound = () if view.where is None else view.where.bind(request)
        if case.row is not None:
            return _text(snapshot.value(view.row_sql, shape + case.row + bound))
    except (LanguageError, SQLError) as error:
        _log.warning("realtime view denies", reason=str(error))
        return None
    return _text(snapshot.value(view.stored_sql, (*shape, case.key, *bound)))


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
