"""Records over HTTP: `/api/collections/{collection}/records[/{id}]`.

The hottest handlers of the product: nothing here runs for a request that does not ask for it.
"""

from __future__ import annotations

from worker.auth.identity import caller
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.read import ListQuery, list_page, view_record
from worker.records.write import create_record, delete_record, update_record
from worker.wire.pocketbase.decode import check_text, json_object, paging, switch
from worker.wire.pocketbase.encode import no_content, page_count, raw_response
from worker.wire.pocketbase.fields import plain_names
from worker.wire.pocketbase.written import ask_of, projected, written_response

_AUTHORIZATION = b"authorization"


async def list_records(context: Context, request: Request, collection: str) -> Response:
    """GET …/records."""
    query = request.query
    page, per_page = paging(query)
    fields = query.get("fields", "")
    only = plain_names(fields) if fields else None
    asked = ListQuery(
        sort=query.get("sort", ""),
        filter=query.get("filter", ""),
        only=only,
        skip_total="skipTotal" in query and switch(query, "skipTotal"),
    )
    found = await list_page(
        context, collection, asked, page, per_page, caller(request.header(_AUTHORIZATION))
    )
    body = (
        f'{{"items":{found.items},"page":{page},"perPage":{per_page},'
        f'"totalItems":{found.total},"totalPages":{page_count(found.total, per_page)}}}'
    ).encode()
    return raw_response(body if only is not None or not fields else projected(body, fields))


async def view(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    who = caller(request.header(_AUTHORIZATION))
    if not request.raw_query or not (fields := request.query.get("fields", "")):
        found = await view_record(context, collection, check_text(record_id), None, who)
        return raw_response(found.encode())
    only = plain_names(fields)
    found = await view_record(context, collection, check_text(record_id), only, who)
    body = found.encode()
    return raw_response(body if only is not None else projected(body, fields))


async def create(context: Context, request: Request, collection: str) -> Response:
    """POST …/records."""
    body = await json_object(request)
    who = caller(request.header(_AUTHORIZATION))
    written = await create_record(context, collection, body, who, ask_of(request, body))
    return written_response(request, written)


async def update(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    body = await json_object(request)
    who = caller(request.header(_AUTHORIZATION))
    written = await update_record(
        context, collection, check_text(record_id), body, who, ask_of(request, body)
    )
    return written_response(request, written)


async def delete(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """DELETE …/records/{id}."""
    who = caller(request.header(_AUTHORIZATION))
    written = await delete_record(
        context, collection, check_text(record_id), who, ask_of(request, {})
    )
    return written_response(request, written) if written.replayed else no_content()
