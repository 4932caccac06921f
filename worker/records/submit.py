"""Plan → submit → judge the outcome, again where the world moved in between.

A plan is made anew when the writer knows a newer catalog, when the caller's record changed, or when
a row that the plan was chosen by did; after REPLANS_MAX times the client is told 409.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from shared.errors import Kind, QuillError
from shared.limits import REPLANS_MAX, WRITE_DEADLINE_SECONDS
from shared.messages.commands import Status
from shared.schema.collection import Collection
from shared.sql.plan import Plan
from worker.context import Context
from worker.engine.failures import SQLError
from worker.records.caller import REFUSED_AUTH
from worker.records.idempotency import REFUSED_SEEN, Idempotency, Stored
from worker.records.outcome import REFUSED_AGAIN, definition_failed, failed, refused
from worker.records.rules import failed_at_a_row


class Ask(NamedTuple):
    """What every write carries besides its own values."""

    request_id: str
    idempotency: Idempotency | None = None


class Planned(NamedTuple):
    """A plan ready to be submitted. `answer`: the result, where it is known beforehand."""

    plan: Plan
    actor: str
    collection: Collection | None
    answer: str | None = None


class NeedsHash(NamedTuple):
    """The plan cannot be made before this password is hashed, which is no work for the loop."""

    password: str


class Written(NamedTuple):
    """The outcome of a write: JSON text, empty for none. `replayed`: it is an earlier one's."""

    body: str
    replayed: bool


Hashes = dict[str, str]
Planner = Callable[[Hashes], Awaitable[Planned | NeedsHash | Stored]]
_PLAN_AGAIN: Final = frozenset({REFUSED_AUTH, REFUSED_AGAIN, REFUSED_SEEN})


async def submit_planned(
    context: Context,
    planner: Planner,
    ask: Ask,
    *,
    deadline_seconds: float = WRITE_DEADLINE_SECONDS,
) -> Written:
    """Apply what `planner` plans. Raises QuillError: its own, the refusal's, or CONFLICT."""
    hashes: Hashes = {}
    for _ in range(REPLANS_MAX + 1):
        try:
            planned = await planner(hashes)
            while isinstance(planned, NeedsHash):
                hashes[planned.password] = await context.passwords.hash(planned.password)
                planned = await planner(hashes)
        except SQLError as error:
            raise failed_at_a_row(error) from None
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
        _raise_unless_again(result.status, result.payload, planned)
    raise QuillError(
        Kind.CONFLICT,
        "The data kept changing while the request was processed; try again.",
        retry_after_seconds=1,
    )


def _raise_unless_again(status: Status, payload: object, planned: Planned) -> None:
    if status is Status.STALE or (status is Status.REFUSED and payload in _PLAN_AGAIN):
        return
    if status is Status.REFUSED:
        raise refused(payload)
    if status is Status.FAILED and planned.plan.changes_catalog:
        raise definition_failed(payload)
    if status is Status.FAILED:
        raise failed(payload, planned.collection)
    raise QuillError(Kind.INTERNAL, f"The writer answered {status.name}.")
