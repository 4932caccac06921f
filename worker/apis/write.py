"""Writing records of record APIs: permissions → plan → submit.

Planned first on whom the caller was when last looked up, where a guard in the writer finds out
whether he still is: that saves a look-up. Whatever fails that way is planned again on the caller as
he is, before anybody is told.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from shared.errors import QuillError, invalid
from shared.limits import API_BULK_RECORDS_MAX
from shared.schema.api import RecordApi
from shared.schema.catalog import Catalog
from shared.sql.api.write import AT_WRITER
from worker.apis.draft import Draft, Planned
from worker.apis.submit import Planner, submit
from worker.context import Context
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, Origin, identity_in
from worker.records.plans import PlanCache
from worker.records.submit import Ask

_Add = Callable[[Draft, RecordApi], None]


async def create_records(
    context: Context, api: str, values: Sequence[Mapping[str, object]], origin: Origin, ask: Ask
) -> list[str]:
    """Insert records, all or none; their ids. A record that was there may stay, by the settings.

    Raises METHOD (no such API, a view), FORBIDDEN, INVALID.
    """
    if not values:
        raise invalid("no values provided")
    if len(values) > API_BULK_RECORDS_MAX:
        raise invalid(f"Bulk creation exceeds limit: {API_BULK_RECORDS_MAX}")
    found = await _write(context, api, lambda draft, one: draft.create(one, values), origin, ask)
    return [one or "" for one in found]


async def update_record(
    context: Context,
    api: str,
    record_id: str,
    values: Mapping[str, object],
    origin: Origin,
    ask: Ask,
) -> None:
    """Change a record.

    Raises METHOD (no such API, a view), FORBIDDEN, NOT_FOUND, INVALID. Where a rule decides, a
    record that is not there is forbidden like one that may not be changed.
    """
    await _write(context, api, lambda draft, one: draft.update(one, record_id, values), origin, ask)


async def delete_record(
    context: Context, api: str, record_id: str, origin: Origin, ask: Ask
) -> None:
    """Delete a record. Raises as `update_record`."""
    await _write(context, api, lambda draft, one: draft.delete(one, record_id), origin, ask)


def _write(
    context: Context, api: str, add: _Add, origin: Origin, ask: Ask
) -> Awaitable[list[str | None]]:
    return submit(context, _planner(context, api, add, origin.caller), ask)


def _planner(context: Context, api: str, add: _Add, caller: Caller | None) -> Planner:
    trusting = caller is not None

    async def planner() -> Planned:
        nonlocal trusting
        if trusting and caller is not None:
            trusting = False
            try:
                planned = await context.apis.read(api, _plan_trusting, context.plans, add, caller)
            except (QuillError, SQLError):
                planned = None
            if planned is not None:
                return planned
        return await context.apis.read(
            api, _plan, context.plans, add, caller, transaction=caller is not None
        )

    return planner


def _plan_trusting(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    add: _Add,
    caller: Caller,
) -> Planned | None:
    """By whom the caller was, None where that is not known, or no guard can ask whether he is."""
    identity = caller.remembered(catalog) if api.database == AT_WRITER else None
    if identity is None:
        return None
    draft = Draft(snapshot, catalog, plans, identity)
    add(draft, api)
    return draft.planned(api)


def _plan(
    snapshot: Snapshot,
    catalog: Catalog,
    api: RecordApi,
    plans: PlanCache,
    add: _Add,
    caller: Caller | None,
) -> Planned:
    """One read's work."""
    draft = Draft(snapshot, catalog, plans, identity_in(caller, snapshot, catalog))
    add(draft, api)
    return draft.planned(api)
