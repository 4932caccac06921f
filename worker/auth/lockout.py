"""The lockout: how many wrong passwords one identity may be tried with, over all workers.

At most LOCKOUT_FAILURES, with no pause of LOCKOUT_SECONDS between them.

An attempt is *reserved* by a write before its password is verified, so that guesses made in
parallel, on whichever workers, are counted before any of them is answered. A right password clears
the count. Unknown identities are counted like known ones, so the lockout tells nothing.
"""

from __future__ import annotations

import hashlib
import time
from typing import Final

from shared.errors import Kind, QuillError
from shared.limits import LOCKOUT_FAILURES, LOCKOUT_SECONDS, REPLANS_MAX
from shared.messages.commands import Status
from shared.schema.catalog import Catalog
from shared.sql.plan import Plan, Step, returning, run
from worker.context import Context
from worker.engine.snapshot import Snapshot

_KEY_CHARS_MAX: Final = 200
_MS: Final = 1_000
REFUSED_LOCKED: Final = "locked"

# One row an identity: failures so far, and until when they count. A row whose time has passed
# starts again; a full one is left alone, so that the step changes nothing and refuses.
_RESERVE: Final = (
    "INSERT INTO _attempts AS a (key, failures, until) VALUES (?1, 1, ?3) "
    "ON CONFLICT (key) DO UPDATE SET "
    "failures = CASE WHEN a.until <= ?2 THEN 1 ELSE a.failures + 1 END, until = ?3 "
    "WHERE a.until <= ?2 OR a.failures < ?4 RETURNING failures"
)
_CLEAR: Final = "DELETE FROM _attempts WHERE key = ?"
_UNTIL: Final = "SELECT until FROM _attempts WHERE key = ?"


def attempt_key(collection_id: str, identity: str) -> str:
    """Key of the counter: short, and the same however the identity is capitalised."""
    folded = identity.strip().lower()
    if len(folded) > _KEY_CHARS_MAX:
        folded = hashlib.sha256(folded.encode()).hexdigest()
    return f"{collection_id}|{folded}"


def reserve_plan(catalog_version: int, key: str, now_ms: int) -> Plan:
    """Counts one attempt, or refuses with `locked`."""
    until = now_ms + int(LOCKOUT_SECONDS * _MS)
    params = (key, now_ms, until, LOCKOUT_FAILURES)
    return Plan(catalog_version, (returning(_RESERVE, params, refusal=REFUSED_LOCKED),))


def clear_step(key: str) -> Step:
    """Forgets the attempts of an identity."""
    return run(_CLEAR, (key,))


async def reserve(context: Context, key: str, request_id: str) -> None:
    """Count one attempt in the cluster. Raises TOO_MANY when there were too many."""
    plan = reserve_plan(context.main.catalog_version, key, int(time.time() * _MS))
    status = await _apply(context, plan, request_id)
    if status is Status.REFUSED:
        raise QuillError(
            Kind.TOO_MANY,
            "Too many failed login attempts; try again later.",
            retry_after_seconds=await context.reader.read(seconds_left, key, time.time()),
        )


def seconds_left(snapshot: Snapshot, _: Catalog, key: str, now: float) -> float:
    """How long the identity is still locked.

    The whole window where the row says nothing: it may be as young as the batch that refused us.
    """
    until = snapshot.value(_UNTIL, (key,))
    left = int(str(until)) / _MS - now if until is not None else 0.0
    return left if left > 0 else LOCKOUT_SECONDS


async def clear(context: Context, key: str, request_id: str) -> None:
    """Forget the attempts of an identity after a right password."""
    await apply_anyway(context, (clear_step(key),), request_id)


async def apply_anyway(context: Context, steps: tuple[Step, ...], request_id: str) -> None:
    """Apply steps that fit every version of the catalog."""
    await _apply(context, Plan(context.main.catalog_version, steps), request_id)


async def _apply(context: Context, plan: Plan, request_id: str) -> Status:
    """Submit; the statements fit every catalog, so a stale plan only needs the new version."""
    for _ in range(REPLANS_MAX + 1):
        result = await context.writer.submit(plan, request_id=request_id)
        if result.status in (Status.OK, Status.REFUSED):
            return result.status
        if result.status is not Status.STALE:
            break
        plan = Plan(context.main.catalog_version, plan.steps)
    raise QuillError(Kind.UNAVAILABLE, "The login attempt could not be counted.")
