"""`explain=1`: what a read would do, for superusers.

Its rule and filter as SQL, the statements, how SQLite runs them, how long that takes here, and
which index is missing. It can be asked as somebody else: `guest`, an auth collection (`users`), or
one of its records (`users/ID`); then his rule stands in the statements. Plans are read before
anything runs, so that a statement that is given up after its time is explained, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final, NamedTuple

from shared.access.decide import ALLOW, DENY, decide
from shared.access.identity import GUEST, Identity, identity_of
from shared.access.request import AccessRequest
from shared.errors import forbidden, invalid
from shared.language.errors import LanguageError
from shared.limits import TOTAL_EXACT_RECORDS_MAX
from shared.schema.catalog import Catalog
from shared.schema.collection import AUTH, Collection
from shared.schema.system import SUPERUSERS_ID
from shared.sql.conditions import Use, compile_filter, compile_rule
from shared.sql.index_advice import missing_indexes, widest
from shared.sql.order import OrderTerm
from shared.sql.plan import Value
from shared.sql.predicate import Predicate
from shared.sql.query_plan import PlanLine
from shared.sql.version import stored_version_sql, version_fields, version_shape
from worker.context import Context
from worker.engine.failures import InterruptError, SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, caller_collection, identity_in
from worker.records.list_form import ListForm, ListQuery, form_of
from worker.records.plans import PlanCache
from worker.records.read import find_readable, plan_view
from worker.records.rules import bind
from worker.records.strategy import NO_ORDER, Choice, choose
from worker.records.totals import Counter

_AS_GUEST: Final = "guest"
_WALK: Final = "walk along the order"
_SETS: Final = "sets, then sorted"

Told = dict[str, Any]


class Explained(NamedTuple):
    """What is to be explained. `record_id`: a view; None: a list.

    `viewer`: as whom, `""` for the superuser himself.
    """

    collection: str
    viewer: str = ""
    record_id: str | None = None
    asked: ListQuery = ListQuery()
    page: int = 1
    per_page: int = 1


async def explain_read(context: Context, what: Explained, origin: Origin) -> Told:
    """The explanation as JSON values.

    Raises FORBIDDEN for others than superusers, NOT_FOUND, and INVALID as the read itself would.
    """
    try:
        return await context.reader.read(_explain, context.plans, what, origin, transaction=True)
    except SQLError as error:  # at a row: a pattern that is too long, for one
        raise invalid(f"The read fails: {error}") from None


def _explain(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, what: Explained, origin: Origin
) -> Told:
    identity = identity_in(origin.caller, snapshot, catalog)
    if not identity.superuser:
        raise forbidden("Only superusers can perform this action.")
    collection = find_readable(catalog, what.collection)
    viewer = _viewer(snapshot, catalog, what.viewer) if what.viewer else identity
    request = origin.request(viewer)
    action = "list" if what.record_id is None else "view"
    told: Told = {
        "collection": collection.name,
        "viewer": what.viewer or "superuser",
        "rule": _rule(collection, catalog, action, request),
    }
    if decide(collection.rule(action), viewer) is DENY or "error" in told["rule"]:
        return told
    if what.record_id is None:
        return told | _list(snapshot, catalog, plans, collection, what, request)
    return told | _view(snapshot, catalog, plans, collection, what.record_id, request)


# --- Whose eyes, and which rule ---------------------------------------------------------------


def _viewer(snapshot: Snapshot, catalog: Catalog, text: str) -> Identity:
    if text == _AS_GUEST:
        return GUEST
    name, _, record_id = text.partition("/")
    collection = catalog.find(name)
    if collection is None or collection.type != AUTH:
        raise invalid("explainAs is guest, an auth collection, or one of its records (users/ID).")
    record: dict[str, Value] = {}
    if record_id:
        sql = stored_version_sql(collection, version_shape(collection, catalog))
        row = snapshot.row(sql, (record_id,))
        if row is None:
            raise invalid("There is no such record to explain as.")
        names = (field.name for field in version_fields(collection))
        record = dict(zip(names, row[1:], strict=True))
    return identity_of(collection, record, superuser=collection.id == SUPERUSERS_ID)


def _rule(collection: Collection, catalog: Catalog, action: str, request: AccessRequest) -> Told:
    """The rule's text, what it means to the viewer, and its SQL, also where he passes anyway."""
    text = collection.rule(action)
    verdict = decide(text, request.identity)
    told: Told = {"action": action, "text": text, "verdict": "judges each record"}
    if verdict in (ALLOW, DENY):
        told["verdict"] = "allows all" if verdict is ALLOW else "denies all"
    if not text:
        return told
    caller = caller_collection(catalog, request.identity)
    try:
        compiled = compile_rule(text, collection, catalog, caller=caller, use=Use.ROW)
        return told | _condition(compiled, request)
    except LanguageError as error:
        if isinstance(verdict, str):
            told["verdict"] = "denies all"
            told["error"] = str(error)
        return told


