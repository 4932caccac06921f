"""How an operation goes wrong: what is raised on the way, and the Result that it becomes.

Most of it ends as the Result of that one operation (`writer.apply`). What harms the others of its
batch, or calls for a second try, is an exception that `writer.engine` and `writer.batch` handle.
"""

from __future__ import annotations

from typing import TypeVar

import apsw

from shared.logs import get_logger
from shared.messages.commands import Operation, Result, Status
from shared.sqlite.failures import code_and_text, is_ours

log = get_logger()

_Error = TypeVar("_Error", bound=apsw.Error)


class TransactionLostError(Exception):
    """An operation took the whole transaction with it; nothing of the batch is committed.

    `result`: its own outcome. `place`: where it stands in its batch. `slow`: it was cut off after
    the short time that a batch with others allows, and deserves a second try alone.
    """

    def __init__(self, result: Result, *, slow: bool) -> None:
        super().__init__(str(result.payload))
        self.result = result
        self.place = 0
        self.slow = slow


class SlowGuardError(Exception):
    """A guard was cut off by its time limit, or the steps of a plan by theirs, between two of them.

    Nothing was broken off that writes, so the others of its batch stand. In a batch with others the
    time is short, and the operation deserves a second try alone.
    """

    def __init__(self, error: apsw.InterruptError) -> None:
        super().__init__(str(error))
        self.error = error


class RefusedError(Exception):
    """A guard said no."""


class NotAllowedError(Exception):
    """A statement that has no place in such a plan."""


def as_sqlite(kind: type[_Error], code: int, text: str) -> _Error:
    """What SQLite itself raises with this code."""
    error = kind(text)
    for name in ("result", "extendedresult"):
        setattr(error, name, code)
    return error


def failure(operation: Operation, error: apsw.Error, place: int) -> Result:
    """SQLite refused the step at `place`; what its driver refused before is our fault."""
    if is_ours(error):
        return fault(operation, error)
    return Result(operation.seq, Status.FAILED, code_and_text(error), place)


def fault(operation: Operation, error: Exception) -> Result:
    """It should never have been sent so: told in the log, and its caller learns nothing more."""
    log.error(
        "operation is at fault",
        request_id=operation.request_id,
        actor=operation.actor,
        error=repr(error),
    )
    return Result(operation.seq, Status.ERROR)


def not_ok(result: Result) -> Result:
    """A statement that ended the transaction without an error has still done harm."""
    return Result(result.seq, Status.ERROR) if result.status is Status.OK else result
