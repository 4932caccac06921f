"""Several writes to record APIs of one database in one request, all or nothing, or one by one.

As one plan, an operation sees what those before it have written, so only the first is judged on the
worker's snapshot; all are judged in the writer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from shared.errors import QuillError, invalid
from shared.limits import API_OPERATIONS_MAX, API_OPERATIONS_SECONDS
from shared.schema.api import RecordApi, RecordApis
from shared.schema.catalog import Catalog
from worker.apis.draft import Draft, Planned
from worker.apis.names import require_api
from worker.apis.outcome import numbered
from worker.apis.submit import submit
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller, Origin, identity_in
from worker.records.plans import PlanCache
from worker.records.submit import Ask


class Verb(enum.Enum):
    """What an operation does; the values are how requests call it."""

    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """One write. `record_id`: of an update and a delete. `value`: of a create and an update."""

    verb: Verb
    api: str
    record_id: str = ""
    value: Mapping[str, object] = field(default_factory=dict)


async def execute(
    context: Context, operations: Sequence[Operation], origin: Origin, ask: Ask, *, atomic: bool
) -> list[str | None]:
    """The ids of the records, None where a record that was there stays, by the settings.

    `atomic`: all or nothing. Else one after the other; what precedes the first failure stays, and
    where the time is over no further one is begun: fewer ids than operations, the first always.
    Raises METHOD (no such API, a view), FORBIDDEN, NOT_FOUND, INVALID, whose text names the
    operation that fails, counted from 0.
    """
    if len(operations) > API_OPERATIONS_MAX:
        raise invalid(f"Batch size exceeds limit: {API_OPERATIONS_MAX}")
    if not operations:
        return []
    end = monotonic() + API_OPERATIONS_SECONDS
    await _check_database(context, operations)
    parts = [operations] if atomic else [[one] for one in operations]
    done: list[str | None] = []
    for part in parts:
        if done and monotonic() >= end:
            break
        done += await _submit(context, part, len(done), origin.caller, ask)
    return done


async def _submit(
    context: Context,
    operations: Sequence[Operation],
    first: int,
    caller: Caller | None,
    ask: Ask,
) -> list[str | None]:
    names = tuple(dict.fromkeys(one.api for one in operations))

    async def planner() -> Planned:
        return await context.apis.read_all(
            names, _plan, context.plans, operations, first, caller, transaction=True
        )

    return await submit(context, planner, ask)


def _plan(
    snapshot: Snapshot,
    catalog: Catalog,
    apis: RecordApis,
    plans: PlanCache,
    operations: Sequence[Operation],
    first: int,
    caller: Caller | None,
) -> Planned:
    """One read's work. `first`: the number of the first operation."""
    identity = identity_in(caller, snapshot, catalog)
    draft = Draft(snapshot, catalog, plans, identity, first=first)
    database = ""
    for index, one in enumerate(operations, first):
        try:
            api = require_api(apis, one.api)
            database = _same(database, api)
            draft.next_operation()
            _add(draft, api, one)
        except QuillError as error:
            raise numbered(index, error) from None
    return draft.planned(api)


def _add(draft: Draft, api: RecordApi, operation: Operation) -> None:
    if operation.verb is Verb.CREATE:
        draft.create(api, [operation.value], tells=True)
    elif operation.verb is Verb.UPDATE:
        draft.update(api, operation.record_id, operation.value)
    else:
        draft.delete(api, operation.record_id)


def _same(database: str, api: RecordApi) -> str:
    """The database of all operations so far, which has to be this one's, too."""
    if database not in ("", api.database):
        raise invalid("DB mismatch")
    return api.database


async def _check_database(context: Context, operations: Sequence[Operation]) -> None:
    """Before any is done, as one by one it would be too late. Raises METHOD, INVALID."""
    apis = await context.apis.current()
    database = ""
    for one in operations:
        database = _same(database, require_api(apis, one.api))
