"""One statement of the SQL console: prepared under its judge to be looked at, or run within bounds.

SQLite says whether a statement reads; its text is never looked at for that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import apsw

from shared.limits import (
    CONSOLE_VALUE_BYTES_MAX,
    CONSOLE_VALUE_BYTES_MIN,
    CONSOLE_VALUES_BYTES_MAX,
)
from shared.messages.console import Answer, Column
from shared.quote import quote_identifier
from shared.sql.plan import Value
from shared.sqlite.console.judge import ConsoleJudge
from shared.sqlite.console.memory import NO_MEMORY
from shared.sqlite.failures import code_and_text

_NOT_HERE: Final = "this statement has no place in the console"
_PARAMETERS: Final = "there are no values for parameters (?, :name, @name)"
_NO_UTF8: Final = "a text in it is not valid UTF-8; read it as a BLOB, by CAST or hex()"
_FIXED_BYTES: Final = 8  # of a value that is no text


class StatementError(Exception):
    """SQLite, or the judge, does not want a statement. `code`: SQLite's, extended.

    `interrupted`: a progress handler ended it.
    """

    def __init__(self, text: str, code: int = apsw.SQLITE_ERROR) -> None:
        super().__init__(text)
        self.code = code
        self.interrupted = code & 0xFF == apsw.SQLITE_INTERRUPT


class Looked(NamedTuple):
    """What a statement would do. `gives`: rows. None of `writes` and `defines`: it reads."""

    gives: bool
    writes: bool
    defines: bool


class Bounds(NamedTuple):
    """Of the rows that are kept."""

    rows: int
    size: int


class _Told:
    """What is seen of a statement between its preparation and its first step."""

    __slots__ = ("columns", "explains", "gives", "reads")

    def __init__(self) -> None:
        self.columns: list[tuple[Any, ...]] = []
        self.gives = self.reads = self.explains = False


@contextlib.contextmanager
def defended(connection: apsw.Connection) -> Iterator[None]:
    """While statements of the console run no text of theirs can spoil the schema."""
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    try:
        yield
    finally:
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)


def value_bytes(sql: str) -> int:
    """How large a value may be that a statement works on: the longer it is, the smaller."""
    fair = CONSOLE_VALUES_BYTES_MAX // max(len(sql), 1)
    return max(CONSOLE_VALUE_BYTES_MIN, min(CONSOLE_VALUE_BYTES_MAX, fair))


def look(connection: apsw.Connection, sql: str, judge: ConsoleJudge) -> Looked:
    """Prepare one statement and do not run it. Raises StatementError."""
    told = _Told()
    with (
        contextlib.suppress(apsw.ExecTraceAbort),
        _judged(connection, sql, judge, told, steps=False),
    ):
        connection.execute(sql, can_cache=False).close(True)
    writes = judge.writes and not told.explains
    defines = judge.defines and not told.explains
    return Looked(told.gives, writes, defines)


def fetch(connection: apsw.Connection, sql: str, judge: ConsoleJudge, bounds: Bounds) -> Answer:
    """Run one statement to its end, or until it has given more rows than are kept.

    Raises StatementError.
    """
    told = _Told()
    with _judged(connection, sql, judge, told, steps=True):
        before = connection.total_changes()
        cursor = connection.execute(sql, can_cache=False)
        try:
            rows, cut = _take(cursor, bounds, to_the_end=not told.reads)
        finally:
            cursor.close(True)
        changed = connection.changes() if connection.total_changes() != before else 0
    for view in judge.views:
        look(connection, f"SELECT * FROM {quote_identifier(view)}", judge.twin())
    if not told.gives:
        return Answer(changes=changed)
    return Answer([_column(connection, one) for one in told.columns], rows, changed, cut)


@contextlib.contextmanager
def _judged(
    connection: apsw.Connection, sql: str, judge: ConsoleJudge, told: _Told, *, steps: bool
) -> Iterator[None]:
    """Judge and trace are on inside; what goes wrong there is a StatementError."""

    def trace(cursor: Any, first: str, _bindings: object) -> bool:
        if first.strip() != sql.strip():
            raise StatementError("statements are separated by a semicolon")
        told.reads, told.explains = bool(cursor.is_readonly), bool(cursor.is_explain)
        # VACUUM is the one statement that writes and asks nobody.
        if not (told.reads or told.explains or judge.writes or judge.defines):
            raise StatementError(_NOT_HERE, apsw.SQLITE_AUTH)
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, min(judge.value_bytes, value_bytes(sql)))
        told.columns = list(cursor.description_full)
        told.gives = bool(told.columns)
        return steps

    judge.begin()
    longest = connection.limit(apsw.SQLITE_LIMIT_LENGTH, value_bytes(sql))
    connection.authorizer = judge
    connection.exec_trace = trace
    try:
        yield
    except apsw.ExecTraceAbort:
        raise
    except apsw.BindingsError:
        raise StatementError(_PARAMETERS) from None
    except UnicodeDecodeError:
        raise StatementError(_NO_UTF8) from None
    except (MemoryError, apsw.NoMemError):
        raise StatementError(NO_MEMORY) from None
    except (TypeError, ValueError, OverflowError) as error:  # of a function of ours
        raise StatementError(str(error)) from None
    except apsw.Error as error:
        code, text = code_and_text(error)
        raise StatementError(judge.refusal or text, code) from error
    finally:
        connection.exec_trace = None
        connection.authorizer = None
        connection.limit(apsw.SQLITE_LIMIT_LENGTH, longest)


def _take(
    cursor: apsw.Cursor, bounds: Bounds, *, to_the_end: bool
) -> tuple[list[tuple[Value, ...]], bool]:
    """The rows that are kept, and whether there were more."""
    rows: list[tuple[Value, ...]] = []
    left, cut = bounds.size, False
    for row in cursor:
        if not cut:
            left -= sum(len(one) if isinstance(one, str | bytes) else _FIXED_BYTES for one in row)
            cut = len(rows) == bounds.rows or left < 0
        if not cut:
            rows.append(row)
        elif not to_the_end:
            break
    return rows, cut


def _column(connection: apsw.Connection, described: tuple[Any, ...]) -> Column:
    """With what the schema says of the table's column that it shows."""
    name, declared, database, table, origin = described
    if table is None or origin is None:
        return Column(str(name), declared or "")
    try:
        _, _, not_null, primary, _ = connection.column_metadata(database, table, origin)
    except apsw.Error:  # of a view, or of what is only like a table
        return Column(str(name), declared or "")
    return Column(str(name), declared or "", not (not_null or primary), bool(primary))
