"""SQL expressions and views that users wrote, prepared alone on a database in memory that is made like theirs.

What passes here is one expression: it does not leave its brackets, has no parameters, is followed
by nothing, reads only tables and columns that it may, and calls only functions that rules may. It
is never run here.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import apsw

from shared.quote import quote_identifier
from shared.sqlite.scratch import (
    Judge,
    MayReadIn,
    Reading,
    UserSqlError,
    open_scratch,
    prepare,
)

__all__ = ["ExpressionScratch", "MayReadIn", "Reading", "UserSqlError", "plain_table"]

_TABLE_FUNCTIONS: Final = frozenset({"json_each", "json_tree"})
_NO_EXPRESSION: Final = "it is not one expression"
_MAIN: Final = "main"
_HEADS: Final = ("CREATE TABLE ", "CREATE VIEW ")


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
        judge = Judge(
            lambda database, table, column: _gives_rows(table) or may_read(database, table, column)
        )
        # Bare it must not take what follows, in brackets it must not leave them: a text that can
        # stand both ways is one expression.
        for sql in (f"SELECT {text}\n{source}", f"SELECT 1 {source} WHERE (\n{text}\n)"):
            if len(prepare(self._connection, sql, judge, _NO_EXPRESSION)) != 1:
                raise UserSqlError(_NO_EXPRESSION)
        return frozenset(one for one in judge.reads if not _gives_rows(one.table))

    def check_view(self, database: str, name: str, may_read: MayReadIn) -> None:
        """That a view reads nothing, shown or not, but what it may. Raises UserSqlError."""
        judge = Judge(
            lambda place, table, column: _gives_rows(table) or may_read(place, table, column),
            any_function=True,
        )
        view = f"{quote_identifier(database)}.{quote_identifier(name)}"
        prepare(self._connection, f"SELECT * FROM {view}", judge, _NO_EXPRESSION)


def plain_table(name: str, columns: Iterable[str]) -> str:
    """The definition of a table that stands for a virtual one, whose making would run its module."""
    names = ", ".join(map(quote_identifier, columns))
    return f"CREATE TABLE {quote_identifier(name)} ({names})" if names else ""


def _gives_rows(table: str) -> bool:
    """It is a function in a table's place, which reads nothing that is stored."""
    return table.lower() in _TABLE_FUNCTIONS


def _placed(sql: str, database: str) -> str:
    """A stored definition, whose name has no database before it, as one for `database`."""
    for head in _HEADS:
        if sql.startswith(head):
            return f"{head}{quote_identifier(database)}.{sql[len(head) :]}"
    return ""  # a virtual table
