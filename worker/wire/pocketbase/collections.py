"""Collections over HTTP: `/api/collections[/{collection}]`, for superusers."""

from __future__ import annotations

from worker.auth.identity import caller
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.collection_list import list_collections, view_collection
from worker.records.collections import create_collection, delete_collection, update_collection
from worker.records.read import ListQuery
from worker.wire.pocketbase.decode import json_object, paging, switch
from worker.wire.pocketbase.encode import cut_response, page_count
from worker.wire.pocketbase.written import ask_of, written_response

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
    answer: dict[str, object] = {
        "items": found.items,
        "page": page,
        "perPage": per_page,
        "totalItems": found.total,
        "totalPages": page_count(found.total, per_page),
    }
    return cut_response(request, answer)


async def view(context: Context, request: Request, collection: str) -> Response:
    """GET /api/collections/{collection}."""
    who = caller(request.header(_AUTHORIZATION))
    found = await context.reader.read(view_collection, collection, who)
    return cut_response(request, found)


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
