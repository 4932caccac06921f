"""Whether a text is SQL at all: SQLite's parser alone, whatever its names mean.

It is prepared on an empty database in memory, where a name that is not known is no fault, and
never run.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any, Final

import apsw

from shared.sqlite.scratch import open_scratch

_SYNTAX: Final = re.compile(
    r"near \".*\": syntax error|incomplete input|unrecognized token|parser stack overflow"
    r"|Expression tree is too large|a NAME constraint|unknown join type",
    re.DOTALL,
)
_NO_EXPRESSION: Final = "it is not one expression"


def fault_of_statement(sql: str) -> str:
    """Why one statement cannot be parsed, "" where it can."""
    return _faults([sql])


def fault_of_expression(text: str) -> str:
    """The same of an expression.

    In brackets it must not leave them, and as a condition of a CASE it must not bring a comma.
    """
    return _faults([f"SELECT (\n{text}\n)", f"SELECT CASE WHEN\n{text}\nTHEN 1 END"])


def _faults(texts: list[str]) -> str:
    with closing(open_scratch()) as connection:
        connection.authorizer = _allow
        return next((fault for one in texts if (fault := _fault(connection, one))), "")


def _allow(action: int, *_: object) -> int:
    """Nothing is run; but there are pragmas that have set something once they are prepared."""
    return apsw.SQLITE_DENY if action == apsw.SQLITE_PRAGMA else apsw.SQLITE_OK


def _fault(connection: apsw.Connection, sql: str) -> str:
    if not sql.strip():
        return "it is empty"
    if "\0" in sql:
        return "it holds a NUL character"
    whole: list[bool] = []

    def look(_cursor: Any, first: str, _bindings: object) -> bool:
        whole.append(first.strip() == sql.strip())
        return False

    connection.exec_trace = look
    try:
        connection.execute(sql, can_cache=False)
    except apsw.ExecTraceAbort:
        return "" if whole[0] else _NO_EXPRESSION
    except apsw.BindingsError:
        return ""
    except apsw.Error as error:
        found = str(error)
        return found if _SYNTAX.search(found) else ""
    finally:
        connection.exec_trace = None
    return "it is empty"
