"""Reading records: one, or a page of them. admit → plan → run, all on the request's snapshot.

Nothing is parsed or built for a request whose form was seen before under the same catalog: a hit
in the plan cache, binding, and one statement that yields the JSON. `_list` and `_view` run inside
`Reader.read`, perhaps twice, so they only map their arguments to an answer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from shared.access.request import AccessRequest
from shared.errors import not_found
from shared.limits import LIKE_PATTERN_BYTES_MAX, PLAN_KEY_CHARS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.conditions import Use
from shared.sql.plan import Value
from shared.sql.predicate import Predicate
from shared.sql.select import ListPlan, Statement, view_sql
from shared.sql.shape import shape_of
from shared.sql.version import version_shape
from worker.context import Context
from worker.engine.failures import SQLError, is_pattern_too_long
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.records.caller import Origin, caller_collection, identity_in
from worker.records.cursor import read_cursor, write_cursor
from worker.records.expand import expanded_array, run_expand
from worker.records.list_form import ListForm, ListQuery, form_of, own_names, wrong_query
from worker.records.plans import PlanCache
from worker.records.rules import admit, bind, failed_at_a_row
from worker.records.strategy import choose
from worker.records.totals import NOT_COUNTED, Counter, Total
from worker.records.version import etag_of

__all__ = ["ListQuery", "Page", "Viewed", "find_readable", "list_page", "run_list", "run_view"]

_OFFSET_MAX: Final = 2**62


class Page(NamedTuple):
    """One page.

    `items`: a JSON array. `total`: number of records, -1 when not asked for; with `bounded` there
    are at least so many. `next_cursor`: where the list goes on, `""` at its end, None for a page
    that was asked for by its number.
    """

    items: str
    total: int
    bounded: bool = False
    next_cursor: str | None = None


class Viewed(NamedTuple):
    """One record's JSON and its ETag."""

    body: bytes
    etag: str


class ViewPlan(NamedTuple):
    """A view's statement.

    `shapes`: the fragments of what is shown. `versioned`: the version is a second column.
    """

    sql: str
    shapes: Statement | None
    rule: Predicate | None
    versioned: bool


async def list_page(
    context: Context, name: str, asked: ListQuery, page: int, per_page: int, origin: Origin
) -> Page:
    """A page of the records that the list rule lets the caller see.

    Raises NOT_FOUND (collection), FORBIDDEN (rule is null), INVALID (filter, sort, cursor, expand).
    """
    try:
        return await context.reader.read(
            _list,
            context.plans,
            name,
            asked,
            page,
            per_page,
            origin,
            transaction=(
                origin.caller is not None
                or not asked.skip_total
                or bool(asked.expand)
                or bool(asked.cursor)
            ),
            # So long a filter is compiled each time, which may take longer than the loop can wait.
            in_thread=len(asked.filter) > PLAN_KEY_CHARS_MAX,
        )
    except SQLError as error:
        raise (wrong_query(_reason(error)) if asked.filter else failed_at_a_row(error)) from None


def _reason(error: SQLError) -> str:
    """What a row has shown to be wrong with a filter, where that can be told."""
    if is_pattern_too_long(error):
        return f"a text that ~ looks for has more than {LIKE_PATTERN_BYTES_MAX} bytes"
    return ""


async def view_record(
    context: Context,
    name: str,
    record_id: str,
    only: frozenset[str] | None,
    origin: Origin,
    expand: str = "",
) -> Viewed:
    """One record. Raises NOT_FOUND (also where the view rule fails), FORBIDDEN, INVALID (expand)."""
    try:
        return await context.reader.read(
            _view,
            context.plans,
            name,
            record_id,
            only,
            origin,
            expand,
            transaction=origin.caller is not None or bool(expand),
        )
    except SQLError as error:
        raise failed_at_a_row(error) from None


# --- Lists ------------------------------------------------------------------------------------


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    asked: ListQuery,
    page: int,
    per_page: int,
    origin: Origin,
) -> Page:
    collection = find_readable(catalog, name)
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    return run_list(snapshot, catalog, plans, collection, asked, page, per_page, request)


def run_list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    asked: ListQuery,
    page: int,
    per_page: int,
    request: AccessRequest,
) -> Page:
    """The list of one collection for one caller, within a snapshot. Raises as `list_page`."""
    form = form_of(snapshot, catalog, plans, collection, asked, request)
    if form.slow and snapshot.quick:
        raise OverBudgetError
    if asked.cursor is not None:
        found = _keyset_page(snapshot, catalog, plans, form, asked, per_page, request)
    else:
        found = _numbered_page(snapshot, catalog, plans, form, asked, page, per_page, request)
    if not asked.expand:
        return found
    items = expanded_array(snapshot, catalog, plans, collection, found.items, asked.expand, request)
    return found._replace(items=items)


