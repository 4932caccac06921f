"""SQL expressions that users wrote, prepared alone on a database in memory that is made like theirs.

What passes here is one expression: it does not leave its brackets, has no parameters, is followed
by nothing, reads only tables and columns that it may, and calls only functions that rules may. It
is never run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import apsw

from shared.quote import quote_identifier
from shared.sqlite.scratch import UserSqlError, functions_of_users, open_scratch

__all__ = ["ExpressionScratch", "MayReadIn", "Reading", "UserSqlError"]

MayReadIn = Callable[[str, str, str], bool]
"""Whether a column (`""`: rows are only counted) of a table of a database may be read."""

_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})
_MAIN: Final = "main"
_HEADS: Final = ("CREATE TABLE ", "CREATE VIEW ")


class Reading(NamedTuple):
    """A table or view that an expression reads, each name in lower case."""

    database: str
    table: str


class ExpressionScratch:
    """A database in memory with the tables of another. Use as a context manager, in one thread."""

    def __init__(self) -> None:
        self._connection = open_scratch()
        # Stored definitions were made where a text in double quotes may be a default.
        self._connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def add_database(self, name: str, definitions: Iterable[str]) -> None:
        """Make the tables and views of a database, as SQLite stores their definitions.

        One that cannot be made here is left out, and cannot be read.
        """
        if name != _MAIN:
            self._connection.execute(f"ATTACH ':memory:' AS {quote_identifier(name)}")
        for sql in definitions:
            with suppress(apsw.Error):
                self._connection.execute(_placed(sql, name))

    def check(self, text: str, source: str, may_read: MayReadIn) -> frozenset[Reading]:
        """What an expression reads over `source`, a FROM clause or nothing. Raises UserSqlError."""
        if "\x00" in text:
            raise UserSqlError("it holds a NUL character")
        judge = _Judge(may_read)
        # Bare it must not take what follows, in brackets it must not leave them: a text that can
        # stand both ways is one expression.
        for sql in (f"SELECT {text}\n{source}", f"SELECT 1 {source} WHERE (\n{text}\n)"):
            if self._columns(sql, judge) != 1:
                raise UserSqlError("it is not one expression")
        return frozenset(judge.reads)

    def _columns(self, sql: str, judge: _Judge) -> int:
        found: list[int] = []

        def look(cursor: Any, first: str, _bindings: object) -> bool:
            """Called before the first step, and ends it there."""
            if first != sql or cursor.is_explain or not cursor.is_readonly:
                raise UserSqlError("it is not one expression")
            found.append(len(cursor.get_description()))
            return False

        connection = self._connection
        judge.refusal = ""
        connection.authorizer = judge
        connection.exec_trace = look
        try:
            connection.execute(sql)
        except apsw.ExecTraceAbort:
            return found[0]
        except apsw.BindingsError:
            raise UserSqlError("it may have no parameters") from None
        except apsw.Error as error:
            raise UserSqlError(judge.refusal or str(error)) from None
        finally:
            connection.exec_trace = None
            connection.authorizer = None
        raise UserSqlError("it is empty")


def _placed(sql: str, database: str) -> str:
    """A stored definition, whose name has no database before it, as one for `database`."""
    for head in _HEADS:
        if sql.startswith(head):
            return f"{head}{quote_identifier(database)}.{sql[len(head) :]}"
    return ""  # a virtual table: making one runs its module


class _Judge:
    """The authorizer, and what it was asked."""

    def __init__(self, may_read: MayReadIn) -> None:
        self._may_read = may_read
        self.reads: set[Reading] = set()
        self.refusal = ""

    def __call__(
        self, action: int, one: str | None, two: str | None, database: str | None, _in: str | None
    ) -> int:
        if action in (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE):
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_FUNCTION:
            if str(two).lower() in functions_of_users():
                return apsw.SQLITE_OK
            self.refusal = f"the function {two} is not allowed"
        elif action == apsw.SQLITE_READ:
            table, column = str(one), two or ""
            if table.lower() in _TABLE_FUNCTIONS:
                return apsw.SQLITE_OK
            if self._may_read(str(database or _MAIN), table, column):
                self.reads.add(Reading(str(database or _MAIN).lower(), table.lower()))
                return apsw.SQLITE_OK
            self.refusal = (
                f"{table}.{column} may not be read" if column else f"{table} may not be read"
            )
        return apsw.SQLITE_DENY
