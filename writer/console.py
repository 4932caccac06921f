"""A step of the SQL console: statements that a superuser wrote, under the console's judge.

They share one budget of time. Its results are kept within bounds, since the log of answers holds
them, and so are the changed rows that wait to be told one by one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

import apsw

from shared import limits
from shared.messages.console import TOO_MANY_ROWS, Answer, encode_answer, read_step
from shared.sql.plan import Step
from shared.sqlite.console.judge import ConsoleJudge, Secrets
from shared.sqlite.console.memory import NO_MEMORY, MemoryWatch
from shared.sqlite.console.run import Bounds, StatementError, defended, fetch
from writer.capture import Capture

_BOUNDS: Final = Bounds(limits.CONSOLE_ROWS_MAX, limits.CONSOLE_WRITTEN_BYTES_MAX)
_DEFINES: Final = "it changes the schema"


class ConsoleError(Exception):
    """A statement failed. `code`: SQLite's, extended. `interrupted`: by the budget of time."""

    def __init__(self, text: str, code: int, *, interrupted: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.interrupted = interrupted


def run_console(
    connection: apsw.Connection,
    capture: Capture,
    step: Step,
    is_over: Callable[[], bool],
    *,
    defines: bool,
) -> bytes:
    """The encoded Answer of all statements. `defines`: they may change the schema.

    `is_over`: the budget, which SQLite asks within a statement; here it is asked between two.

    Raises ConsoleError, apsw.FullError; ValueError for a step that is none of the console.
    """
    scope, statements = read_step(step)
    judge = ConsoleJudge(scope, Secrets.REFUSED)
    whole = Answer()
    with defended(connection), _watched(connection, capture) as watch:
        for statement in statements:
            if is_over():
                raise ConsoleError("interrupted", apsw.SQLITE_INTERRUPT, interrupted=True)
            whole = _merged(whole, _run(connection, statement, judge, watch))
            if judge.defines:
                if not defines:
                    raise ConsoleError(_DEFINES, apsw.SQLITE_AUTH)
                capture.learn()
    return encode_answer(whole)


class _Watch:
    """Looks at what SQLite and the capture take; `why`: which of them is too much."""

    def __init__(self, capture: Capture) -> None:
        self._events = capture.events
        self._seen = len(capture.events)
        self._most = len(capture.events) + limits.CONSOLE_EVENTS_MAX
        self._bytes = limits.CONSOLE_MEMORY_BYTES
        self._memory = MemoryWatch()
        self.why = ""

    def __call__(self) -> bool:
        """Every CONSOLE_PROGRESS_STEPS steps."""
        for _, old, new in self._events[self._seen :]:
            self._bytes -= sum(len(one) for one in (*(old or ()), *(new or ())) if _is_long(one))
        self._seen = len(self._events)
        if self._seen > self._most or self._bytes < 0:
            self.why = TOO_MANY_ROWS
        elif self._memory.is_over():
            self.why = NO_MEMORY
        return bool(self.why)


def _is_long(value: object) -> bool:
    return isinstance(value, str | bytes)


@contextlib.contextmanager
def _watched(connection: apsw.Connection, capture: Capture) -> Iterator[_Watch]:
    watch = _Watch(capture)
    connection.set_progress_handler(watch, limits.CONSOLE_PROGRESS_STEPS, id=_Watch)
    try:
        yield watch
    finally:
        connection.set_progress_handler(None, id=_Watch)


def _run(connection: apsw.Connection, statement: str, judge: ConsoleJudge, watch: _Watch) -> Answer:
    try:
        return fetch(connection, statement, judge, _BOUNDS)
    except StatementError as error:
        if isinstance(error.__cause__, apsw.FullError):
            raise error.__cause__ from None
        if watch.why:
            raise ConsoleError(watch.why, apsw.SQLITE_TOOBIG) from None
        raise ConsoleError(str(error), error.code, interrupted=error.interrupted) from None


def _merged(before: Answer, after: Answer) -> Answer:
    """The rows of the last that gives any; what all of them changed."""
    changes = before.changes + after.changes
    shown = before if after.columns is None else after
    return Answer(shown.columns, shown.rows, changes, shown.cut)
