"""Publishing by a superuser: check the messages against the catalog, plan, submit, and once only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.schema.catalog import Catalog
from shared.sql.message import message_steps
from shared.sql.plan import Plan, Step
from worker.catalog.collections import require_superuser
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.realtime.publishing.message import check_count, make_message
from worker.records import idempotency
from worker.records.caller import Origin, caller_guards, identity_in
from worker.records.idempotency import Stored
from worker.records.submit import Ask, Planned, Secrets, Written, submit_planned

Wish = Mapping[str, object]
"""`{"topic", "data"}` as it came; without data it is null."""


async def publish(
    context: Context, wishes: Sequence[tuple[str, Wish]], origin: Origin, ask: Ask
) -> Written:
    """Publish all of them in one plan, in their order. No answer.

    `wishes`: each with its place among the others, for the errors.
    Raises UNAUTHENTICATED, FORBIDDEN, INVALID, TOO_LARGE, and as every write.
    """

    async def planner(_: Secrets) -> Planned | Stored:
        return await context.reader.read(_plan, wishes, origin, ask)

    return await submit_planned(context, planner, ask)


def _plan(
    snapshot: Snapshot,
    catalog: Catalog,
    wishes: Sequence[tuple[str, Wish]],
    origin: Origin,
    ask: Ask,
) -> Planned | Stored:
    identity = identity_in(origin.caller, snapshot, catalog)
    require_superuser(identity)
    steps: list[Step] = [*caller_guards(identity)]
    asked = ask.idempotency
    if asked is not None:
        stored = idempotency.find_stored(snapshot, asked, identity.actor)
        if stored is not None:
            return stored
        steps.append(idempotency.guard(asked, identity.actor))
    check_count(wishes)
    steps += message_steps(
        [
            make_message(catalog, wish.get("topic"), wish.get("data"), place)
            for place, wish in wishes
        ]
    )
    if asked is not None:
        steps.append(idempotency.store(asked, identity.actor, ""))
    return Planned(Plan(catalog.version, tuple(steps)), identity.actor, None, "")
