"""Apply one operation inside the batch's transaction: guards, then statements, all or nothing.

Each operation has a savepoint, which is not always enough: RAISE(ROLLBACK), ON CONFLICT ROLLBACK,
an interrupted write and some errors end the whole transaction, and deferred foreign keys would
fail everybody's COMMIT. So after each operation it is checked that the transaction stands.
"""

from __future__ import annotations

import time
from typing import Final, TypeVar

import apsw

from shared import failpoints, limits
from shared.logs import get_logger
from shared.messages.commands import Operation, Result, Status
from shared.sql.plan import Bulk, Step, StepKind, Value
from shared.sqlite.failures import code_and_text, is_interrupt, is_ours
from writer.bulk import broken_references
from writer.capture import Capture
from writer.console import ConsoleError, run_console

log = get_logger()

_SECOND_NS: Final = 1_000_000_000
_GUARD_NS: Final = int(limits.GUARD_SECONDS * _SECOND_NS)
_DEFINITION_GUARD_NS: Final = int(limits.DEFINITION_GUARD_SECONDS * _SECOND_NS)
_ALONE_NS: Final = int(limits.STATEMENT_SECONDS * _SECOND_NS)
_UNLIMITED_NS: Final = 1 << 62
_SHARED_NS: Final = int(limits.SHARED_STATEMENT_SECONDS * _SECOND_NS)
_DATA_WORDS: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES"}
)
_SCHEMA_WORDS: Final = frozenset({"CREATE", "ALTER", "DROP", "REINDEX", "ANALYZE"})
_KNOWN_STATEMENTS_MAX: Final = 4_096
_FOREIGN_KEY: Final = (apsw.SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed")


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

    Nothing was broken off that writes, so the others of its batch stand. In a batch with others the time is short,
    and the operation deserves a second try alone.
    """

    def __init__(self, error: apsw.InterruptError) -> None:
        super().__init__(str(error))
        self.error = error


class _RefusedError(Exception):
    """A guard said no."""


class _NotAllowedError(Exception):
    """A statement that has no place in such a plan."""


class Budget:
    """A time limit for one statement, kept by SQLite's progress handler.

    The handler is only called every PROGRESS_STEPS steps, so quick statements pay nothing.
    """

    __slots__ = ("_ends_ns", "allowed_ns")

    def __init__(self, connection: apsw.Connection) -> None:
        self.allowed_ns = _ALONE_NS
        self._ends_ns = 0
        connection.set_progress_handler(self.is_over, limits.PROGRESS_STEPS)

    def start(self, allowed_ns: int) -> None:
        """The next statement may take so long, from its first look at the clock."""
        self.allowed_ns = allowed_ns
        self._ends_ns = 0

    def is_over(self) -> bool:
        """Whether it has taken longer; asked by SQLite."""
        now = time.monotonic_ns()
        if not self._ends_ns:
            self._ends_ns = now + self.allowed_ns
        return now > self._ends_ns


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
                raise _as_sqlite(apsw.TooBigError, apsw.SQLITE_TOOBIG, "results too big")
        if time.monotonic_ns() > self._ends_ns:
            interrupted = _as_sqlite(apsw.InterruptError, apsw.SQLITE_INTERRUPT, "interrupted")
            raise SlowGuardError(interrupted)

    def payload(self) -> str:
        """A JSON array."""
        return f"[{','.join(self._results)}]"


class _Clock:
    """How long the next step of a catalog change or a bulk plan may take."""

    __slots__ = ("_bulk", "_ends_ns")

    def __init__(self, operation: Operation) -> None:
        self._ends_ns = operation.deadline_ns
        self._bulk = operation.plan.bulk
        if self._bulk is not None:
            ends_ns = time.monotonic_ns() + int(self._bulk.seconds * _SECOND_NS)
            self._ends_ns = min(self._ends_ns, ends_ns)

    def left_ns(self, *, guard: bool = False) -> int:
        """Raises apsw.InterruptError when the time of a bulk plan is over, between two steps."""
        left_ns = self._ends_ns - time.monotonic_ns()
        if self._bulk is None:
            left_ns = max(left_ns, _GUARD_NS)
            return min(left_ns, _DEFINITION_GUARD_NS) if guard else left_ns
        if left_ns <= 0:
            raise _as_sqlite(apsw.InterruptError, apsw.SQLITE_INTERRUPT, "interrupted")
        return left_ns


class Applier:
    """Applies operations over one connection, which is inside a transaction."""

    def __init__(self, connection: apsw.Connection, capture: Capture) -> None:
        self._connection = connection
        self._capture = capture
        self._budget = Budget(connection)
        self._mark = connection.cursor().execute
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
        self._mark("SAVEPOINT o")
        try:
            payload = self._run(operation, alone=alone)
            result = Result(operation.seq, Status.OK, payload)
        except _RefusedError as refusal:
            result = Result(operation.seq, Status.REFUSED, str(refusal), self._place)
        except apsw.FullError:
            raise
        except apsw.Error as error:
            interrupted = is_interrupt(error)
            result = _failure(operation, error, self._place)
        except SlowGuardError as slow:
            interrupted = True
            result = self._put_off(operation, mark, slow, alone=alone)
        except (TypeError, ValueError, OverflowError, _NotAllowedError) as error:
            result = _fault(operation, error)
        if not connection.in_transaction:
            raise TransactionLostError(_not_ok(result), slow=interrupted and not alone)
        if result.status is Status.OK:
            if not connection.status(apsw.SQLITE_DBSTATUS_DEFERRED_FKS)[0]:
                self._mark("RELEASE o")
                return result
            result = Result(operation.seq, Status.FAILED, _FOREIGN_KEY)
        self._undo(operation, mark)
        return result

    def lift_limits(self) -> None:
        """The writer's own statements follow, which may take their time."""
        self._budget.start(_UNLIMITED_NS)

    def _put_off(
        self, operation: Operation, mark: int, slow: SlowGuardError, *, alone: bool
    ) -> Result:
        """Raise it again where a second try is due; else it has failed."""
        if alone or not self._connection.in_transaction:
            return _failure(operation, slow.error, self._place)
        self._undo(operation, mark)
        raise slow

    def _undo(self, operation: Operation, mark: int) -> None:
        self._capture.cut(mark)
        self._mark("ROLLBACK TO o")
        self._mark("RELEASE o")
        if operation.plan.changes_catalog or operation.plan.bulk is not None:
            self._capture.reload()

    def _run(self, operation: Operation, *, alone: bool) -> Value:
        """All steps; the value of the last RETURN, or those of all."""
        plan = operation.plan
        if plan.changes_catalog or plan.bulk is not None:
            return self._define(operation)
        allowed_ns, guard_ns = _SHARED_NS, _GUARD_NS
        if alone:
            allowed_ns = guard_ns = _time_left(operation)
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
            if kind is StepKind.REQUIRE or kind is StepKind.FORBID:
                self._guard(step, guard_ns)
            else:
                self._budget.start(allowed_ns)
                payload = self._change(step, payload)
            if together is not None:
                together.add(payload if kind is StepKind.RETURN else None)
        if self._capture.catalog_touched:
            raise _NotAllowedError("a plan that does not say so changes the catalog")
        return payload if together is None else together.payload()

    def _define(self, operation: Operation) -> Value:
        """Steps of a catalog change or a bulk plan, which is alone in its batch.

        A definition has until its deadline, and its guards have less: the query of a new view may
        never end, and they are where it runs. All of a bulk plan shares its own seconds.
        Where it fails, `_undo` or the engine makes the capture listen as usual again.
        """
        capture, plan = self._capture, operation.plan
        clock = _Clock(operation)
        capture.begin_definition()
        moved = False
        payload: Value = None
        for self._place, step in enumerate(plan.steps):
            if step.kind in (StepKind.REQUIRE, StepKind.FORBID):
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
                raise _NotAllowedError(f"{word} has no place in such a plan")
            elif moved or capture.catalog_touched:
                capture.learn()
                moved = capture.catalog_touched = False
            self._budget.start(clock.left_ns())
            payload = self._change(step, payload)
            if capture.catalog_touched and not plan.changes_catalog:
                raise _NotAllowedError("a plan that does not say so changes the catalog")
        self._check_references(plan.bulk, clock)
        capture.end_definition()
        return payload

    def _check_references(self, bulk: Bulk | None, clock: _Clock) -> None:
        """What SQLite did not check on the way. Raises apsw.Error."""
        if bulk is None:
            return
        self._budget.start(clock.left_ns())
        if not bulk.foreign_keys and (broken := broken_references(self._connection)):
            self._place = -1
            text = f"FOREIGN KEY constraint failed: {broken}"
            raise _as_sqlite(apsw.ConstraintError, apsw.SQLITE_CONSTRAINT_FOREIGNKEY, text)

    def _guard(self, step: Step, allowed_ns: int) -> None:
        """An open cursor would keep a read transaction on this connection for ever: close it."""
        self._budget.start(allowed_ns)
        try:
            cursor = self._connection.execute(step.sql, step.params)
            try:
                found = cursor.fetchone() is not None
            finally:
                cursor.close(True)
        except apsw.InterruptError as error:
            raise SlowGuardError(error) from error
        if found is (step.kind is StepKind.FORBID):
            raise _RefusedError(step.refusal)

    def _change(self, step: Step, payload: Value) -> Value:
        """Run to the end, since SQLite checks immediate foreign keys only there."""
        rows = self._connection.execute(step.sql, step.params).fetchall()
        if step.kind is StepKind.RETURN:
            if rows:
                value: Value = rows[0][0]
                return value
            payload = None
        if step.refusal and not (rows or self._has_changed(step)):
            raise _RefusedError(step.refusal)
        return payload

    def _console(self, step: Step, *, defines: bool) -> Value:
        """Statements of the console, within the budget that is started."""
        try:
            over = self._budget.is_over
            return run_console(self._connection, self._capture, step, over, defines=defines)
        except ConsoleError as error:
            if error.interrupted:
                interrupted = _as_sqlite(apsw.InterruptError, error.code, str(error))
                raise SlowGuardError(interrupted) from None
            raise _as_sqlite(apsw.SQLError, error.code, str(error)) from None

    def _publish(self, step: Step) -> None:
        """One more event, which shares the fate of the operation's rows."""
        topic, data = step.params
        if not isinstance(topic, str) or not isinstance(data, str):
            raise TypeError("a message is a topic and JSON text")
        if not self._capture.publish(topic, data):
            raise _RefusedError(step.refusal)

    def _has_changed(self, step: Step) -> bool:
        return step.kind is StepKind.RUN and self._connection.changes() > 0

    def _meet(self, sql: str) -> None:
        """Only data may be touched by an ordinary plan, whatever text arrives."""
        if _first_word(sql) not in _DATA_WORDS:
            raise _NotAllowedError(f"{_first_word(sql)} has no place in an ordinary plan")
        if len(self._known) >= _KNOWN_STATEMENTS_MAX:
            self._known.clear()
        self._known.add(sql)


def _as_sqlite(kind: type[_Error], code: int, text: str) -> _Error:
    """What SQLite itself raises with this code."""
    error = kind(text)
    for name in ("result", "extendedresult"):
        setattr(error, name, code)
    return error


def _time_left(operation: Operation) -> int:
    """Alone, a statement may take long, but not beyond the moment when nobody waits for it."""
    return min(_ALONE_NS, max(operation.deadline_ns - time.monotonic_ns(), _GUARD_NS))


def _first_word(sql: str) -> str:
    word = sql.lstrip()[:16].split(None, 1)
    return word[0].upper() if word else ""


def _failure(operation: Operation, error: apsw.Error, place: int) -> Result:
    if is_ours(error):
        return _fault(operation, error)
    return Result(operation.seq, Status.FAILED, code_and_text(error), place)


def _fault(operation: Operation, error: Exception) -> Result:
    log.error(
        "operation is at fault",
        request_id=operation.request_id,
        actor=operation.actor,
        error=repr(error),
    )
    return Result(operation.seq, Status.ERROR)


def _not_ok(result: Result) -> Result:
    """A statement that ended the transaction without an error has still done harm."""
    return Result(result.seq, Status.ERROR) if result.status is Status.OK else result
