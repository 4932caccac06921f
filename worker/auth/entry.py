"""From a proven way to log in to a session, or to the second factor that is asked for first.

Each way to log in ends here with a Proof; this decides what it is good for. The proof is judged
again in the snapshot that the session is made in, and in the transaction where there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from shared.errors import Kind, QuillError, invalid
from shared.limits import REPLANS_MAX
from shared.messages.commands import Result, Status
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.sql.plan import Plan, Step
from worker.auth.admission import admit_record, wants_second_factor
from worker.auth.identity import identity_of_record, read_record
from worker.auth.mfa import REFUSED_MFA, Begun, begin_steps, finish_step, now, unknown_login
from worker.auth.session import Session, find_auth_collection, new_session
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in
from worker.records.outcome import failed

REFUSED_PROOF: Final = "proof"
"""The refusal of a proof's guard: what was proven is no longer so."""


class Proof(NamedTuple):
    """A record has passed a way to log in.

    `method`: the way's name, as `_mfas` stores it. `guard`: makes the guard (refusal REFUSED_PROOF)
    that what was proven still holds, for the collection as it is now. `mfa_id`: of the way that
    came first, `""` where this is the first.
    """

    record_id: str
    method: str
    guard: Callable[[Collection], Step]
    mfa_id: str = ""


class _Pending(NamedTuple):
    """What is to be written before the caller is told `outcome`."""

    plan: Plan
    outcome: Session | Begun


async def enter(
    context: Context, name: str, proof: Proof, origin: Origin, request_id: str
) -> Session | Begun:
    """What the proof gives its client.

    Raises NOT_FOUND, FORBIDDEN (authRule), INVALID (no longer so, or a useless `mfa_id`), CONFLICT,
    and what the writer link raises.
    """
    for _ in range(REPLANS_MAX + 1):
        entry = await context.reader.read(look, name, proof, origin, transaction=True)
        if isinstance(entry, Session):
            return entry
        result = await context.writer.submit(entry.plan, request_id=request_id)
        if result.status is Status.OK:
            return entry.outcome
        if result.status is not Status.STALE:
            raise _problem(result)
    raise QuillError(Kind.CONFLICT, "The schema kept changing; try again.", retry_after_seconds=1)


def look(
    snapshot: Snapshot, catalog: Catalog, name: str, proof: Proof, origin: Origin
) -> Session | _Pending:
    """The session of a proven record, or what has to be written first. Raises as `enter`."""
    collection = find_auth_collection(catalog, name)
    guard = proof.guard(collection)
    record = read_record(snapshot, collection, "id", proof.record_id)
    if record is None or snapshot.value(guard.sql, guard.params) is None:
        raise wrong()
    request = origin.request(identity_in(origin.caller, snapshot, catalog))
    admit_record(snapshot, catalog, collection, proof.record_id, request)
    identity = identity_of_record(collection, record)
    if not wants_second_factor(snapshot, catalog, collection, proof.record_id, request):
        return new_session(snapshot, catalog, collection, identity)
    outcome: Session | Begun
    if proof.mfa_id:
        _, method, _, mfa_id = proof
        step = finish_step(snapshot, collection, identity.id, method, mfa_id, now())
        steps: tuple[Step, ...] = (step,)
        outcome = new_session(snapshot, catalog, collection, identity)
    else:
        outcome, steps = begin_steps(collection, identity.id, proof.method, now())
    return _Pending(Plan(catalog.version, (guard, *steps)), outcome)


def wrong() -> QuillError:
    """The refusal of a login, which does not say what was wrong with it."""
    return invalid("Failed to authenticate.")


def _problem(result: Result) -> QuillError:
    if result.status is Status.REFUSED:
        return unknown_login() if result.payload == REFUSED_MFA else wrong()
    if result.status is Status.FAILED:
        return failed(result.payload, None)
    return QuillError(Kind.UNAVAILABLE, "The login could not be stored.")
