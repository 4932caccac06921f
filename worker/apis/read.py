"""Reading records of record APIs: one, or a page of them. permissions → plan → run.

A record by its id is one statement, kept planned for as long as its API is the same; the rule is a
part of it. `_view` and `_list` run inside a read, perhaps twice, so they only map their arguments
to an answer.
"""

from __future__ import annotations

from typing import NamedTuple

from shared.access.users import user_id
from shared.errors import QuillError, forbidden, invalid, not_found
from shared.language.list_ask import ListAsk
from shared.limits import API_PAGE_ROWS_DEFAULT
from shared.logs import get_logger
from shared.schema.api import Action, RecordApi, SqlRule
from shared.schema.catalog import Catalog
from shared.schema.tables.column import Column
from shared.sql.api.cursor_order import (
    CursorOrder,
    bad_cursor,
    order_of,
    parts_after,
    read_cursor,
    write_cursor,
)
from shared.sql.api.filters import Condition, Filter, bad_filter, compile_filter
from shared.sql.api.list import (
    allowed_sql,
    count_sql,
    filter_conditions,
    page_sql,
    point_sql,
    trial_sql,
)
from shared.sql.api.rules import rule_params
from shared.sql.api.shape import feature_sql, record_sql
from shared.sql.plan import Value
from worker.apis.catalog import ApiCatalog
from worker.apis.ids import read_id
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.records.caller import Caller, identity_in
from worker.records.plans import PlanCache

_log = get_logger()


class Page(NamedTuple):
    """A page. `records`: JSON objects. `cursor`: where the list goes on, None where it cannot.

    `total`: how many there are in all, None where nobody asked.
    """

    records: tuple[str, ...]
    cursor: str | None = None
    total: int | None = None


class _ViewPlan(NamedTuple):
    """A record's statement. `rule`: what its first values are of."""

    sql: str
    rule: SqlRule | None


async def read_record(
    context: Context,
    name: str,
    record_id: str,
    expand: tuple[str, ...],
    caller: Caller | None,
) -> bytes:
    """One record's JSON.

    Raises METHOD (no such API), FORBIDDEN, NOT_FOUND, INVALID (id, expand). Where a rule decides,
    a record that is not there is forbidden like one that it hides.
    """
    try:
        return await context.apis.read(
            name, _view, context.plans, record_id, expand, caller, transaction=caller is not None
        )
    except SQLError as error:
        raise await failed_read(context.apis, name, error) from None


async def list_records(context: Context, name: str, ask: ListAsk, caller: Caller | None) -> Page:
    """A page of the records that the read rule lets the caller see.

    Raises METHOD (no such API), FORBIDDEN, INVALID (limit, order, cursor, expand, filter).
    """
    many = caller is not None or ask.count or ask.cursor is not None
    try:
        return await context.apis.read(name, _list, context.apis, ask, caller, transaction=many)
    except SQLError as error:
        raise await failed_read(context.apis, name, error) from None


async def failed_read(apis: ApiCatalog, name: str, error: SQLError) -> QuillError:
    """A statement that SQLite gave up at some row: a rule that errors denies."""
    api = (await apis.current()).find(name)
    _log.warning("a read fails at a row", api=name, reason=str(error))
    if isinstance(api, RecordApi) and Action.READ in api.rules:
        return forbidden()
    return invalid("A value cannot be told in JSON.")


# --- Permissions --------------------------------------------------------------------------------


def admit(
    api: RecordApi, action: Action, snapshot: Snapshot, catalog: Catalog, caller: Caller | None
) -> Value:
    """The id of who asks, for the rule, NULL for a guest. Raises FORBIDDEN by the API's bits."""
    rule = api.rules.get(action)
    if (rule is None or not rule.uses_user) and api.permits(action, authenticated=False):
        return None
    identity = identity_in(caller, snapshot, catalog)
    if not api.permits(action, authenticated=not identity.guest):
        raise forbidden()
    return user_id(identity)


def admit_to_schema(
    snapshot: Snapshot, catalog: Catalog, api: RecordApi, caller: Caller | None
) -> RecordApi:
    """The API, for one who may see its schema. Raises FORBIDDEN."""
    user = admit(api, Action.SCHEMA, snapshot, catalog, caller)
    rule = api.rules.get(Action.SCHEMA)
    if rule is not None and snapshot.row(allowed_sql(rule), rule_params(rule, user)) is None:
        raise forbidden()
    return api


# --- One record ---------------------------------------------------------------------------------


def _view(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    record_id: str,
    expand: tuple[str, ...],
    caller: Caller | None,
) -> bytes:
    user = admit(api, Action.READ, snapshot, catalog, caller)
    key = ("api-view", api.name, api.version, expand)
    plan: _ViewPlan | None = plans.get(catalog.version, key)
    if plan is None:
        plan = _plan_view(api, expand)
        plans.put(catalog.version, key, plan, len(plan.sql))
    params = rule_params(plan.rule, user)
    row = snapshot.row(plan.sql, (*params, read_id(api, record_id)))
    if row is None:
        raise not_found() if plan.rule is None else forbidden()
    return row[0].encode()  # type: ignore[union-attr]  # the shape is JSON text


def _plan_view(api: RecordApi, expand: tuple[str, ...]) -> _ViewPlan:
    rule = api.rules.get(Action.READ)
    return _ViewPlan(point_sql(api, record_sql(api, _expanded(api, expand)), rule), rule)