def _condition(predicate: Predicate, request: AccessRequest) -> Told:
    return {"sql": predicate.sql, "params": _shown(predicate.bind(request))}


# --- Statements -------------------------------------------------------------------------------


def _list(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    what: Explained,
    request: AccessRequest,
) -> Told:
    asked = what.asked._replace(cursor="" if what.asked.cursor is not None else None)
    form = form_of(snapshot, catalog, plans, collection, asked, request)
    plan = form.plan
    limit = () if plan.counts_all else (TOTAL_EXACT_RECORDS_MAX + 1,)
    counting = (*bind(plan.count, request), *limit)
    lines = snapshot.query_plan(plan.count.sql, counting)
    count: Told = {"sql": plan.count.sql, "params": _shown(counting), "plan": _tree(lines)}
    advice = missing_indexes(_tables(catalog), plan.count.sql, lines)
    choice, chosen = _chosen(snapshot, catalog, plans, form, what, request)
    offset = () if asked.cursor is not None else ((what.page - 1) * what.per_page,)
    (statement,) = choice.statements
    params = (*bind(statement, request), what.per_page, *offset)
    told, more = _statement(snapshot, catalog, statement.sql, params, plan.order.terms)
    count["ms"] = _milliseconds(snapshot, plan.count.sql, counting)
    return {
        "filter": _filter(collection, catalog, asked.filter, request),
        "sort": {"text": asked.sort, "sql": plan.order.sql},
        "page": told | chosen,
        "count": count,
        "missingIndexes": widest([*more, *advice]),
    }


def _view(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    collection: Collection,
    record_id: str,
    request: AccessRequest,
) -> Told:
    plan = plan_view(catalog, plans, collection, None, request)
    shapes = () if plan.shapes is None else bind(plan.shapes, request)
    rule = () if plan.rule is None else bind(plan.rule, request)
    told, advice = _statement(snapshot, catalog, plan.sql, (*shapes, record_id, *rule))
    return {"record": told, "missingIndexes": widest(advice)}


def _chosen(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    form: ListForm,
    what: Explained,
    request: AccessRequest,
) -> tuple[Choice, Told]:
    """How the page is found, and why."""
    plan = form.plan
    if plan.driven is None:
        way = _SETS if form.why == NO_ORDER else _WALK
        return Choice(plan.walk, form.why), {"strategy": way, "why": form.why}
    params = bind(plan.count, request)
    counter = Counter(plans.totals, snapshot, catalog.version, form.count_form, plan, params)
    wanted = what.page * what.per_page
    try:
        choice = choose(
            snapshot, form.collection, plan, counter, wanted, total=not what.asked.skip_total
        )
    except InterruptError:
        if snapshot.quick:
            raise
        choice = Choice(plan.walk, "counting the matches took too long")
    way = _SETS if choice.statements is plan.driven else _WALK
    told = {"strategy": way, "why": choice.reason, "matches": choice.matches}
    return choice, told | {"setsBelow": choice.cap}


def _statement(
    snapshot: Snapshot,
    catalog: Catalog,
    sql: str,
    params: tuple[Value, ...],
    terms: Sequence[OrderTerm] = (),
) -> tuple[Told, list[str]]:
    """A statement explained and run, and the indexes that it lacks."""
    lines = snapshot.query_plan(sql, params)
    told = {
        "sql": sql,
        "params": _shown(params),
        "plan": _tree(lines),
        "ms": _milliseconds(snapshot, sql, params),
    }
    return told, missing_indexes(_tables(catalog), sql, lines, terms)


def _filter(
    collection: Collection, catalog: Catalog, text: str, request: AccessRequest
) -> Told | None:
    if not text.strip():
        return None
    identity = request.identity
    compiled = compile_filter(
        text,
        collection,
        catalog,
        caller=caller_collection(catalog, identity),
        superuser=identity.superuser,
        use=Use.PAGE,
    )
    return {"text": text} | _condition(compiled, request)


def _tree(lines: Sequence[PlanLine]) -> list[str]:
    return [f"{'  ' * line.depth}{line.text}" for line in lines]


def _milliseconds(snapshot: Snapshot, sql: str, params: tuple[Value, ...]) -> float | None:
    """How long it takes; None: it was given up."""
    started = perf_counter()
    try:
        snapshot.rows(sql, params)
    except InterruptError:
        if snapshot.quick:
            raise  # from the start again in a thread, where there is more time
        return None
    return round((perf_counter() - started) * 1000, 3)


def _tables(catalog: Catalog) -> dict[str, Collection]:
    return {collection.table: collection for collection in catalog.all()}


def _shown(params: Sequence[Value]) -> list[object]:
    return [param.hex() if isinstance(param, bytes) else param for param in params]
