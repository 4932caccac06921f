"""Creating, changing and deleting collections: catalog row and DDL as one plan.

Every rule of the new catalog is compiled before anything is sent, so a catalog that workers could
not serve is never committed. The plan names the version it was made for, and the writer refuses it
when another change came first; so nothing else needs to be guarded but the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

import orjson

from shared.access.identity import Identity
from shared.dates import now_text
from shared.errors import FieldError, Kind, QuillError, forbidden, invalid
from shared.limits import CATALOG_DEADLINE_SECONDS
from shared.schema.catalog import Catalog
from shared.schema.collection import RULE_ATTRIBUTES, Collection
from shared.schema.definition import read_definition
from shared.schema.system import delete_row, insert_row, update_row
from shared.schema.table import alter_table, create_table, drop_table
from shared.sql.conditions import check_rule
from shared.sql.plan import Plan, Step, run
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records import idempotency
from worker.records.caller import Caller, caller_guards, identity_in
from worker.records.idempotency import Stored
from worker.records.read import find_readable
from worker.records.submit import Ask, Hashes, Planned, Written, submit_planned

_INVALID_RULE: Final = "validation_invalid_rule"


def require_superuser(identity: Identity) -> None:
    """Raises UNAUTHENTICATED for a guest, FORBIDDEN for any other record."""
    if identity.superuser:
        return
    if not identity.collection_id:
        raise QuillError(
            Kind.UNAUTHENTICATED, "The request requires valid record authorization token."
        )
    raise forbidden("The authorized record is not allowed to perform this action.")


async def create_collection(
    context: Context, body: Mapping[str, object], caller: Caller | None, ask: Ask
) -> Written:
    """Define a collection and make its table. The answer is its definition."""
    return await _submit(context, partial(_plan_create, body=body), caller, ask)


async def update_collection(
    context: Context, name: str, body: Mapping[str, object], caller: Caller | None, ask: Ask
) -> Written:
    """Change a collection and its table. The answer is its definition."""
    return await _submit(context, partial(_plan_update, name=name, body=body), caller, ask)


async def delete_collection(
    context: Context, name: str, caller: Caller | None, ask: Ask
) -> Written:
    """Drop a collection with all its records. No answer."""
    return await _submit(context, partial(_plan_delete, name=name), caller, ask)


def check_all_rules(catalog: Catalog) -> None:
    """Compile every rule of a catalog that is to be. Raises INVALID naming the first that fails."""
    for collection in catalog.all():
        for key, attribute in RULE_ATTRIBUTES.items():
            rule = getattr(collection, attribute)
            problem = check_rule(collection, rule) if rule else None
            if problem is not None:
                message = f"{collection.name}: {problem}"
                raise invalid("A rule does not compile.", {key: FieldError(_INVALID_RULE, message)})


# --- Planning ---------------------------------------------------------------------------------

_Made = tuple[list[Step], Collection, str]
"""Steps, the collection that failures are told about, and the answer."""


async def _submit(
    context: Context, make: partial[_Made], caller: Caller | None, ask: Ask
) -> Written:
    async def planner(_: Hashes) -> Planned | Stored:
        return await context.reader.read(_plan, make, caller, ask, transaction=True)

    return await submit_planned(context, planner, ask, deadline_seconds=CATALOG_DEADLINE_SECONDS)


def _plan(
    snapshot: Snapshot, catalog: Catalog, make: partial[_Made], caller: Caller | None, ask: Ask
) -> Planned | Stored:
    identity = identity_in(caller, snapshot, catalog)
    require_superuser(identity)
    steps: list[Step] = [*caller_guards(identity)]
    asked = ask.idempotency
    if asked is not None:
        stored = idempotency.find_stored(snapshot, asked, identity.actor)
        if stored is not None:
            return stored
        steps.append(idempotency.guard(asked, identity.actor))
    made, collection, answer = make(catalog)
    steps += made
    if asked is not None:
        steps.append(idempotency.store(asked, identity.actor, answer))
    plan = Plan(catalog.version, tuple(steps), changes_catalog=True)
    return Planned(plan, identity.actor, collection, answer)


def _plan_create(catalog: Catalog, *, body: Mapping[str, object]) -> _Made:
    new = read_definition(dict(body), None, catalog, now_text(), check_rule)
    check_all_rules(Catalog(catalog.version, [*catalog.all(), new]))
    return [*map(run, create_table(new)), run(*insert_row(new))], new, _answer(new)


def _plan_update(catalog: Catalog, *, name: str, body: Mapping[str, object]) -> _Made:
    old = find_readable(catalog, name)
    new = read_definition(dict(body), old, catalog, now_text(), check_rule)
    others = [other for other in catalog.all() if other.id != old.id]
    check_all_rules(Catalog(catalog.version, [*others, new]))
    return [*map(run, alter_table(old, new)), run(*update_row(new))], new, _answer(new)


def _plan_delete(catalog: Catalog, *, name: str) -> _Made:
    old = find_readable(catalog, name)
    if old.system:
        raise invalid("System collections cannot be deleted.")
    referring = sorted(
        {other.name for other, _ in catalog.references_to(old) if other.id != old.id}
    )
    if referring:
        raise invalid(
            f"Failed to delete the collection: it is referenced by {', '.join(referring)}."
        )
    return [*map(run, drop_table(old)), run(*delete_row(old))], old, ""


def _answer(collection: Collection) -> str:
    return orjson.dumps(collection.to_json()).decode()
