"""Plan → submit → tell: writes to record APIs on their way to the writer and back.

A plan is made anew when the writer knows a newer catalog, or when the caller changed; after
REPLANS_MAX times the client is told 409.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import orjson

from shared.errors import Kind, QuillError, forbidden
from shared.limits import REPLANS_MAX
from shared.logs import get_logger
from shared.messages.commands import Result, Status
from worker.apis.draft import Made, Planned
from worker.apis.ids import write_id
from worker.apis.outcome import failure, numbered
from worker.context import Context
from worker.engine.failures import SQLError
from worker.records.caller import REFUSED_AUTH
from worker.records.submit import Ask

Planner = Callable[[], Awaitable[Planned]]
_log: Final = get_logger()


async def submit(context: Context, planner: Planner, ask: Ask) -> list[str | None]:
    """Apply what `planner` plans: the id of each record, None where nothing was written.

    Raises QuillError: its own, the refusal's, or CONFLICT.
    """
    for _ in range(REPLANS_MAX + 1):
        try:
            planned = await planner()
        except SQLError as error:  # a rule that errors denies
            _log.warning("a rule fails", reason=str(error))
            raise forbidden() from None
        result = await context.writer.submit(
            planned.plan, request_id=ask.request_id, actor=planned.actor
        )
        if result.status is Status.OK:
            return _told(planned, result)
        if not _is_to_be_planned_again(result):
            raise _failure(planned, result)
    raise QuillError(
        Kind.CONFLICT,
        "The data kept changing while the request was processed; try again.",
        retry_after_seconds=1,
    )


def _is_to_be_planned_again(result: Result) -> bool:
    if result.status is Status.STALE:
        return True
    return result.status is Status.REFUSED and result.payload == REFUSED_AUTH


def _failure(planned: Planned, result: Result) -> QuillError:
    error = failure(result, planned.plan)
    index = bisect_right(planned.starts, result.step) - 1
    return numbered(planned.first + index, error) if index >= 0 else error


def _told(planned: Planned, result: Result) -> list[str | None]:
    """The ids, in the order of what was asked."""
    payload = result.payload
    given = [] if payload is None else orjson.loads(str(payload))
    results = iter(given if planned.plan.returns_all else [given])
    return [_id(one, results) for one in planned.made]


def _id(made: Made, results: Iterator[object]) -> str | None:
    if made.known is None:
        key = str(next(results))
        return write_id(bytes.fromhex(key)) if made.uuid else key
    return None if made.asks and not next(results) else made.known