def _expanded(api: RecordApi, names: tuple[str, ...]) -> tuple[str, ...]:
    """Raises INVALID for a name that the settings do not list."""
    if not set(names) <= set(api.expand):
        raise invalid("Invalid expansion")
    return names


# --- Lists --------------------------------------------------------------------------------------


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    apis: ApiCatalog,
    ask: ListAsk,
    caller: Caller | None,
) -> Page:
    user = admit(api, Action.READ, snapshot, catalog, caller)
    order, filtered = order_of(ask.order, api), _filtered(snapshot, api, ask)
    rule = api.rules.get(Action.READ)
    conditions = () if filtered is None else filter_conditions(filtered, rule)
    params = rule_params(rule, user)
    plan = _ListPlan(api, _shape(api, ask), conditions, order, params)
    limit = _limit(api, ask)
    after = _after(snapshot, plan, apis, ask)
    try:
        total = plan.count(snapshot) if ask.count else None
        rows = plan.rows(snapshot, after, limit, ask.offset) if limit else []
    except SQLError:
        if filtered is not None and filtered.searches:
            raise bad_filter("it cannot be applied to some row") from None
        raise
    records = tuple([str(row[0]) for row in rows])
    return Page(records, _cursor(api, apis, order, rows, ask), total)


class _ListPlan(NamedTuple):
    """What the statements of a list have in common. `params`: the rule's."""

    api: RecordApi
    shape: str
    conditions: tuple[Condition, ...]
    order: CursorOrder
    params: tuple[Value, ...]

    def rows(
        self, snapshot: Snapshot, after: list[tuple[Condition, ...]], limit: int, offset: int
    ) -> list[tuple[Value, ...]]:
        """The rows of a page, put together of parts, one after the other."""
        rule = self.api.rules.get(Action.READ)
        found: list[tuple[Value, ...]] = []
        for part in after:
            conditions = (*self.conditions, *part)
            sql = page_sql(self.api, self.shape, rule, conditions, self.order)
            values = self._values(conditions)
            left = limit - len(found)
            rows = snapshot.rows(sql, (*values, left, offset))
            found += rows
            if len(found) >= limit:
                break
            if offset and not rows and len(after) > 1:
                offset = max(0, offset - self.count(snapshot, part))
            elif rows:
                offset = 0
        return found

    def count(self, snapshot: Snapshot, part: tuple[Condition, ...] = ()) -> int:
        """How many rows there are."""
        conditions = (*self.conditions, *part)
        sql = count_sql(self.api, self.api.rules.get(Action.READ), conditions)
        found = snapshot.value(sql, self._values(conditions))
        assert isinstance(found, int)
        return found

    def position(self, snapshot: Snapshot, key: tuple[Value, ...]) -> tuple[Value, ...]:
        """Where the record of a key stands. Raises INVALID where it is gone, or not to be seen."""
        columns = ", ".join(self.order.columns)
        sql = point_sql(self.api, columns, self.api.rules.get(Action.READ))
        found = snapshot.row(sql, (*self.params, *key))
        if found is None:
            raise bad_cursor()
        return found

    def _values(self, conditions: tuple[Condition, ...]) -> tuple[Value, ...]:
        return (*self.params, *[value for one in conditions for value in one.params])


def _limit(api: RecordApi, ask: ListAsk) -> int:
    if ask.limit is None:
        return min(API_PAGE_ROWS_DEFAULT, api.limit)
    if ask.limit > api.limit:
        raise invalid(f"limit exceeds max limit of {api.limit}")
    return ask.limit


def _shape(api: RecordApi, ask: ListAsk) -> str:
    expand = _expanded(api, ask.expand)
    if ask.geojson is None:
        return record_sql(api, expand)
    return feature_sql(api, _geometry(api, ask.geojson), expand)


def _geometry(api: RecordApi, name: str) -> Column:
    column = api.column(name)
    if column is None or not column.geometry or column.write_only:
        raise invalid("Invalid geometry column")
    return column


def _filtered(snapshot: Snapshot, api: RecordApi, ask: ListAsk) -> Filter | None:
    """The filter compiled, its own values tried. Raises INVALID."""
    if ask.filter is None:
        return None
    found = compile_filter(api.shown, ask.filter)
    if found.searches and snapshot.quick:
        raise OverBudgetError
    if found.trial is not None:
        try:
            snapshot.row(trial_sql(found.trial), found.trial.params)
        except SQLError as error:
            raise bad_filter(str(error)) from None
    return found


def _after(
    snapshot: Snapshot, plan: _ListPlan, apis: ApiCatalog, ask: ListAsk
) -> list[tuple[Condition, ...]]:
    """What a page is put together of, one after the other: all rows, or those after a cursor."""
    if ask.cursor is None:
        return [()]
    if plan.api.table.repeats:
        raise invalid("This view may show a key twice, so it has no cursors. Use offset instead.")
    values = read_cursor(apis.cursor_key, plan.api.name, plan.order, ask.cursor)
    if len(values) < len(plan.order.terms):
        values = plan.position(snapshot, values)
    return [(one,) for one in parts_after(plan.order, values)]


def _cursor(
    api: RecordApi,
    apis: ApiCatalog,
    order: CursorOrder,
    rows: list[tuple[Value, ...]],
    ask: ListAsk,
) -> str | None:
    """Where the list goes on after these rows; None where a key repeats, and where there are none."""
    if api.table.repeats or not rows or (ask.geojson is not None and ask.skip_cursor):
        return None
    return write_cursor(apis.cursor_key, api.name, order, rows[-1][1:])
