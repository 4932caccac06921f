"""What a plan's outcome means to who writes to a record API: refusals and SQLite's failures.

A write that a constraint keeps out is the client's affair, whichever it is and however it was sent:
400 with the kind of the constraint, and nothing of what other rows hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.errors import Kind, QuillError, forbidden, invalid, not_found
from shared.logs import get_logger
from shared.messages.commands import Result, Status
from shared.sql.api.write import REFUSED_DENIED, REFUSED_IGNORED, REFUSED_MISSING
from shared.sql.plan import Plan, StepKind

CONSTRAINTS: Final[Mapping[int, str]] = {
    275: "check",
    531: "commit hook",
    3091: "data type",
    787: "fk",
    1043: "function",
    1299: "not null",
    2835: "pinned",
    1555: "pk",
    2579: "row id",
    1811: "trigger",
    2067: "unique",
    2323: "vtab",
}
"""SQLite's extended result codes (sqlite.org/rescode.html)."""
_TRIGGER: Final = "trigger"
_ERROR, _INTERRUPT, _TOO_BIG, _CONSTRAINT, _MISMATCH = 1, 9, 18, 19, 20
_PRIMARY_CODE: Final = 0xFF
_GUARDS: Final = (StepKind.REQUIRE, StepKind.FORBID)
_log: Final = get_logger()


def failure(result: Result, plan: Plan) -> QuillError:
    """The error behind an outcome that is not OK, and cannot be mended by another plan."""
    if result.status is Status.REFUSED:
        return refused(str(result.payload))
    if result.status is not Status.FAILED:
        return QuillError(Kind.INTERNAL, f"The writer answered {result.status.name}.")
    payload = result.payload
    code, message = payload if isinstance(payload, list | tuple) else (_ERROR, "")
    at_guard = 0 <= result.step < len(plan.steps) and plan.steps[result.step].kind in _GUARDS
    return failed(int(code), str(message), at_guard=at_guard)


def numbered(index: int, error: QuillError) -> QuillError:
    """An error of one operation of several; only what has a text tells which one, from 0."""
    if error.kind is not Kind.INVALID:
        return error
    return invalid(f"operation {index}: {error.message}")


def refused(refusal: str) -> QuillError:
    """What a guard means that did not hold."""
    if refusal == REFUSED_DENIED:
        return forbidden()
    if refusal == REFUSED_MISSING:
        return not_found()
    if refusal == REFUSED_IGNORED:
        return _kept_out(_TRIGGER)
    return invalid("The request could not be applied.")


def failed(code: int, message: str, *, at_guard: bool) -> QuillError:
    """What SQLite's failure means. `at_guard`: it was a rule, and a rule that errors denies."""
    primary = code & _PRIMARY_CODE
    if primary == _INTERRUPT:
        return QuillError(
            Kind.UNAVAILABLE, "The write took too long and was not applied.", retry_after_seconds=1
        )
    if at_guard:
        _log.warning("a rule fails in the writer", reason=message)
        return forbidden()
    if primary in (_CONSTRAINT, _MISMATCH):
        return _kept_out(CONSTRAINTS.get(code, "data type" if primary == _MISMATCH else "check"))
    return _unkept(primary, code, message)


def _unkept(primary: int, code: int, message: str) -> QuillError:
    """What no constraint has kept out."""
    if primary == _TOO_BIG:
        return QuillError(Kind.TOO_LARGE, "A value is too large to be stored.")
    _log.warning("a write fails", code=code, reason=message)
    if primary == _ERROR:  # an expression of the table's or a trigger's fails on these values
        return invalid("rejected")
    return QuillError(Kind.INTERNAL, "The write failed.")


def _kept_out(constraint: str) -> QuillError:
    return invalid(f"db constraint: {constraint}")
