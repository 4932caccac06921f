"""What the writer says of a migration's plan, in the words of whoever wrote the file."""

from __future__ import annotations

from typing import Final

from shared.messages.commands import Result, Status
from shared.schema.view import ID_MISSING, ID_TWICE
from worker.catalog.change import CONVERSION
from worker.migrations.history import APPLIED, GONE
from worker.migrations.intact import INCOMPLETE, TEMPORARY
from worker.migrations.prepared import Placed, Prepared
from worker.migrations.refusal import MigrationError, at

_INTERRUPT: Final = 9
_STATEMENT_CHARS: Final = 120
_REFUSALS: Final = {
    CONVERSION: "A value of {} does not fit the field's new type.",
    ID_MISSING: "A row of the view {} has no id.",
    ID_TWICE: "Several rows of the view {} have the same id.",
    INCOMPLETE: "The collection {} would lack an index, a side table or a trigger that belongs to "
    "it. Change collections in a Python migration.",
    TEMPORARY: "What is temporary has no place in a migration.",
    APPLIED: "Another process has just applied it.",
    GONE: "Another process has just applied or undone migrations.",
}


def told(result: Result, prepared: Prepared) -> MigrationError:
    """The error behind an outcome that is neither OK nor STALE."""
    placed = _place(result, prepared)
    if result.status is Status.REFUSED:
        refusal, _, name = str(result.payload).partition(":")
        known = _REFUSALS.get(refusal, "It was refused: {}.").format(name or refusal)
        return at(prepared.path, placed.line, known)
    payload = result.payload
    code, message = payload if isinstance(payload, list | tuple) else (0, result.status.name)
    if int(code) & 0xFF == _INTERRUPT:
        message = "It took too long."
    if placed.collection:
        return at(
            prepared.path,
            0,
            f"The collection {placed.collection} could no longer be read: {message}. Change "
            "collections in a Python migration.",
        )
    sql = " ".join(placed.step.sql.split()) if placed.line else ""
    shown = sql if len(sql) <= _STATEMENT_CHARS else f"{sql[:_STATEMENT_CHARS]}…"
    return at(prepared.path, placed.line, f"{message}{f' in: {shown}' if shown else ''}")


def _place(result: Result, prepared: Prepared) -> Placed:
    if 0 <= result.step < len(prepared.placed):
        return prepared.placed[result.step]
    return Placed(prepared.placed[0].step)
