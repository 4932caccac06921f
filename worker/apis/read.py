"""Reading records of record APIs: one, or a page of them. permissions → plan → run.

A record by its id is read in `point`. `_list` runs inside a read, perhaps twice, so it only maps
its arguments to an answer.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from shared.errors import QuillError, forbidden, invalid, not_found
from shared.language.list_ask import ListAsk
from shared.limits import API_PAGE_ROWS_DEFAULT
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
from worker.apis.permissions import admit, failed_read
from worker.apis.point import PointForm, read_point
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.records.caller import Caller


class Page(NamedTuple):
    """A page. `records`: JSON objects. `cursor`: where the list goes on, None where it cannot.

    `total`: how many there are in all, None where nobody asked.
    """

    records: tuple[str, ...]
    cursor: str | None = None
    total: int | None = None


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
    form = _form(expand) if expand else _PLAIN
    return await read_point(context, name, record_id, form, caller)


def _form(expand: tuple[str, ...]) -> PointForm:
    def shape(api: RecordApi, _catalog: Catalog) -> str:
        return record_sql(api, _expanded(api, expand))

    return PointForm(expand, shape, read_id, _missing)


def _missing(rule: SqlRule | None) -> QuillError:
    return not_found() if rule is None else forbidden()


_PLAIN: Final = _form(())


async def list_records(context: Context, name: str, ask: ListAsk, caller: Caller | None) -> Page:
    """A page of the records that the read rule lets the caller see.

    Raises METHOD (no such API), FORBIDDEN, INVALID (limit, order, cursor, expand, filter).
    """
    many = caller is not None or ask.count or ask.cursor is not None
    try:
        return await context.apis.read(name, _list, context.apis, ask, caller, transaction=many)
    except SQLError as error:
        raise await failed_read(context.apis, name, error) from None


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
