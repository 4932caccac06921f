"""Records of a collection as a record API shows them: one, or a page.

Their keys are the collection's fields, as far as the caller may see them. A relation is the id as
text, and where it is expanded `{"id", "data"}` with the record that the rules let him view, or null.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from shared.access.decide import DENY, decide
from shared.access.request import AccessRequest
from shared.errors import QuillError, forbidden, invalid
from shared.language.list_ask import ListAsk
from shared.limits import API_PAGE_ROWS_DEFAULT, API_PAGE_ROWS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.fields.relation import RelationField
from shared.sql.api.field_filter import read_filter, searches, shown_field
from shared.sql.api.filters import bad_filter
from shared.sql.plan import Value
from shared.sql.select import Statement
from worker.apis.collections.caller import own_origin
from worker.apis.names import require_collection
from worker.apis.read import Page
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError, Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.cursor import read_cursor, write_cursor
from worker.records.expand import run_expand
from worker.records.list_form import ListForm, ListQuery, form_of
from worker.records.plans import PlanCache
from worker.records.read import read_one
from worker.records.rules import bind, failed_at_a_row
from worker.records.strategy import choose
from worker.records.totals import Counter

_COUNTED_MAX: Final = 2**62
_NO_ORDER: Final = ("json", "geoPoint")
_EXPAND: Final = "expand"


class _Paging(NamedTuple):
    """Which rows of a list. `cursor`: None where they are told by their number alone."""

    limit: int
    offset: int
    cursor: str | None


async def read_record(
    context: Context, name: str, record_id: str, expand: tuple[str, ...], origin: Origin
) -> bytes:
    """One record's JSON.

    Raises METHOD (no longer a collection), NOT_FOUND (also where the view rule fails), FORBIDDEN
    (the rule is null), INVALID (expand).
    """
    try:
        return await context.reader.read(
            _view,
            context.plans,
            name,
            record_id,
            expand,
            own_origin(origin),
            transaction=origin.caller is not None or bool(expand),
        )
    except SQLError as error:
        raise failed_at_a_row(error) from None


async def list_records(context: Context, name: str, ask: ListAsk, origin: Origin) -> Page:
    """A page of the records that the list rule lets the caller see.

    Raises METHOD (no longer a collection), FORBIDDEN, INVALID (limit, order, cursor, expand, filter).
    """
    try:
        return await context.reader.read(
            _list, context.plans, name, ask, own_origin(origin), transaction=True
        )
    except SQLError as error:
        if ask.filter is not None and searches(ask.filter):
            raise bad_filter("it cannot be applied to some record") from None
        raise failed_at_a_row(error) from None


# --- One record ---------------------------------------------------------------------------------


def _view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    record_id: str,
    expand: tuple[str, ...],
    origin: Origin,
) -> bytes:
    collection = require_collection(catalog, name)
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    only = frozenset(collection.by_name)
    found = read_one(snapshot, catalog, plans, collection, record_id, only, request).body
    paths = _expandable(collection, expand, hidden=request.identity.superuser)
    if not paths:
        return found
    records = [orjson.loads(found)]
    _expand(snapshot, catalog, plans, collection, records, paths, request)
    return orjson.dumps(records[0])


# --- Lists --------------------------------------------------------------------------------------


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    ask: ListAsk,
    origin: Origin,
) -> Page:
    collection = require_collection(catalog, name)
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    hidden = request.identity.superuser
    if decide(collection.list_rule, request.identity) is DENY:
        raise forbidden()  # before anything tells which fields there are
    if ask.filter is not None and searches(ask.filter) and snapshot.quick:
        raise OverBudgetError
    paging = _paging(collection, ask, hidden=hidden)
    paths = _expandable(collection, ask.expand, hidden=hidden)
    asked = _query(collection, ask, paging, hidden=hidden)
    form = form_of(snapshot, catalog, plans, collection, asked, request)
    if form.slow and snapshot.quick:
        raise OverBudgetError
    counting = bind(form.plan.count, request)
    counter = Counter(plans.totals, snapshot, catalog.version, form.count_form, form.plan, counting)
    total = counter.up_to(_COUNTED_MAX) if ask.count else None
    page = Page((), None, total)
    if paging.limit:
        page = _page(snapshot, form, counter, paging, request)._replace(total=total)
    if not paths:
        return page
    records = orjson.loads(f"[{','.join(page.records)}]")
    _expand(snapshot, catalog, plans, collection, records, paths, request)
    return page._replace(records=tuple(orjson.dumps(one).decode() for one in records))


def _page(
    snapshot: Snapshot,
    form: ListForm,
    counter: Counter,
    paging: _Paging,
    request: AccessRequest,
) -> Page:
    wanted = min(paging.limit + paging.offset, _COUNTED_MAX)
    chosen = choose(snapshot, form.collection, form.plan, counter, wanted, total=False)
    if paging.cursor is None:
        return _numbered(snapshot, chosen.statements[0], paging, request)
    return _after(snapshot, form, chosen.statements, paging, request)


def _numbered(
    snapshot: Snapshot, statement: Statement, paging: _Paging, request: AccessRequest
) -> Page:
    """Rows by their number, which come as one array."""
    row = snapshot.row(statement.sql, (*bind(statement, request), paging.limit, paging.offset))
    assert row is not None  # an aggregate has a row
    array = str(row[0])
    return Page((array[1:-1],) if row[1] else ())


def _after(
    snapshot: Snapshot,
    form: ListForm,
    statements: tuple[Statement, ...],
    paging: _Paging,
    request: AccessRequest,
) -> Page:
    """Rows from the start or from a cursor on, which come part by part, and where to go on."""
    values: tuple[Value, ...] = ()
    if paging.cursor:
        values = read_cursor(form.cursor_form, paging.cursor, len(form.plan.order.terms))
    rows: list[tuple[Value, ...]] = []
    for number, part in enumerate(statements):
        after = values[: len(values) - number]
        left = paging.limit - len(rows)
        rows += snapshot.rows(part.sql, (*bind(part, request), *after, left))
        if len(rows) >= paging.limit:
            break
    return Page(tuple([str(row[0]) for row in rows]), _cursor(form, rows))


def _cursor(form: ListForm, rows: list[tuple[Value, ...]]) -> str | None:
    """Where the list goes on; None where it cannot, also for values that are too long."""
    if not rows:
        return None
    try:
        return write_cursor(form.cursor_form, rows[-1][1:])
    except QuillError:
        return None


# --- What is asked ------------------------------------------------------------------------------


def _paging(collection: Collection, ask: ListAsk, *, hidden: bool) -> _Paging:
    limit = API_PAGE_ROWS_DEFAULT if ask.limit is None else ask.limit
    if limit > API_PAGE_ROWS_MAX:
        raise invalid(f"limit exceeds max limit of {API_PAGE_ROWS_MAX}")
    if ask.geojson is not None:
        raise invalid("Invalid geometry column")
    if ask.offset and ask.cursor is not None:
        raise invalid("A list of a collection takes a cursor or an offset, not both.")
    by_number = ask.offset or (
        ask.cursor is None
        and any(_has_no_cursor(collection, one.column, hidden=hidden) for one in ask.order)
    )
    return _Paging(limit, ask.offset, None if by_number else ask.cursor or "")


def _has_no_cursor(collection: Collection, name: str, *, hidden: bool) -> bool:
    """A column that may be null, or show a value of its own to each caller, has but an order."""
    if collection.is_view:
        return name != "id"
    return collection.type == AUTH and name == "email" and not hidden


def _query(collection: Collection, ask: ListAsk, paging: _Paging, *, hidden: bool) -> ListQuery:
    where = None if ask.filter is None else read_filter(collection, ask.filter, hidden=hidden)
    return ListQuery(
        sort=_sort(collection, ask, hidden=hidden),
        only=frozenset(collection.by_name),
        skip_total=True,
        cursor=paging.cursor,
        where=where,
    )


def _sort(collection: Collection, ask: ListAsk, *, hidden: bool) -> str:
    """The order in the words of the language; the newest record first unless given."""
    if not ask.order:
        return "-id" if collection.is_view else "-@rowid"
    for one in ask.order:
        field = shown_field(collection, one.column, hidden=hidden)
        if field is None or field.multiple or field.type in _NO_ORDER:
            raise invalid(f"Invalid query: there is no column {one.column[:40]!r} to order by")
    return ",".join(f"-{one.column}" if one.descending else one.column for one in ask.order)


# --- Expansion ----------------------------------------------------------------------------------


def _expandable(collection: Collection, names: tuple[str, ...], *, hidden: bool) -> tuple[str, ...]:
    """The names, if all are relations to one record. Raises INVALID."""
    for name in names:
        field = shown_field(collection, name, hidden=hidden)
        if not isinstance(field, RelationField) or field.multiple:
            raise invalid("Invalid expansion")
    return names


def _expand(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    records: list[dict[str, Any]],
    names: tuple[str, ...],
    request: AccessRequest,
) -> None:
    """Put referred records in the place of their ids."""
    run_expand(snapshot, catalog, plans, collection, records, ",".join(names), request)
    for record in records:
        found = record.pop(_EXPAND, {})
        for name in names:
            record[name] = _reference(record[name], found.get(name)) if name in record else None


def _reference(record_id: object, data: dict[str, Any] | None) -> dict[str, Any] | None:
    if not record_id:
        return None
    if data is not None:
        data = {
            key: value
            for key, value in data.items()
            if key not in ("collectionId", "collectionName")
        }
    return {"id": record_id, "data": data}
