"""Records of a record API as a collection shows them: permissions → plan → run.

Who may read is said by the API alone: its bits and its rule hold for superusers, too.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.access.identity import GUEST
from shared.errors import QuillError, forbidden, invalid, not_found
from shared.language.errors import ForbiddenNameError, LanguageError
from shared.language.parser import parse
from shared.limits import FILTER_CHARS_MAX, PLAN_KEY_CHARS_MAX
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.schema.mirror import mirror_problem
from shared.sql.api.mirror import compile_mirror, mirror_count, mirror_page, searches, shape_sql
from shared.sql.api.rules import rule_params
from shared.sql.plan import Value
from shared.sql.select import Statement
from worker.apis.ids import read_id
from worker.apis.names import require_no_collection
from worker.apis.permissions import admit, failed_read
from worker.apis.point import PointForm, read_point
from worker.context import Context
from worker.engine.failures import SQLError, is_pattern_too_long
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.records.caller import Origin
from worker.records.list_form import ListQuery, wrong_query
from worker.records.plans import PlanCache
from worker.records.read import Page
from worker.records.rules import bind

_OFFSET_MAX: Final = 2**62


class _ListPlan(NamedTuple):
    """The statements of a list. `searches`: it looks into texts."""

    paged: Statement
    counted: Statement
    searches: bool


async def list_page(
    context: Context, name: str, asked: ListQuery, page: int, per_page: int, origin: Origin
) -> tuple[Page, int]:
    """A page of the records that the read rule lets the caller see, and how many it may have.

    Raises METHOD (the API cannot be served), FORBIDDEN, INVALID (filter, sort, cursor, the API's
    shape).
    """
    if asked.cursor is not None:
        raise invalid("A record API is listed here by page, not by cursor.")
    many = origin.caller is not None or not asked.skip_total
    work = (context.plans, asked, page, per_page, origin)
    try:
        return await context.apis.read(name, _list, *work, transaction=many)
    except SQLError as error:
        if is_pattern_too_long(error):
            raise wrong_query("a text that ~ looks for is too long") from None
        raise await failed_read(context.apis, name, error) from None


async def view_record(context: Context, name: str, record_id: str, origin: Origin) -> bytes:
    """One record's JSON.

    Raises METHOD (the API cannot be served), FORBIDDEN (bits), NOT_FOUND (also where the rule
    fails), INVALID (the API's shape).
    """
    return await read_point(context, name, record_id, _FORM, origin.caller)


def _shape(api: RecordApi, catalog: Catalog) -> str:
    _check(api, catalog)
    return shape_sql(api)


def _stored(api: RecordApi, record_id: str) -> Value:
    """An id that can be none names no record."""
    try:
        return read_id(api, record_id)
    except QuillError:
        raise not_found() from None


_FORM: Final = PointForm("mirror", _shape, _stored, lambda _rule: not_found())


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    asked: ListQuery,
    page: int,
    per_page: int,
    origin: Origin,
) -> tuple[Page, int]:
    user = admit(api, Action.READ, snapshot, catalog, origin.caller)
    plan = _plan(catalog, api, plans, asked)
    if plan.searches and snapshot.quick:
        raise OverBudgetError
    per_page = min(per_page, api.limit)
    request = origin.request(GUEST)  # of which a filter asks for nothing but the time
    own = rule_params(api.rules.get(Action.READ), user)
    offset = min((page - 1) * per_page, _OFFSET_MAX)
    rows = snapshot.rows(plan.paged.sql, (*own, *bind(plan.paged, request), per_page, offset))
    total = -1
    if not asked.skip_total:
        total = int(str(snapshot.value(plan.counted.sql, (*own, *bind(plan.counted, request)))))
    items = ",".join([str(row[0]) for row in rows])
    return Page(f"[{items}]", total), per_page


def _plan(catalog: Catalog, api: RecordApi, plans: PlanCache, asked: ListQuery) -> _ListPlan:
    """The compiled list, from the cache or made now. Raises FORBIDDEN, INVALID."""
    text, sort = asked.filter.strip(), asked.sort.strip()
    if len(text) > FILTER_CHARS_MAX:
        raise wrong_query()
    key = ("mirror-list", api.name, api.version, text, sort)
    plan: _ListPlan | None = plans.get(catalog.version, key)
    if plan is None:
        _check(api, catalog)
        plan = _compiled(api, text, sort)
        if len(text) + len(sort) <= PLAN_KEY_CHARS_MAX:
            chars = len(text) + len(sort) + len(plan.paged.sql) + len(plan.counted.sql)
            plans.put(catalog.version, key, plan, 2 * chars)
    return plan


def _compiled(api: RecordApi, text: str, sort: str) -> _ListPlan:
    try:
        condition = compile_mirror(api, parse(text)) if text else None
        page = mirror_page(api, condition, sort)
    except ForbiddenNameError as error:
        raise forbidden(f"Only rules may use this: {error}") from None
    except LanguageError as error:
        raise wrong_query(str(error)) from None
    return _ListPlan(page, mirror_count(api, condition), searches(condition))


def _check(api: RecordApi, catalog: Catalog) -> None:
    require_no_collection(catalog, api.name)
    problem = mirror_problem(api)
    if problem:
        raise invalid(problem)
