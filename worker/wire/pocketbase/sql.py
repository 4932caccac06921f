"""`POST /api/sql` `{"query", "database"?}`: the SQL console, for superusers."""

from __future__ import annotations

import math
from base64 import b64encode
from typing import Final

from shared.depot.layout import MAIN
from shared.errors import FieldError, invalid
from worker.auth.identity import origin_of
from worker.console.run import Asked, Outcome, require_admin, run_text
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Header, Response
from worker.wire.pocketbase.decode import json_object
from worker.wire.pocketbase.encode import json_response

CUT: Final[Header] = (b"quill-rows-cut", b"true")
_KEY: Final = b"idempotency-key"


async def run(context: Context, request: Request) -> Response:
    """POST /api/sql. All values are texts or null; a blob is base64."""
    caller = origin_of(request).caller
    await require_admin(context, caller)
    body = await json_object(request)
    if request.header(_KEY) is not None:
        raise invalid("The SQL console takes no Idempotency-Key.")
    database = body.get("database") or MAIN
    if not isinstance(database, str):
        wrong = FieldError("validation_invalid_string", "The database must be a text.")
        raise invalid("Failed to run the query.", {"database": wrong})
    outcome = await run_text(context, Asked(body.get("query"), database), caller, request.id)
    return json_response(_told(outcome), (CUT,) if outcome.answer.cut else ())


def _told(outcome: Outcome) -> dict[str, object]:
    answer = outcome.answer
    columns = [
        {"name": one.name, "type": one.declared, "nullable": one.nullable}
        for one in answer.columns or ()
    ]
    return {
        "execTime": round(outcome.milliseconds, 3),
        "affectedRows": answer.changes,
        "columns": columns,
        "rows": [[_text(value) for value in row] for row in answer.rows],
    }


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, float) and math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return str(value)
