"""Collections over HTTP: `/api/collections[/{collection}]`, for superusers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.auth.identity import caller
from worker.records.collection_list import list_collections, view_collection
from worker.records.collections import create_collection, delete_collection, update_collection
from worker.records.read import ListQuery
from worker.wire.pocketbase.decode import json_object, paging, switch
from worker.wire.pocketbase.encode import json_response
from worker.wire.pocketbase.fields import project
from worker.wire.pocketbase.written import ask_of, written_response

if TYPE_CHECKING:
    from worker.context import Context
    from worker.http.request import Request
    from worker.http.response import Response

_AUTHORIZATION = b"authorization"


async def list_all(context: Context, request: Request) -> Response:
    """GET /api/collections."""
    query = request.query
    page, per_page = paging(query)
    asked = ListQuery(
        sort=query.get("sort", ""),
        filter=query.get("filter", ""),
        only=frozenset({"id"}),
        skip_total=switch(query, "skipTotal"),
    )
    who = caller(request.header(_AUTHORIZATION))
    found = await context.reader.read(
        list_collections, context.plans, asked, page, per_page, who, transaction=True
    )
    pages = -(-found.total // per_page) if found.total >= 0 else -1
    answer: dict[str, object] = {
        "items": found.items,
        "page": page,
        "perPage": per_page,
        "totalItems": found.total,
        "totalPages": pages,
    }
    fields = query.get("fields", "")
    return json_response(project(answer, fields) if fields else answer)


async def view(context: Context, request: Request, collection: str) -> Response:
    """GET /api/collections/{collection}."""
    who = caller(request.header(_AUTHORIZATION))
    found = await context.reader.read(view_collection, collection, who)
    fields = request.query.get("fields", "")
    return json_response(project(found, fields) if fields else found)


async def create(context: Context, request: Request) -> Response:
    """POST /api/collections."""
    body = await json_object(request)
    who = caller(request.header(_AUTHORIZATION))
    written = await create_collection(context, body, who, ask_of(request, body))
    return written_response(request, written)


async def update(context: Context, request: Request, collection: str) -> Response:
    """PATCH /api/collections/{collection}."""
    body = await json_object(request)
    who = caller(request.header(_AUTHORIZATION))
    written = await update_collection(context, collection, body, who, ask_of(request, body))
    return written_response(request, written)


async def delete(context: Context, request: Request, collection: str) -> Response:
    """DELETE /api/collections/{collection}."""
    who = caller(request.header(_AUTHORIZATION))
    written = await delete_collection(context, collection, who, ask_of(request, {}))
    return written_response(request, written)
