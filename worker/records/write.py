"""Writing records: admit → plan, on the caller's own snapshot; then submit (submit.py).

A rule is judged twice: here under a time bound, so that what is hopeless never reaches the writer,
and as a guard of the plan inside the writer's transaction, so that nothing changes in between. A
plan's steps stand in this order:

    the caller still stands → the key has no answer yet → the rule holds → relations exist → write
    → the answer is kept under the key
"""

from __future__ import annotations

from collections.abc import Mapping

from shared import ids
from shared.access.identity import Identity
from shared.dates import now_text
from shared.errors import Kind, QuillError, invalid, not_found
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.system import SUPERUSERS_ID
from shared.sql.delete import delete_plan_steps
from shared.sql.plan import Plan, Step, Value, require
from shared.sql.predicate import Predicate
from shared.sql.write import candidate_guard, rule_guard, update_step
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records import idempotency
from worker.records.caller import TOKEN_KEY, Caller, caller_guards, identity_in
from worker.records.idempotency import Stored
from worker.records.outcome import REFUSED_AGAIN, REFUSED_CREATE, REFUSED_LAST, REFUSED_MISSING
from worker.records.plans import PlanCache
from worker.records.read import find_readable, run_view
from worker.records.rules import admit, bind, identity_fields
from worker.records.submit import (
    Ask,
    Hashes,
    NeedsHash,
    Planned,
    Written,
    submit_planned,
)
from worker.records.validate import PASSWORD
from worker.records.write_form import WriteForm, write_form

_EMAIL = "email"


async def create_record(
    context: Context, name: str, body: Mapping[str, object], caller: Caller | None, ask: Ask
) -> Written:
    """Insert a record. Raises NOT_FOUND (collection), FORBIDDEN (rule is null), INVALID."""

    async def planner(hashes: Hashes) -> Planned | NeedsHash | Stored:
        return await context.reader.read(
            _plan_create, context.plans, name, body, caller, ask, hashes
        )

    return await submit_planned(context, planner, ask)


async def update_record(
    context: Context,
    name: str,
    record_id: str,
    body: Mapping[str, object],
    caller: Caller | None,
    ask: Ask,
) -> Written:
    """Change a record. Raises NOT_FOUND (also where the rule fails), FORBIDDEN, INVALID."""

    async def planner(hashes: Hashes) -> Planned | NeedsHash | Stored:
        return await context.reader.read(
            _plan_update, context.plans, name, record_id, body, caller, ask, hashes
        )

    return await submit_planned(context, planner, ask)


async def delete_record(
    context: Context, name: str, record_id: str, caller: Caller | None, ask: Ask
) -> Written:
    """Delete a record and settle what refers to it. Raises as `update_record`."""

    async def planner(_: Hashes) -> Planned | Stored:
        return await context.reader.read(_plan_delete, context.plans, name, record_id, caller, ask)

    return await submit_planned(context, planner, ask)


# --- Planning, each one read's work -----------------------------------------------------------


def _plan_create(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    body: Mapping[str, object],
    caller: Caller | None,
    ask: Ask,
    hashes: Hashes,
) -> Planned | NeedsHash | Stored:
    collection, identity, rule = _admit(snapshot, catalog, plans, name, "create", caller)
    stored = _find_stored(snapshot, catalog, plans, ask, identity)
    if stored is not None:
        return stored
    form = write_form(catalog, plans, collection, identity)
    values = form.record.create(body, now_text())
    unhashed = _hash_passwords(form, values, hashes)
    if unhashed is not None:
        return unhashed
    steps = _opening(ask, identity, identity_fields(rule))
    if rule is not None:
        params = bind(rule, identity)
        guard = candidate_guard(collection, values, rule, params, refusal=REFUSED_CREATE)
        if snapshot.value(guard.sql, guard.params) is None:
            raise invalid("Failed to create record.")
        steps.append(guard)
    if form.relations:
        steps += form.relation_guards(values)
    steps.append(form.insert_step(values))
    _keep_answer(steps, ask, identity, form, collection, str(values["id"]))
    return Planned(Plan(catalog.version, tuple(steps)), identity.actor, collection)


def _plan_update(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    record_id: str,
    body: Mapping[str, object],
    caller: Caller | None,
    ask: Ask,
    hashes: Hashes,
) -> Planned | NeedsHash | Stored:
    collection, identity, rule = _admit(snapshot, catalog, plans, name, "update", caller)
    stored = _find_stored(snapshot, catalog, plans, ask, identity)
    if stored is not None:
        return stored
    steps = _opening(ask, identity, identity_fields(rule))
    guard = _judged_row(snapshot, collection, record_id, rule, identity)
    if rule is not None:
        steps.append(guard)
    form = write_form(catalog, plans, collection, identity)
    changes = form.record.update(record_id, body, now_text())
    unhashed = _hash_passwords(form, changes, hashes)
    if unhashed is not None:
        return unhashed
    if form.record.is_auth and _EMAIL in changes:
        steps.append(_renew_for_email(snapshot, collection, record_id, changes))
    steps += form.relation_guards(changes)
    steps.append(update_step(collection, record_id, changes, form.shape, refusal=REFUSED_MISSING))
    _keep_answer(steps, ask, identity, form, collection, record_id)
    return Planned(Plan(catalog.version, tuple(steps)), identity.actor, collection)


