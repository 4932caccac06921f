"""What one statement of a migration may be: data and schema of the user's, in one transaction."""

from __future__ import annotations

import re
from typing import Final

from shared.schema.reserved import PROTECTED_TABLES
from worker.migrations.script import ScriptError, Statement, split

PROTECTED: Final = PROTECTED_TABLES
"""Tables that only the system changes."""
_ALLOWED: Final = frozenset(
    {
        "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "VALUES",
        "CREATE", "ALTER", "DROP", "REINDEX", "ANALYZE",
    }
)  # fmt: skip
_TRANSACTION: Final = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"})
_TEMPORARY: Final = re.compile(
    r"""CREATE\s+(?:TEMP|TEMPORARY)\b
    | CREATE\s+(?:UNIQUE\s+|VIRTUAL\s+)?(?:TABLE|VIEW|INDEX|TRIGGER)\s+(?:IF\s+NOT\s+EXISTS\s+)?
      ["'`\[]?TEMP["'`\]]?\s*\.""",
    re.VERBOSE | re.IGNORECASE,
)
_REASONS: Final = {
    "PRAGMA": "A migration sets no PRAGMA; foreign keys are off while it runs and checked at its end.",
    "VACUUM": "VACUUM cannot run within a transaction.",
    "ATTACH": "ATTACH has no place in a migration: each database has migrations of its own.",
    "DETACH": "DETACH has no place in a migration: each database has migrations of its own.",
}


def read_script(script: str) -> list[Statement]:
    """The statements of a migration's script, each judged. Raises ScriptError with its line."""
    statements = split(script)
    for statement in statements:
        judge(statement, parameters=False)
    return statements


def judge(statement: Statement, *, parameters: bool) -> None:
    """`parameters`: values for them are at hand. Raises ScriptError."""
    word = statement.words[0] if statement.words else ""
    line = statement.line
    if word in _TRANSACTION:
        raise ScriptError(line, f"{word} has no place in a migration: each is one transaction.")
    if word not in _ALLOWED:
        said = word or statement.sql[:20]
        raise ScriptError(line, _REASONS.get(word, f"{said} has no place in a migration."))
    if _TEMPORARY.match(statement.sql) is not None:
        raise ScriptError(line, "What is temporary has no place in a migration.")
    if statement.parameters and not parameters:
        raise ScriptError(line, "A script has no values for parameters (?, :name, @name).")
    touched = PROTECTED & statement.names
    if touched:
        raise ScriptError(line, f"The table {min(touched)} belongs to the system.")


def executable(statement: Statement) -> str:
    """Its text as a plan carries it: with a space after its first word."""
    length = len(statement.words[0])
    return f"{statement.sql[:length]} {statement.sql[length:].lstrip()}"
