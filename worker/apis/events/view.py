"""A view of a record API's changes: what one kind of listener is shown, as SQL, and its verdicts.

An event is judged by the same rule and filter as a list, over the row that the event is of: the new
one, of a delete the old one. A listener of one record learns that it may not see it any more; whoever
listens to all is told nothing of what its rule hides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from shared.access.identity import Identity
from shared.access.users import user_id
from shared.errors import QuillError
from shared.language.filter_tree import Tree
from shared.logs import get_logger
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.sql.api.event import EventSql, event_sql
from shared.sql.api.filters import compile_filter
from shared.sql.api.rules import rule_params
from shared.sql.plan import Value
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.realtime.views.judge import DENIED, UNSHOWABLE, Case, Verdict
from worker.records.plans import PlanCache

_SQL_CHARS_PER_WEIGHT = 200
_log = get_logger()


class ApiViewKey(NamedTuple):
    """What makes two listeners see the same.

    `single`: the target is one record. `tree`: the filter. `signed_in`: they are no guests.
    """

    api: str
    single: bool
    tree: Tree | None
    signed_in: bool


@dataclass(frozen=True, slots=True, eq=False)
class ApiView:
    """The compiled form, for one state of the APIs.

    `params`: the filter's. `personal`: the outcome depends on who asks. `single`: as in the key.
    `slow`: judging it is nothing for the event loop.
    """

    api: RecordApi
    sql: EventSql
    params: tuple[Value, ...]
    personal: bool
    single: bool
    slow: bool
    weight: int
    route: str | None = None


def compile_view(api: RecordApi, key: ApiViewKey) -> ApiView | None:
    """The view of `key`; None when it may hear nothing, whatever the record."""
    if not can_be_heard(api) or not api.permits(Action.READ, authenticated=key.signed_in):
        return None
    condition, slow = None, False
    if key.tree is not None:
        try:
            found = compile_filter(api.shown, key.tree)
        except QuillError:  # the table has outgrown it
            return None
        condition, slow = found.condition, found.searches
    rule = api.rules.get(Action.READ)
    uses_user = rule is not None and rule.uses_user
    sql = event_sql(api, condition)
    return ApiView(
        api,
        sql,
        () if condition is None else condition.params,
        personal=uses_user or not api.permits(Action.READ, authenticated=False),
        single=key.single,
        slow=slow,
        weight=1 + len(sql.row) // _SQL_CHARS_PER_WEIGHT,
    )


def can_be_heard(api: RecordApi) -> bool:
    """Whether it has subscriptions at all; nothing tells when a view has changed."""
    return api.subscriptions and not api.is_view


def show(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, case: Case, identity: Identity
) -> Verdict:
    """The record as this view shows it.

    A rule that fails denies, and harms no other view. Raises SQLError where a file has another
    schema than the view was compiled for.
    """
    del plans
    view: ApiView = case.view
    rule = view.api.rules.get(Action.READ)
    values = (case.key,) if case.row is None else case.row
    params = (*rule_params(rule, user_id(identity)), *view.params, *values)
    try:
        return _verdict(view, snapshot.row(_sql(view, case), params))
    except SQLError as error:
        if _moved(snapshot, catalog, view.api):
            raise
        reason = str(error)
    try:
        shown = snapshot.row(_trial(view, case), params)
    except SQLError:
        shown = (0,)
    _log.warning("an event cannot be shown", api=view.api.name, reason=reason)
    return UNSHOWABLE if shown == (1,) else _verdict(view, shown)


def _verdict(view: ApiView, row: tuple[Value, ...] | None) -> Verdict:
    if row is None or row[0] is None:
        return None
    if isinstance(row[0], str):
        return row[0]
    return DENIED if view.single else None


def _sql(view: ApiView, case: Case) -> str:
    return view.sql.stored if case.row is None else view.sql.row


def _trial(view: ApiView, case: Case) -> str:
    return view.sql.stored_trial if case.row is None else view.sql.row_trial


def _moved(snapshot: Snapshot, catalog: Catalog, api: RecordApi) -> bool:
    """Whether main or the API's own database has another schema by now."""
    if snapshot.catalog_version() != catalog.version:
        return True
    return len(api.version) > 1 and snapshot.catalog_version(api.database) != api.version[1]