def _plan_delete(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    record_id: str,
    caller: Caller | None,
    ask: Ask,
) -> Planned | Stored:
    collection, identity, rule = _admit(snapshot, catalog, plans, name, "delete", caller)
    stored = _find_stored(snapshot, catalog, plans, ask, identity)
    if stored is not None:
        return stored
    steps = _opening(ask, identity, identity_fields(rule))
    steps.append(_judged_row(snapshot, collection, record_id, rule, identity))
    if collection.id == SUPERUSERS_ID:
        steps.append(_another_superuser(collection, record_id))
    steps += delete_plan_steps(catalog, collection, record_id, now=now_text())
    if ask.idempotency is not None:
        steps.append(idempotency.store(ask.idempotency, identity.actor, ""))
    return Planned(Plan(catalog.version, tuple(steps)), identity.actor, collection, answer="")


# --- Parts of plans ---------------------------------------------------------------------------


def _admit(
    snapshot: Snapshot,
    catalog: Catalog,
    plans: PlanCache,
    name: str,
    action: str,
    caller: Caller | None,
) -> tuple[Collection, Identity, Predicate | None]:
    """What is written to, by whom, and the predicate that the rule leaves to be judged."""
    collection = find_readable(catalog, name)
    identity = identity_in(caller, snapshot, catalog)
    return (
        collection,
        identity,
        admit(catalog, plans, collection, collection.rule(action), identity),
    )


def _judged_row(
    snapshot: Snapshot,
    collection: Collection,
    record_id: str,
    rule: Predicate | None,
    identity: Identity,
) -> Step:
    """The guard that the row is there and meets the rule; judged here once. Raises NOT_FOUND."""
    params = () if rule is None else bind(rule, identity)
    guard = rule_guard(collection, record_id, rule, params, refusal=REFUSED_MISSING)
    if snapshot.value(guard.sql, guard.params) is None:
        raise not_found()
    return guard


def _find_stored(
    snapshot: Snapshot, catalog: Catalog, plans: PlanCache, ask: Ask, identity: Identity
) -> Stored | None:
    """The answer of the first request; a large one is the record as the caller may see it now.

    No body where it is gone or hidden from him: the write was applied, so a 404 would mislead.
    """
    if ask.idempotency is None:
        return None
    stored = idempotency.find_stored(snapshot, ask.idempotency, identity.actor)
    if stored is None or stored.place is None:
        return stored
    collection_id, record_id = stored.place
    try:
        collection = find_readable(catalog, collection_id)
        found = run_view(snapshot, catalog, plans, collection, record_id, None, identity)
    except QuillError as error:
        if error.kind not in (Kind.NOT_FOUND, Kind.FORBIDDEN):
            raise
        found = ""
    return Stored(found)


def _opening(ask: Ask, identity: Identity, compared: frozenset[str]) -> list[Step]:
    """Guards that every write begins with."""
    steps = caller_guards(identity, compared)
    if ask.idempotency is not None:
        steps.append(idempotency.guard(ask.idempotency, identity.actor))
    return steps


def _keep_answer(
    steps: list[Step],
    ask: Ask,
    identity: Identity,
    form: WriteForm,
    collection: Collection,
    record_id: str,
) -> None:
    asked = ask.idempotency
    if asked is not None:
        source = form.answer_source
        steps.append(idempotency.store_row(asked, identity.actor, source, collection.id, record_id))


def _hash_passwords(form: WriteForm, values: dict[str, Value], hashes: Hashes) -> NeedsHash | None:
    """Put the hashes in the place of plain passwords, or say which one is missing."""
    for name in form.record.secrets:
        plain = values.get(name)
        if not plain:
            continue
        known = hashes.get(str(plain))
        if known is None:
            return NeedsHash(str(plain))
        values[name] = known
    return None


def _renew_for_email(
    snapshot: Snapshot, collection: Collection, record_id: str, changes: dict[str, Value]
) -> Step:
    """A new address ends all sessions.

    Whether it is new depends on the row, so the row's present address becomes a guard, and the
    plan is made again if it has changed.
    """
    table = quote_identifier(collection.table)
    old = snapshot.value(f'SELECT "email" FROM {table} WHERE "id" = ?', (record_id,))
    if old != changes[_EMAIL] and PASSWORD not in changes:
        changes[TOKEN_KEY] = ids.token_key()
    return require(
        f'SELECT 1 FROM {table} WHERE "id" = ? AND "email" IS ?',
        (record_id, old),
        refusal=REFUSED_AGAIN,
    )


def _another_superuser(collection: Collection, record_id: str) -> Step:
    """Whoever is deleted, somebody must be left who can log in."""
    table = quote_identifier(collection.table)
    return require(
        f'SELECT 1 FROM {table} WHERE "id" <> ? LIMIT 1',
        (record_id,),
        refusal=REFUSED_LAST,
    )
