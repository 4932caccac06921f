"""Apply one operation inside the batch's transaction: guards, then statements, all or nothing.

Each operation has a savepoint, which is not always enough: RAISE(ROLLBACK), ON CONFLICT ROLLBACK,
an interrupted write and some errors end the whole transaction, and deferred foreign keys would
fail everybody's COMMIT. So after each operation it is checked that the transaction stands.
"""

from __future__ import annotations

import time
from typing import Final

import apsw

from shared import failpoints, limits
from shared.messages.commands import Operation, Result, Status
from shared.sql.plan import Bulk, Step, StepKind, Value
from shared.sqlite.failures import is_interrupt
from writer.bulk import broken_references
from writer.capture import Capture
from writer.console import ConsoleError, run_console
from writer.outcomes import (
    NotAllowedError,
    RefusedError,
    SlowGuardError,
    TransactionLostError,
    as_sqlite,
    failure,
    fault,
    not_ok,
)
from writer.time_limits import GUARD_NS, SHARED_NS, UNLIMITED_NS, Budget, PlanClock, time_left

_DATA_WORDS: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES"}
)
_SCHEMA_WORDS: Final = frozenset({"CREATE", "ALTER", "DROP", "REINDEX", "ANALYZE"})
_KNOWN_STATEMENTS_MAX: Final = 4_096
# The library's enums cost 50 ns a look (m), and every step takes several.
_REQUIRE: Final = StepKind.REQUIRE
_FORBID: Final = StepKind.FORBID
_RETURN: Final = StepKind.RETURN
_OK: Final = Status.OK
_FOREIGN_KEY: Final = (apsw.SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed")


class _Together:
    """The results of a plan that wants all of them, and the time that all its steps share.

    Many statements, each within its time, would hold up everybody else's as one long one does.
    """

    __slots__ = ("_ends_ns", "_results", "_size")

    def __init__(self, allowed_ns: int) -> None:
        self._ends_ns = time.monotonic_ns() + allowed_ns
        self._results: list[str] = []
        self._size = 0

    def add(self, result: Value) -> None:
        """After each step. Raises SlowGuardError, apsw.TooBigError."""
        if result is not None:
            text = str(result)
            self._results.append(text)
            self._size += len(text)
            if self._size > limits.PLAN_RESULT_CHARS_MAX:
                raise as_sqlite(apsw.TooBigError, apsw.SQLITE_TOOBIG, "results too big")
        if time.monotonic_ns() > self._ends_ns:
            interrupted = as_sqlite(apsw.InterruptError, apsw.SQLITE_INTERRUPT, "interrupted")
            raise SlowGuardError(interrupted)

    def payload(self) -> str:
        """A JSON array."""
        return f"[{','.join(self._results)}]"


class Applier:
    """Applies operations over one connection, which is inside a transaction."""

    def __init__(self, connection: apsw.Connection, capture: Capture) -> None:
        self._connection = connection
        self._capture = capture
        self._budget = Budget(connection)
        self._execute = connection.cursor().execute
        self._known: set[str] = set()
        self._place = 0

    def apply(self, operation: Operation, *, alone: bool) -> Result:
        """Run one operation. `alone`: its statements and guards may take their full time.

        Raises TransactionLostError, SlowGuardError (nothing of it is left), apsw.FullError.
        """
        if failpoints.ACTIVE:
            failpoints.reach("writer.before_operation")
        connection, capture = self._connection, self._capture
        mark = len(capture.events)
        interrupted = False
        self._execute("SAVEPOINT o")
        try:
            payload = self._run(operation, alone=alone)
            result = Result(operation.seq, _OK, payload)
        except RefusedError as refusal:
            result = Result(operation.seq, Status.REFUSED, str(refusal), self._place)
        except apsw.FullError:
            raise
        except apsw.Error as error:
            interrupted = is_interrupt(error)
            result = failure(operation, error, self._place)
        except SlowGuardError as slow:
            interrupted = True
            result = self._put_off(operation, mark, slow, alone=alone)
        except (TypeError, ValueError, OverflowError, NotAllowedError) as error:
            result = fault(operation, error)
        if not connection.in_transaction:
            raise TransactionLostError(not_ok(result), slow=interrupted and not alone)
        if result.status is _OK:
            if not connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
                self._execute("RELEASE o")
                return result
            result = Result(operation.seq, Status.FAILED, _FOREIGN_KEY)
        self._undo(operation, mark)
        return result

    def lift_limits(self) -> None:
        """The writer's own statements follow, which may take their time."""
        self._budget.start(UNLIMITED_NS)

    def _put_off(
        self, operation: Operation, mark: int, slow: SlowGuardError, *, alone: bool
    ) -> Result:
        """Raise it again where a second try is due; else it has failed."""
        if alone or not self._connection.in_transaction:
            return failure(operation, slow.error, self._place)
        self._undo(operation, mark)
        raise slow

    def _undo(self, operation: Operation, mark: int) -> None:
        self._capture.cut(mark)
        self._execute("ROLLBACK TO o")
        self._execute("RELEASE o")
        if operation.plan.changes_catalog or operation.plan.bulk is not None:
            self._capture.reload()

    def _run(self, operation: Operation, *, alone: bool) -> Value:
        """All steps; the value of the last RETURN, or those of all."""
        plan = operation.plan
        if plan.changes_catalog or plan.bulk is not None:
            return self._define(operation)
        allowed_ns, guard_ns = SHARED_NS, GUARD_NS
        if alone:
            allowed_ns = guard_ns = time_left(operation)
        together = _Together(allowed_ns) if plan.returns_all else None
        payload: Value = None
        for self._place, step in enumerate(plan.steps):
            if step.sql not in self._known:
                if step.kind is StepKind.PUBLISH:  # its SQL is empty and never known
                    self._publish(step)
                    continue
                if step.kind is StepKind.CONSOLE:
                    self._budget.start(allowed_ns)
                    payload = self._console(step, defines=False)
                    continue
                self._meet(step.sql)
            kind = step.kind
            if kind is _REQUIRE or kind is _FORBID:
                self._guard(step, guard_ns)
            else:
                self._budget.start(allowed_ns)
                payload = self._change(step, payload)
            if together is not None:
                together.add(payload if kind is _RETURN else None)
        if self._capture.catalog_touched:
            raise NotAllowedError("a plan that does not say so changes the catalog")
        return payload if together is None else together.payload()

    def _define(self, operation: Operation) -> Value:
        """Steps of a catalog change or a bulk plan, which is alone in its batch.

        A definition has until its deadline, and its guards have less: the query of a new view may
        never end, and they are where it runs. All of a bulk plan shares its own seconds.
        Where it fails, `_undo` or the engine makes the capture listen as usual again.
        """
        capture, plan = self._capture, operation.plan
        clock = PlanClock(operation)
        capture.begin_definition()
        moved = False
        payload: Value = None
        for self._place, step in enumerate(plan.steps):
            if step.kind in (_REQUIRE, _FORBID):
                self._guard(step, clock.left_ns(guard=True))
                continue
            if step.kind is StepKind.PUBLISH:
                self._publish(step)
                continue
            if step.kind is StepKind.CONSOLE:
                self._budget.start(clock.left_ns())
                payload = self._console(step, defines=plan.changes_catalog)
                continue
            word = _first_word(step.sql)
            if word in _SCHEMA_WORDS and plan.changes_catalog:
                moved = True
            elif word not in _DATA_WORDS:
                raise NotAllowedError(f"{word} has no place in such a plan")
            elif moved or capture.catalog_touched:
                capture.learn()
                moved = capture.catalog_touched = False
            self._budget.start(clock.left_ns())
            payload = self._change(step, payload)
            if capture.catalog_touched and not plan.changes_catalog:
                raise NotAllowedError("a plan that does not say so changes the catalog")
        self._check_references(plan.bulk, clock)
        capture.end_definition()
        return payload

    def _check_references(self, bulk: Bulk | None, clock: PlanClock) -> None:
        """What SQLite did not check on the way. Raises apsw.Error."""
        if bulk is None:
            return
        self._budget.start(clock.left_ns())
        if not bulk.foreign_keys and (broken := broken_references(self._connection)):
            self._place = -1
            text = f"FOREIGN KEY constraint failed: {broken}"
            raise as_sqlite(apsw.ConstraintError, apsw.SQLITE_CONSTRAINT_FOREIGNKEY, text)

    def _guard(self, step: Step, allowed_ns: int) -> None:
        """One row tells enough: to look for a second may take long, or fail.

        What is left open is ended by whatever runs next on our cursor. A cursor of its own for each
        guard, to be closed, would cost 0.3 µs more (m).
        """
        self._budget.start(allowed_ns)
        try:
            found = self._execute(step.sql, step.params).fetchone() is not None
        except apsw.InterruptError as error:
            raise SlowGuardError(error) from error
        if found is (step.kind is _FORBID):
            raise RefusedError(step.refusal)

    def _change(self, step: Step, payload: Value) -> Value:
        """Run to the end, since SQLite checks immediate foreign keys only there."""
        rows = self._execute(step.sql, step.params).fetchall()
        if step.kind is _RETURN:
            if rows:
                value: Value = rows[0][0]
                return value
            payload = None
        if step.refusal and not (rows or self._has_changed(step)):
            raise RefusedError(step.refusal)
        return payload

    def _console(self, step: Step, *, defines: bool) -> Value:
        """Statements of the console, within the budget that is started."""
        self._execute("")  # a guard left open there would keep its table from being dropped
        try:
            over = self._budget.is_over
            return run_console(self._connection, self._capture, step, over, defines=defines)
        except ConsoleError as error:
            if error.interrupted:
                interrupted = as_sqlite(apsw.InterruptError, error.code, str(error))
                raise SlowGuardError(interrupted) from None
            raise as_sqlite(apsw.SQLError, error.code, str(error)) from None

    def _publish(self, step: Step) -> None:
        """One more event, which shares the fate of the operation's rows."""
        topic, data = step.params
        if not isinstance(topic, str) or not isinstance(data, str):
            raise TypeError("a message is a topic and JSON text")
        if not self._capture.publish(topic, data):
            raise RefusedError(step.refusal)

    def _has_changed(self, step: Step) -> bool:
        return step.kind is StepKind.RUN and self._connection.changes() > 0

    def _meet(self, sql: str) -> None:
        """Only data may be touched by an ordinary plan, whatever text arrives."""
        if _first_word(sql) not in _DATA_WORDS:
            raise NotAllowedError(f"{_first_word(sql)} has no place in an ordinary plan")
        if len(self._known) >= _KNOWN_STATEMENTS_MAX:
            self._known.clear()
        self._known.add(sql)


def _first_word(sql: str) -> str:
    word = sql.lstrip()[:16].split(None, 1)
    return word[0].upper() if word else ""
