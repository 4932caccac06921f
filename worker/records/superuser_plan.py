"""Plans that only superusers may ask for: who asks, a retry of a former one, the steps, the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared.access.identity import Identity
from shared.errors import Kind, QuillError, forbidden
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Plan, Step
from worker.engine.snapshot import Snapshot
from worker.records import idempotency
from worker.records.caller import Origin, caller_guards, identity_in
from worker.records.idempotency import Stored
from worker.records.submit import Ask, Planned


class Made(NamedTuple):
    """A plan's steps, the collection that failures are told about, and the answer."""

    steps: Sequence[Step]
    collection: Collection | None
    answer: str
    changes_catalog: bool = True


Make = Callable[[Catalog], Made]


def require_superuser(identity: Identity) -> None:
    """Raises UNAUTHENTICATED for a guest, FORBIDDEN for any other record."""
    if identity.superuser:
        return
    if not identity.collection_id:
        raise QuillError(
            Kind.UNAUTHENTICATED, "The request requires valid record authorization token."
        )
    raise forbidden("The authorized record is not allowed to perform this action.")


def superuser_plan(
    snapshot: Snapshot, catalog: Catalog, make: Make, origin: Origin, ask: Ask
) -> Planned | Stored:
    """The plan that `make` makes of the catalog, for a superuser and once only under a key.

    Raises UNAUTHENTICATED, FORBIDDEN, and what `make` raises.
    """
    identity = identity_in(origin.caller, snapshot, catalog)
    require_superuser(identity)
    steps: list[Step] = [*caller_guards(identity)]
    asked = ask.idempotency
    if asked is not None:
        stored = idempotency.find_stored(snapshot, asked, identity.actor)
        if stored is not None:
            return stored
        steps.append(idempotency.guard(asked, identity.actor))
    made = make(catalog)
    steps += made.steps
    if asked is not None:
        steps.append(idempotency.store(asked, identity.actor, made.answer))
    plan = Plan(catalog.version, tuple(steps), changes_catalog=made.changes_catalog)
    return Planned(plan, identity.actor, made.collection, made.answer)
