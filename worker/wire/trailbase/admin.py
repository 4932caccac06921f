"""The admin API: SQL that is run or parsed, and the record APIs that cannot be served; for admins.

Errors have their reason as text, whatever the status.
"""

from __future__ import annotations

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Final

import orjson

from shared.depot.layout import MAIN
from shared.errors import QuillError, invalid
from shared.messages.console import Column
from shared.schema.tables.column import preferred_type
from worker.apis.watch import broken_apis
from worker.auth.users.admin import admin_caller
from worker.console.parse import Form, fault_of
from worker.console.run import Asked, require_admin, run_text
from worker.context import Context
from worker.http.failures import STATUS, failure_headers
from worker.http.json_body import parse_json
from worker.http.request import Request
from worker.http.response import Header, Response
from worker.wire.trailbase.encode import TEXT

PREFIX: Final = "/api/_admin/"
_CUT: Final[Header] = (b"quill-rows-cut", b"true")
_FORMS: Final = {form.value: form for form in Form}


async def query(context: Context, request: Request) -> Response:
    """POST /api/_admin/query `{query, attached_databases?, database?}`."""
    caller = admin_caller(request)
    await require_admin(context, caller)
    body = await _object(request)
    attached = body.get("attached_databases") or []
    if not isinstance(attached, list) or not all(isinstance(one, str) for one in attached):
        raise invalid("attached_databases is a list of names")
    database = body.get("database") or MAIN
    if not isinstance(database, str):
        raise invalid("database is a name")
    asked = Asked(body.get("query"), database, tuple(attached))
    answer = (await run_text(context, asked, caller, request.id)).answer
    columns = None if answer.columns is None else [_column(one) for one in answer.columns]
    rows = [[_value(value) for value in row] for row in answer.rows]
    changed = (b"quill-rows-affected", str(answer.changes).encode())
    headers = (changed, _CUT) if answer.cut else (changed,)
    return Response(200, orjson.dumps({"columns": columns, "rows": rows}), headers)


async def parse(context: Context, request: Request) -> Response:
    """POST /api/_admin/parse `{query, mode}`; the query as URL-safe base64."""
    await require_admin(context, admin_caller(request))
    body = await _object(request)
    form = _FORMS.get(str(body.get("mode")))
    if form is None:
        raise invalid("mode is Expression or Statement")
    fault = await fault_of(_decoded(body.get("query")), form)
    return Response(200, orjson.dumps({"ok": not fault, "message": fault or None}))


async def record_apis(context: Context, request: Request) -> Response:
    """GET /api/_admin/record_apis: those that cannot be served at this moment, and why."""
    await require_admin(context, admin_caller(request))
    broken = [{"name": one.name, "reason": one.reason} for one in await broken_apis(context)]
    return Response(200, orjson.dumps({"broken": broken}))


def error_response(error: QuillError) -> Response:
    """The status and the reason."""
    body = error.message.encode("utf-8", "replace")
    return Response(STATUS[error.kind], body, failure_headers(error), TEXT)


async def _object(request: Request) -> dict[str, object]:
    value = parse_json(await request.body())
    if not isinstance(value, dict):
        raise invalid("an object was expected")
    return value


def _decoded(text: object) -> str:
    try:
        return urlsafe_b64decode(str(text).encode("ascii")).decode()
    except (Base64Error, ValueError):
        raise invalid("query is URL-safe base64 of UTF-8") from None


def _column(column: Column) -> dict[str, object]:
    options: list[object] = [] if column.nullable else ["NotNull"]
    if column.primary:
        options.append({"Unique": {"is_primary": True, "conflict_clause": None}})
    kind = preferred_type(column.declared).value.capitalize()
    return {
        "name": column.name,
        "type_name": column.declared,
        "data_type": kind,
        "affinity_type": "Numeric" if kind == "Any" else kind,
        "options": options,
    }


def _value(value: object) -> object:
    """A number that JSON has not is told as text."""
    if value is None:
        return "Null"
    if isinstance(value, int):
        return {"Integer": value}
    if isinstance(value, float):
        if math.isinf(value):
            return {"Text": "Inf" if value > 0 else "-Inf"}
        return {"Real": value}
    if isinstance(value, bytes):
        return {"Blob": {"Base64UrlSafe": urlsafe_b64encode(value).decode()}}
    return {"Text": value}
