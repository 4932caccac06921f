"""How long the statements and guards of an operation may take.

Within one of them SQLite asks the `Budget`; what a catalog change or a bulk plan has left for its
next one says the `PlanClock`.
"""

from __future__ import annotations

import time
from typing import Final

import apsw

from shared import limits
from shared.messages.commands import Operation
from writer.outcomes import as_sqlite

_SECOND_NS: Final = 1_000_000_000
GUARD_NS: Final = int(limits.GUARD_SECONDS * _SECOND_NS)
"""A guard's, in a batch with others."""
SHARED_NS: Final = int(limits.SHARED_STATEMENT_SECONDS * _SECOND_NS)
"""A statement's, in a batch with others."""
UNLIMITED_NS: Final = 1 << 62
_ALONE_NS: Final = int(limits.STATEMENT_SECONDS * _SECOND_NS)
_DEFINITION_GUARD_NS: Final = int(limits.DEFINITION_GUARD_SECONDS * _SECOND_NS)


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


class PlanClock:
    """How long the next step of a catalog change or a bulk plan may take."""

    __slots__ = ("_bulk", "_ends_ns")

    def __init__(self, operation: Operation) -> None:
        self._ends_ns = operation.deadline_ns
        self._bulk = operation.plan.bulk
        if self._bulk is not None:
            ends_ns = time.monotonic_ns() + int(self._bulk.seconds * _SECOND_NS)
            self._ends_ns = min(self._ends_ns, ends_ns)

    def left_ns(self, *, guard: bool = False) -> int:
        """What a statement has, or a guard.

        Raises apsw.InterruptError when the time of a bulk plan is over, between two steps.
        """
        left_ns = self._ends_ns - time.monotonic_ns()
        if self._bulk is None:
            left_ns = max(left_ns, GUARD_NS)
            return min(left_ns, _DEFINITION_GUARD_NS) if guard else left_ns
        if left_ns <= 0:
            raise as_sqlite(apsw.InterruptError, apsw.SQLITE_INTERRUPT, "interrupted")
        return left_ns


def time_left(operation: Operation) -> int:
    """Alone, a statement may take long, but not beyond the moment when nobody waits for it."""
    return min(_ALONE_NS, max(operation.deadline_ns - time.monotonic_ns(), GUARD_NS))
