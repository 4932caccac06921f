"""Collections over HTTP: `/api/collections…`, for superusers."""

from __future__ import annotations

from worker.auth.identity import origin_of
from worker.catalog.collection_list import list_collections, view_collection
from worker.catalog.collections import (
    create_collection,
    delete_collection,
    truncate_collection,
    update_collection,
)
from worker.catalog.dry_run import dry_run_view
from worker.catalog.import_list import import_collections
from worker.catalog.scaffolds import oauth2_providers, scaffolds
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.read import ListQuery
from worker.wire.pocketbase.decode import json_object, paging, switch
from worker.wire.pocketbase.encode import cut_response, page_count
from worker.wire.pocketbase.written import ask_of, written_response


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
    found = await context.reader.read(
        list_collections,
        context.plans,
        asked,
        page,
        per_page,
        origin_of(request),
        transaction=True,
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
    found = await context.reader.read(view_collection, collection, origin_of(request))
    return cut_response(request, found)


async def create(context: Context, request: Request) -> Response:
    """POST /api/collections."""
    body = await json_object(request)
    written = await create_collection(context, body, origin_of(request), ask_of(request, body))
    return written_response(request, written)


async def update(context: Context, request: Request, collection: str) -> Response:
    """PATCH /api/collections/{collection}."""
    body = await json_object(request)
    ask = ask_of(request, body)
    written = await update_collection(context, collection, body, origin_of(request), ask)
    return written_response(request, written)


async def delete(context: Context, request: Request, collection: str) -> Response:
    """DELETE /api/collections/{collection}."""
    ask = ask_of(request, {})
    written = await delete_collection(context, collection, origin_of(request), ask)
    return written_response(request, written)


async def truncate(context: Context, request: Request, collection: str) -> Response:
    """DELETE /api/collections/{collection}/truncate."""
    ask = ask_of(request, {})
    written = await truncate_collection(context, collection, origin_of(request), ask)
    return written_response(request, written)


async def import_all(context: Context, request: Request) -> Response:
    """PUT /api/collections/import."""
    body = await json_object(request)
    written = await import_collections(context, body, origin_of(request), ask_of(request, body))
    return written_response(request, written)


async def show_scaffolds(context: Context, request: Request) -> Response:
    """GET /api/collections/meta/scaffolds."""
    return cut_response(request, await context.reader.read(scaffolds, origin_of(request)))


async def show_providers(context: Context, request: Request) -> Response:
    """GET /api/collections/meta/oauth2-providers."""
    return cut_response(request, await context.reader.read(oauth2_providers, origin_of(request)))


async def dry_run(context: Context, request: Request) -> Response:
    """POST /api/collections/meta/dry-run-view."""
    body = await json_object(request)
    return cut_response(request, await dry_run_view(context, body, origin_of(request)))


async def view_import(context: Context, request: Request) -> Response:
    """GET of a collection that is called `import`, like the route of PUT."""
    return await view(context, request, "import")


async def update_import(context: Context, request: Request) -> Response:
    """PATCH of a collection that is called `import`."""
    return await update(context, request, "import")


async def delete_import(context: Context, request: Request) -> Response:
    """DELETE of a collection that is called `import`."""
    return await delete(context, request, "import")
