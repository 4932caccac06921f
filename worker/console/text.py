"""The text of a request to the SQL console, taken apart and bounded; what it means SQLite says."""

from __future__ import annotations

from typing import Final

from shared.errors import FieldError, QuillError, invalid
from shared.limits import CONSOLE_LOGGED_CHARS, CONSOLE_STATEMENTS_MAX, CONSOLE_TEXT_CHARS_MAX
from shared.schema.reserved import PROTECTED_TABLES, is_reserved_table
from worker.migrations.script import ScriptError, Statement, masked, split

_MADE: Final = frozenset({"CREATE", "ALTER"})
_SYSTEM: Final = ("sqlite_",)


def read_text(text: object) -> list[str]:
    """The statements of a text. Raises INVALID."""
    if not isinstance(text, str):
        raise _wrong("validation_invalid_string", "The query must be a text.")
    if len(text) > CONSOLE_TEXT_CHARS_MAX:
        told = f"The query must have at most {CONSOLE_TEXT_CHARS_MAX} characters."
        raise _wrong("validation_length_too_long", told)
    try:
        statements = split(text)
    except ScriptError as error:
        raise _wrong("validation_invalid_query", f"Line {error.line}: {error}") from None
    if not statements:
        raise _wrong("validation_required", "The query holds no statement.")
    if len(statements) > CONSOLE_STATEMENTS_MAX:
        told = f"The query must have at most {CONSOLE_STATEMENTS_MAX} statements."
        raise _wrong("validation_length_too_long", told)
    for statement in statements:
        _check_names(statement)
    return [statement.sql for statement in statements]


def shown(text: str) -> str:
    """The text for a log: what stands in quotes may be a secret."""
    return " ".join(masked(text).split())[:CONSOLE_LOGGED_CHARS]


def _check_names(statement: Statement) -> None:
    """What is made must not be called like the system's own.

    SQLite does not tell the new name that ALTER gives, nor what a view reads before it is used.
    """
    if not statement.words or statement.words[0] not in _MADE:
        return
    for name in sorted(statement.names):
        if name == "_user":  # the users' own table, which others may refer to
            continue
        if _is_of_the_system(name, new="rename" in statement.names):
            told = f"Line {statement.line}: {name} belongs to the system."
            raise _wrong("validation_invalid_query", told)


def _is_of_the_system(name: str, *, new: bool) -> bool:
    """`new`: it may be the name that a table gets; side tables have a colon in theirs."""
    if name in PROTECTED_TABLES or (new and ":" in name):
        return True
    return is_reserved_table(name) and not name.startswith(_SYSTEM)


def _wrong(code: str, told: str) -> QuillError:
    return invalid(told, {"query": FieldError(code, told)})
