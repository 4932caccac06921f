"""Reading records: one, or a page of them. admit → plan → run, all on the request's snapshot.

Nothing is parsed or built for a request whose form was seen before under the same catalog: a hit
in the plan cache, binding, and one statement that yields the JSON. `_list` and `_view` run inside
`Reader.read`, perhaps twice, so they only map their arguments to an answer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.access.identity import Identity
from shared.errors import QuillError, forbidden, invalid, not_found
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.limits import (
    FILTER_CHARS_MAX,
    PLAN_KEY_CHARS_MAX,
    SORT_FIELD_CHARS_MAX,
    SORT_FIELDS_MAX,
)
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import compile_filter
from shared.sql.order import order_sql
from shared.sql.predicate import Predicate
from shared.sql.select import ListPlan, list_plan, shape_sql, view_sql
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, identity_in
from worker.records.plans import PlanCache
from worker.records.rules import admit, bind, failed_at_a_row

_OFFSET_MAX: Final = 2**62
_SORT_CHARS_MAX: Final = SORT_FIELDS_MAX * (SORT_FIELD_CHARS_MAX + 1)
_OWN_KEYS: Final = ("collectionId", "collectionName")


class ListQuery(NamedTuple):
    """The form of a list: whatever a compiled plan depends on, besides `skip_total`.

    `only`: the record keys to show, None for all.
    """

    sort: str = ""
    filter: str = ""
    only: frozenset[str] | None = None
    skip_total: bool = False


class Page(NamedTuple):
    """`items`: a JSON array. `total`: number of records, -1 when not asked for."""

    items: str
    total: int


class _View(NamedTuple):
    sql: str
    rule: Predicate | None


async def list_page(
    context: Context, name: str, asked: ListQuery, page: int, per_page: int, caller: Caller | None
) -> Page:
    """A page of the records that the list rule lets the caller see.

    Raises NOT_FOUND (collection), FORBIDDEN (rule is null), INVALID (filter or sort).
    """
    try:
        return await context.reader.read(
            _list,
            context.plans,
            name,
            asked,
            page,
            per_page,
            caller,
            transaction=caller is not None or not asked.skip_total,
        )
    except SQLError as error:
        raise (_wrong_query() if asked.filter else failed_at_a_row(error)) from None


async def view_record(
    context: Context, name: str, record_id: str, only: frozenset[str] | None, caller: Caller | None
) -> str:
    """One record's JSON. Raises NOT_FOUND (also where the view rule fails), FORBIDDEN."""
    try:
        return await context.reader.read(
            _view, context.plans, name, record_id, only, caller, transaction=caller is not None
        )
    except SQLError as error:
        raise failed_at_a_row(error) from None


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    asked: ListQuery,
    page: int,
    per_page: int,
    caller: Caller | None,
) -> Page:
    collection = find_readable(catalog, name)
    identity = identity_in(caller, snapshot, catalog)
    return run_list(snapshot, catalog, plans, collection, asked, page, per_page, identity)


def run_list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    asked: ListQuery,
    page: int,
    per_page: int,
    identity: Identity,
) -> Page:
    """The list of one collection for one caller, within a snapshot."""
    rule = admit(catalog, plans, collection, collection.list_rule, identity)
    asked = _canonical(collection, asked)
    key = (collection.id, asked, identity.superuser)
    plan: ListPlan | None = plans.get(catalog.version, key)
    if plan is None:
        plan = _plan_list(collection, rule, asked, superuser=identity.superuser)
        if len(asked.filter) <= PLAN_KEY_CHARS_MAX:
            text = (asked.filter, asked.sort, plan.page_sql, plan.count_sql)
            plans.put(catalog.version, key, plan, sum(map(len, text)))
    params = () if plan.where is None else bind(plan.where, identity)
    offset = min((page - 1) * per_page, _OFFSET_MAX)
    items = snapshot.value(plan.page_sql, (*params, per_page, offset))
    if asked.skip_total:
        return Page(str(items), -1)
    total = snapshot.value(plan.count_sql, params)
    return Page(str(items), int(str(total)))


def _view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    record_id: str,
    only: frozenset[str] | None,
    caller: Caller | None,
) -> str:
    collection = find_readable(catalog, name)
    identity = identity_in(caller, snapshot, catalog)
    return run_view(snapshot, catalog, plans, collection, record_id, only, identity)


def run_view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    record_id: str,
    only: frozenset[str] | None,
    identity: Identity,
) -> str:
    """One record for one caller, within a snapshot. Raises as `view_record`."""
    if only is not None:
        only = _own_names(collection, only)
    key = ("view", collection.id, only, identity.superuser)
    plan: _View | None = plans.get(catalog.version, key)
    if plan is None:
        rule = admit(catalog, plans, collection, collection.view_rule, identity)
        shape = shape_sql(collection, hidden=identity.superuser, only=only)
        plan = _View(view_sql(collection, rule, shape), rule)
        plans.put(catalog.version, key, plan, len(plan.sql))
    params = () if plan.rule is None else bind(plan.rule, identity)
    found = snapshot.value(plan.sql, (record_id, *params))
    if found is None:
        raise not_found()
    return found  # type: ignore[return-value]  # the shape is JSON text


def find_readable(catalog: Catalog, name: str) -> Collection:
    """The collection of that id or name. Raises NOT_FOUND."""
    collection = catalog.find(name)
    if collection is None:
        raise not_found("Missing collection context.")
    return collection


def _canonical(collection: Collection, asked: ListQuery) -> ListQuery:
    """The same question without what makes no difference, so that it cannot fill the plan cache.

    Raises INVALID for one that is too long to be kept, or judged.
    """
    sort, wanted, only, skip_total = asked
    if len(wanted) > FILTER_CHARS_MAX or len(sort) > _SORT_CHARS_MAX:
        raise _wrong_query()
    if only is not None:
        only = _own_names(collection, only)
    return ListQuery(sort.strip(), "" if wanted.isspace() else wanted, only, skip_total)


def _own_names(collection: Collection, only: frozenset[str]) -> frozenset[str]:
    """Those of the names that the collection's records have, as texts of the catalog."""
    fields = (collection.field(name) for name in only)
    return frozenset(
        [field.name for field in fields if field is not None]
        + [name for name in _OWN_KEYS if name in only]
    )


def _plan_list(
    collection: Collection, rule: Predicate | None, asked: ListQuery, *, superuser: bool
) -> ListPlan:
    wanted: Predicate | None = None
    try:
        if asked.filter:
            wanted = compile_filter(asked.filter, collection, may_see_hidden=superuser)
        order = order_sql(asked.sort, collection, superuser)
    except ForbiddenNameError as error:
        raise forbidden(f"Only superusers may use this in filter or sort: {error}") from None
    except LanguageError as error:
        raise _wrong_query(str(error)) from None
    shape = shape_sql(collection, hidden=superuser, only=asked.only)
    return list_plan(collection, rule, wanted, order, shape)


def _wrong_query(detail: str = "") -> QuillError:
    message = "Something went wrong while processing your request"
    return invalid(f"{message}: invalid filter or sort: {detail}" if detail else f"{message}.")