def _numbered_page(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    form: ListForm,
    asked: ListQuery,
    page: int,
    per_page: int,
    request: AccessRequest,
) -> Page:
    offset = min((page - 1) * per_page, _OFFSET_MAX)
    (statement,), counter = _statements(
        snapshot, catalog, plans, form, asked, min(offset + per_page, _OFFSET_MAX), request
    )
    row = snapshot.row(statement.sql, (*bind(statement, request), per_page, offset))
    items, shown = row  # type: ignore[misc]  # an aggregate has a row
    if counter is None:
        return Page(items, -1)  # type: ignore[arg-type]  # JSON text
    total = counter.total(offset, shown, per_page)  # type: ignore[arg-type]  # a number
    return Page(items, *total)  # type: ignore[arg-type]


def _keyset_page(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    form: ListForm,
    asked: ListQuery,
    per_page: int,
    request: AccessRequest,
) -> Page:
    """One row more than is shown tells whether the list goes on."""
    after: tuple[Value, ...] = ()
    plan: ListPlan = form.plan
    if asked.cursor:
        after = read_cursor(form.cursor_form, asked.cursor, len(plan.order.terms))
    parts, counter = _statements(snapshot, catalog, plans, form, asked, per_page + 1, request)
    bound = bind(parts[0], request)
    rows: list[tuple[Value, ...]] = []
    for number, part in enumerate(parts):
        values = after[: len(after) - number]
        rows += snapshot.rows(part.sql, (*bound, *values, per_page + 1 - len(rows)))
        if len(rows) > per_page:
            break
    shown = rows[:per_page]
    cursor = write_cursor(form.cursor_form, shown[-1][1:]) if len(rows) > per_page else ""
    items = f"[{','.join([str(row[0]) for row in shown])}]"
    total: Total = NOT_COUNTED
    if counter is not None:
        ended = not asked.cursor and not cursor
        total = Total(len(shown)) if ended else counter.total(0, per_page, per_page)
    return Page(items, *total, cursor)


def _statements(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    form: ListForm,
    asked: ListQuery,
    wanted: int,
    request: AccessRequest,
) -> tuple[tuple[Statement, ...], Counter | None]:
    """What finds the page, and what counts the list where that was asked for."""
    plan = form.plan
    if asked.skip_total and plan.driven is None:
        return plan.walk, None
    params = bind(plan.count, request)
    counter = Counter(plans.totals, snapshot, catalog.version, form.count_form, plan, params)
    statements = plan.walk
    if plan.driven is not None:
        counted = not asked.skip_total
        statements = choose(
            snapshot, form.collection, plan, counter, wanted, total=counted
        ).statements
    return statements, None if asked.skip_total else counter


# --- One record -------------------------------------------------------------------------------


def _view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    record_id: str,
    only: frozenset[str] | None,
    origin: Origin,
    expand: str,
) -> Viewed:
    collection = find_readable(catalog, name)
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    found = read_one(snapshot, catalog, plans, collection, record_id, only, request)
    if not expand:
        return found
    record = orjson.loads(found.body)
    run_expand(snapshot, catalog, plans, collection, [record], expand, request)
    return Viewed(orjson.dumps(record), found.etag)


def run_view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    record_id: str,
    only: frozenset[str] | None,
    request: AccessRequest,
) -> str:
    """One record's JSON for one caller, within a snapshot. Raises as `view_record`."""
    return read_one(snapshot, catalog, plans, collection, record_id, only, request).body.decode()


def read_one(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    record_id: str,
    only: frozenset[str] | None,
    request: AccessRequest,
) -> Viewed:
    """One record and its ETag for one caller, within a snapshot. Raises as `view_record`."""
    if only is not None:
        only = own_names(collection, only)
    identity = request.identity
    key = ("view", collection.id, only, identity.superuser, identity.collection_id)
    plan: ViewPlan | None = plans.get(catalog.version, key)
    if plan is None:
        plan = plan_view(catalog, plans, collection, only, request)
        plans.put(catalog.version, key, plan, len(plan.sql))
    shapes = () if plan.shapes is None else bind(plan.shapes, request)
    rule = () if plan.rule is None else bind(plan.rule, request)
    row = snapshot.row(plan.sql, (*shapes, record_id, *rule))
    if row is None:
        raise not_found()
    body: bytes = row[0].encode()  # type: ignore[union-attr]  # the shape is JSON text
    version = row[1].encode() if plan.versioned else body  # type: ignore[union-attr]
    return Viewed(body, etag_of(catalog, version))


def plan_view(
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    only: frozenset[str] | None,
    request: AccessRequest,
) -> ViewPlan:
    """Most often the answer is the very text whose hash is the ETag."""
    identity = request.identity
    rule = admit(catalog, plans, collection, collection.view_rule, identity, Use.ROW)
    caller = caller_collection(catalog, identity)
    shape = shape_of(collection, catalog, hidden=identity.superuser, caller=caller, only=only)
    version = version_shape(collection, catalog)
    versioned = (shape.sql, shape.params) != (version.sql, version.params)
    sql = view_sql(collection, rule, shape, version if versioned else None)
    parts = tuple(one for one in (shape, *([version] if versioned else [])) if one.params)
    return ViewPlan(sql, Statement("", parts) if parts else None, rule, versioned)


def find_readable(catalog: Catalog, name: str) -> Collection:
    """The collection of that id or name. Raises NOT_FOUND."""
    collection = catalog.find(name)
    if collection is None:
        raise not_found("Missing collection context.")
    return collection
