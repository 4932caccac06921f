"""Record APIs over HTTP as collections: `/api/collections/{api}/records[/{id}]`.

They are what such a path means where no collection has that name.
"""

from __future__ import annotations

from collections.abc import Awaitable

from worker.apis.mirror import read, write
from worker.apis.names import is_mirrored_api
from worker.apis.values import FormText
from worker.auth.users.caller import user_origin
from worker.context import Context
from worker.http.conditions import refuse_conditions
from worker.http.request import Request
from worker.http.response import Response
from worker.http.routes import Handler
from worker.records.fields import check_fields
from worker.records.submit import Ask
from worker.wire.pocketbase.asked import list_query
from worker.wire.pocketbase.decode import json_object, paging
from worker.wire.pocketbase.encode import no_content, raw_response
from worker.wire.pocketbase.records import list_body
from worker.wire.pocketbase.written import projected


def either(of_collection: Handler, of_api: Handler) -> Handler:
    """The handler of a path that names a collection, or else a record API."""

    def handle(context: Context, request: Request, name: str, *rest: str) -> Awaitable[Response]:
        mirrored = is_mirrored_api(context.catalog.current(), name)
        return (of_api if mirrored else of_collection)(context, request, name, *rest)

    return handle


async def list_records(context: Context, request: Request, api: str) -> Response:
    """GET …/records."""
    query = request.query
    page, per_page = paging(query)
    asked = list_query(query, page)
    found, per_page = await read.list_page(
        context, api, asked, page, per_page, user_origin(request)
    )
    return _answer(request, list_body(found, page, per_page))


async def view(context: Context, request: Request, api: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    found = await read.view_record(context, api, record_id, user_origin(request))
    return _answer(request, found)


async def create(context: Context, request: Request, api: str) -> Response:
    """POST …/records."""
    ask = _ask(request)
    body = await json_object(request, FormText)
    made = await write.create_record(context, api, body, user_origin(request), ask)
    return _answer(request, made)


async def update(context: Context, request: Request, api: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    ask = _ask(request)
    body = await json_object(request, FormText)
    made = await write.update_record(context, api, record_id, body, user_origin(request), ask)
    return _answer(request, made)


async def delete(context: Context, request: Request, api: str, record_id: str) -> Response:
    """DELETE …/records/{id}."""
    await write.delete_record(context, api, record_id, user_origin(request), _ask(request))
    return no_content()


def _ask(request: Request) -> Ask:
    """Raises INVALID for what could not be kept to, once the write is done or beside it."""
    refuse_conditions(request)
    if request.raw_query:
        check_fields(request.query.get("fields", ""))
    return Ask(request.id)


def _answer(request: Request, body: bytes) -> Response:
    fields = request.query.get("fields", "") if request.raw_query else ""
    return raw_response(projected(body, fields) if fields else body)
