"""A database in memory on which SQL that users wrote is prepared before it may be stored or run.

What is prepared here reads tables of collections and nothing else: the authorizer is asked about
every table, column and function, and whatever it does not know is refused. Nothing prepared here
is ever run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any, Final, NamedTuple

import apsw

from shared.sqlite.functions.register import names_in_rules, register

MayRead = Callable[[str, str], bool]
"""Whether a column (`""`: rows are only counted) of a table may be read; both as SQLite spells them."""

MayReadIn = Callable[[str, str, str], bool]
"""The same of a table of one of several databases, whose name comes first."""

_INNOCUOUS: Final = 0x200000
_NO_SELECT: Final = "it is not one SELECT statement"
_QUIET: Final = frozenset(
    {
        "changes", "fts5_insttoken", "fts5_locale", "fts5_source_id", "last_insert_rowid",
        "randomblob", "sqlite_compileoption_get", "sqlite_compileoption_used",
        "sqlite_source_id", "sqlite_version", "total_changes", "zeroblob",
    }
)  # fmt: skip
"""Functions that tell of the connection, or make large values of nothing."""


class UserSqlError(Exception):
    """SQL that is wrong, or that reads what it may not. The text says why, and may be shown."""


class Reading(NamedTuple):
    """A table or view that is read, each name in lower case."""

    database: str
    table: str


class Prepared(NamedTuple):
    """What SQLite says of a SELECT: the names of its columns, and the tables and views it reads."""

    columns: tuple[str, ...]
    reads: frozenset[str]


def open_scratch() -> apsw.Connection:
    """An empty database in memory, where a name in double quotes is a name and never a text."""
    connection = apsw.Connection(":memory:")
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    connection.pragma("trusted_schema", value=False)
    register(connection)
    return connection


def run_definition(connection: apsw.Connection, sql: str) -> None:
    """Run DDL of our own making. Raises UserSqlError for what SQLite refuses of it."""
    try:
        connection.execute(sql)
    except apsw.Error as error:
        raise UserSqlError(str(error)) from None


def prepare_select(connection: apsw.Connection, sql: str, may_read: MayRead) -> Prepared:
    """Prepare one SELECT of a user, alone and without parameters. Raises UserSqlError."""
    judge = Judge(lambda _database, table, column: may_read(table, column))
    columns = prepare(connection, sql, judge, _NO_SELECT)
    if not columns:
        raise UserSqlError("it is not a SELECT statement")
    # As it will stand within other statements: a bracket or a comment must not end it early.
    prepare(connection, f"SELECT * FROM (\n{sql}\n)", judge, _NO_SELECT)
    return Prepared(columns, frozenset(one.table for one in judge.reads))


class Judge:
    """The authorizer, and what it was asked: what was read, and why it refused.

    `any_function`: whatever is called may be, not only what rules may call.
    """

    def __init__(self, may_read: MayReadIn, *, any_function: bool = False) -> None:
        self._may_read = may_read
        self._any_function = any_function
        self.reads: set[Reading] = set()
        self.refusal = ""

    def __call__(
        self, action: int, one: str | None, two: str | None, database: str | None, _in: str | None
    ) -> int:
        """Answer SQLite (sqlite.org/c3ref/set_authorizer.html): OK, or DENY and why."""
        if action in (apsw.SQLITE_SELECT, apsw.SQLITE_RECURSIVE):
            return apsw.SQLITE_OK
        if action == apsw.SQLITE_FUNCTION:
            if self._any_function or str(two).lower() in functions_of_users():
                return apsw.SQLITE_OK
            self.refusal = f"the function {two} is not allowed"
        elif action == apsw.SQLITE_READ:
            place, table, column = str(database or "main"), str(one), two or ""
            if self._may_read(place, table, column):
                self.reads.add(Reading(place.lower(), table.lower()))
                return apsw.SQLITE_OK
            what = f"{table}.{column}" if column else table
            self.refusal = f"{what} may not be read"
        return apsw.SQLITE_DENY


@cache
def functions_of_users() -> frozenset[str]:
    """Built-in functions without side effects and our own cheap ones, by their lower-case names."""
    with closing(apsw.Connection(":memory:")) as connection:
        rows = connection.execute(
            "SELECT DISTINCT name FROM pragma_function_list WHERE builtin AND flags & ?",
            (_INNOCUOUS,),
        ).fetchall()
    return frozenset(str(row[0]).lower() for row in rows) - _QUIET | names_in_rules()


def prepare(connection: apsw.Connection, sql: str, judge: Judge, otherwise: str) -> tuple[str, ...]:
    """Names of the columns that one reading statement without parameters gives.

    Raises UserSqlError; with `otherwise` for a text that is more, or does more.
    """
    found: list[tuple[str, ...]] = []

    def look(cursor: Any, first: str, _bindings: object) -> bool:
        """Called before the first step, and ends it there."""
        if first != sql or cursor.is_explain or not cursor.is_readonly:
            raise UserSqlError(otherwise)
        found.append(tuple(str(column[0]) for column in cursor.get_description()))
        return False

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
