"""Plan → submit → judge the outcome, again where the world moved in between.

A plan is made anew when the writer knows a newer catalog, when the caller's record changed, or when
a row that the plan was chosen by did; after REPLANS_MAX times the client is told 409.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from shared.errors import Kind, QuillError
from shared.limits import REPLANS_MAX, WRITE_DEADLINE_SECONDS
from shared.messages.commands import Result, Status
from shared.schema.collection import Collection
from shared.sql.plan import Plan
from worker.context import Context
from worker.engine.failures import SQLError
from worker.records.auth_records import NeedsProof, Proofs
from worker.records.caller import REFUSED_AUTH
from worker.records.idempotency import REFUSED_SEEN, Idempotency, Stored
from worker.records.outcome import REFUSED_AGAIN, definition_failed, failed, refused
from worker.records.rules import failed_at_a_row


class Ask(NamedTuple):
    """What every write carries besides its own values."""

    request_id: str
    idempotency: Idempotency | None = None


class Place(NamedTuple):
    """One request of a batch: the place of its first step in the plan, and what it writes to."""

    first: int
    collection: Collection | None


class Planned(NamedTuple):
    """A plan ready to be submitted.

    `answer`: the result, where it is known beforehand.  `places`: of a batch, its requests.
    `failure`: why the last of them could not be planned; the plan then only finds out whether an
    earlier one fails before it, and its last guard never holds.
    """

    plan: Plan
    actor: str
    collection: Collection | None
    answer: str | None = None
    places: Sequence[Place] = ()
    failure: QuillError | None = None

    def index_of(self, step: int) -> int:
        """Which request of a batch the step belongs to, -1 for none."""
        return bisect_right(self.places, step, key=lambda place: place.first) - 1


class NeedsHash(NamedTuple):
    """The plan cannot be made before this password is hashed, which is no work for the loop."""

    password: str


Needs = Sequence[NeedsHash | NeedsProof]


@dataclass(slots=True)
class Secrets:
    """What has been worked out off the event loop for a plan: passwords hashed, and verified."""

    hashes: dict[str, str] = field(default_factory=dict)
    proofs: Proofs = field(default_factory=dict)


class BatchFailedError(Exception):
    """A request of a batch fails, and so does the batch. `index`: which one, from 0."""

    def __init__(self, index: int, cause: QuillError) -> None:
        super().__init__(cause.message)
        self.index = index
        self.cause = cause


class Written(NamedTuple):
    """The outcome of a write: JSON text, empty for none. `replayed`: it is an earlier one's."""

    body: str
    replayed: bool


Planner = Callable[[Secrets], Awaitable[Planned | Needs | Stored]]
REFUSED_PLANNING: Final = "planning"
"""The refusal of the guard that ends a plan with a `failure`."""
_PLAN_AGAIN: Final = frozenset({REFUSED_AUTH, REFUSED_AGAIN, REFUSED_SEEN})
_SHARED_FAULTS: Final = frozenset({Kind.INTERNAL, Kind.UNAVAILABLE})


async def submit_planned(
    context: Context,
    planner: Planner,
    ask: Ask,
    *,
    deadline_seconds: float = WRITE_DEADLINE_SECONDS,
    again: Callable[[Planned, Result], int] | None = None,
) -> Written:
    """Apply what `planner` plans.

    `again` hears of a plan that has to be made anew, and may grant more attempts: so many.
    Raises QuillError (its own, the refusal's, or CONFLICT) and BatchFailedError.
    """
    secrets = Secrets()
    attempts = REPLANS_MAX + 1
    while attempts:
        attempts -= 1
        planned = await _planned(context, planner, secrets)
        if isinstance(planned, Stored):
            return Written(planned.response, replayed=True)
        result = await context.writer.submit(
            planned.plan,
            request_id=ask.request_id,
            actor=planned.actor,
            deadline_seconds=deadline_seconds,
        )
        if result.status is Status.OK:
            body = result.payload if planned.answer is None else planned.answer
            return Written(str(body or ""), replayed=False)
        _raise_unless_again(result, planned)
        if again is not None:
            attempts += again(planned, result)
    raise QuillError(
        Kind.CONFLICT,
        "The data kept changing while the request was processed; try again.",
        retry_after_seconds=1,
    )


async def _planned(context: Context, planner: Planner, secrets: Secrets) -> Planned | Stored:
    """The plan, with whatever it needs worked out."""
    while True:
        try:
            planned = await planner(secrets)
        except SQLError as error:
            raise failed_at_a_row(error) from None
        if isinstance(planned, Planned | Stored):
            return planned
        for need in planned:
            if isinstance(need, NeedsHash):
                secrets.hashes[need.password] = await context.passwords.hash(need.password)
            else:
                proved = await context.passwords.verify(need.stored, need.password)
                secrets.proofs[need] = proved


def _raise_unless_again(result: Result, planned: Planned) -> None:
    status, payload = result.status, result.payload
    if status is Status.STALE or (status is Status.REFUSED and payload in _PLAN_AGAIN):
        return
    if status not in (Status.REFUSED, Status.FAILED):
        raise QuillError(Kind.INTERNAL, f"The writer answered {status.name}.")
    index = planned.index_of(result.step)
    if payload == REFUSED_PLANNING and planned.failure is not None:
        raise BatchFailedError(index, planned.failure)
    collection = planned.places[index].collection if index >= 0 else planned.collection
    if status is Status.REFUSED:
        error = refused(payload, collection)
    elif planned.plan.changes_catalog:
        error = definition_failed(payload)
    else:
        error = failed(payload, collection)
    if index < 0 or error.kind in _SHARED_FAULTS:
        raise error
    raise BatchFailedError(index, error)
