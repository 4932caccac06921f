"""Writing records over HTTP: POST `/api/records/v1/{api}`, PATCH and DELETE `…/{api}/{id}`."""

from __future__ import annotations

from typing import Final

import orjson

from worker.apis.served import create_records, delete_record, update_record
from worker.auth.users.caller import user_origin
from worker.auth.users.redirect import check_redirect
from worker.context import Context
from worker.http.conditions import refuse_conditions
from worker.http.request import Request
from worker.http.response import Response
from worker.records.submit import Ask
from worker.wire.trailbase.body import read_record, read_records
from worker.wire.trailbase.encode import TEXT, text_response

_DELETED: Final = "deleted"


def ask_of(request: Request) -> Ask:
    """What a write carries. Raises INVALID for a condition."""
    refuse_conditions(request)
    return Ask(request.id)


async def create(context: Context, request: Request, api: str) -> Response:
    """POST …/{api}: a record, or several at once."""
    body = await read_records(request)
    redirect = body.redirect and check_redirect(context.catalog.current().config, body.redirect)
    ids = await create_records(context, api, body.records, user_origin(request), ask_of(request))
    if redirect:
        return Response(303, b"", ((b"location", redirect.encode("ascii")),), TEXT)
    return Response(200, orjson.dumps({"ids": ids}))


async def update(context: Context, request: Request, api: str, record_id: str) -> Response:
    """PATCH …/{api}/{id}."""
    values = await read_record(request)
    await update_record(context, api, record_id, values, user_origin(request), ask_of(request))
    return Response(200, b"", (), TEXT)


async def delete(context: Context, request: Request, api: str, record_id: str) -> Response:
    """DELETE …/{api}/{id}."""
    await delete_record(context, api, record_id, user_origin(request), ask_of(request))
    return text_response(_DELETED)
