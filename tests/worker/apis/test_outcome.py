"""What a client is told of what the writer answers."""

from __future__ import annotations

import apsw
import pytest

from shared.errors import Kind
from shared.messages.commands import Result, Status
from shared.sql.api.write import REFUSED_DENIED, REFUSED_IGNORED, REFUSED_MISSING
from shared.sql.plan import Plan, require, run
from worker.apis.outcome import CONSTRAINTS, failure, numbered

PLAN = Plan(1, (require("SELECT 1", refusal=REFUSED_DENIED), run("DELETE FROM t")))


def told(status: Status, payload: object = None, step: int = 1) -> tuple[Kind, str]:
    """Kind and text of the error behind an outcome."""
    error = failure(Result(1, status, payload, step), PLAN)  # type: ignore[arg-type]
    return error.kind, error.message


@pytest.mark.parametrize("code", CONSTRAINTS)
def test_each_constraint_has_its_word(code: int) -> None:
    """The codes are SQLite's own, whose message is kept from the client."""
    assert code & 0xFF == apsw.SQLITE_CONSTRAINT
    found = told(Status.FAILED, [code, "UNIQUE constraint failed: t.secret"])
    assert found == (Kind.INVALID, f"db constraint: {CONSTRAINTS[code]}")


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        (apsw.SQLITE_MISMATCH, Kind.INVALID, "db constraint: data type"),
        (apsw.SQLITE_ERROR, Kind.INVALID, "rejected"),
        (apsw.SQLITE_TOOBIG, Kind.TOO_LARGE, "A value is too large to be stored."),
        (apsw.SQLITE_INTERRUPT, Kind.UNAVAILABLE, "The write took too long and was not applied."),
        (apsw.SQLITE_CORRUPT, Kind.INTERNAL, "The write failed."),
    ],
)
def test_other_failures(code: int, kind: Kind, text: str) -> None:
    """Those of a value are the client's, and the rest is ours."""
    assert told(Status.FAILED, [code, "why"]) == (kind, text)


def test_a_rule_that_fails_in_the_writer_denies() -> None:
    """Unless it was only too slow; and a deferred constraint is no rule, though no step is named."""
    assert told(Status.FAILED, [apsw.SQLITE_ERROR, "malformed JSON"], 0)[0] is Kind.FORBIDDEN
    assert told(Status.FAILED, [apsw.SQLITE_CONSTRAINT_CHECK, "x"], 0)[0] is Kind.FORBIDDEN
    assert told(Status.FAILED, [apsw.SQLITE_INTERRUPT, "x"], 0)[0] is Kind.UNAVAILABLE
    found = told(Status.FAILED, [apsw.SQLITE_CONSTRAINT_FOREIGNKEY, "x"], -1)
    assert found == (Kind.INVALID, "db constraint: fk")


def test_refusals() -> None:
    """Of a rule, of a record that is not there, of a trigger."""
    assert told(Status.REFUSED, REFUSED_DENIED, 0)[0] is Kind.FORBIDDEN
    assert told(Status.REFUSED, REFUSED_MISSING)[0] is Kind.NOT_FOUND
    assert told(Status.REFUSED, REFUSED_IGNORED) == (Kind.INVALID, "db constraint: trigger")
    assert told(Status.ERROR)[0] is Kind.INTERNAL


def test_only_a_text_tells_which_operation_it_was() -> None:
    """The other errors have no text for the client."""
    wrong = failure(Result(1, Status.FAILED, (apsw.SQLITE_ERROR, "x"), 1), PLAN)
    assert numbered(3, wrong).message == "operation 3: rejected"
    denied = failure(Result(1, Status.REFUSED, REFUSED_DENIED), PLAN)
    assert numbered(3, denied) is denied
