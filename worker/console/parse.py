"""Whether a text is SQL, without running it: one expression, or statements."""

from __future__ import annotations

import asyncio
import enum

from shared.limits import CONSOLE_TEXT_CHARS_MAX
from worker.engine.console import fault_of_expression, fault_of_statement
from worker.migrations.script import ScriptError, split


class Form(enum.Enum):
    """What a text is to be."""

    EXPRESSION = "Expression"
    STATEMENT = "Statement"


async def fault_of(text: str, form: Form) -> str:
    """Why it is none, "" where it is; names that nothing has are no fault."""
    if len(text) > CONSOLE_TEXT_CHARS_MAX:
        return f"it has more than {CONSOLE_TEXT_CHARS_MAX} characters"
    return await asyncio.to_thread(_fault, text, form)


def _fault(text: str, form: Form) -> str:
    if form is Form.EXPRESSION:
        return fault_of_expression(text)
    try:
        statements = split(text)
    except ScriptError as error:
        return f"line {error.line}: {error}"
    if not statements:
        return "it is empty"
    for statement in statements:
        if fault := fault_of_statement(statement.sql):
            return f"line {statement.line}: {fault}"
    return ""
