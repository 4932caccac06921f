"""Records over HTTP: `/api/collections/{collection}/records[/{id}]`.

The hottest handlers of the product: nothing here runs for a request that does not ask for it.
"""

from __future__ import annotations

from worker.auth.identity import origin_of
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.fields import plain_names
from worker.records.read import Page, list_page, view_record
from worker.records.version import names_tag
from worker.records.write import create_record, delete_record, update_record
from worker.wire.pocketbase.asked import list_query, wanted_expand
from worker.wire.pocketbase.decode import check_text, json_object, paging, switch
from worker.wire.pocketbase.encode import no_content, page_count, raw_response
from worker.wire.pocketbase.explain import explain_record, explain_records
from worker.wire.pocketbase.written import ask_of, projected, record_response, written_response

_IF_MATCH = b"if-match"


async def list_records(context: Context, request: Request, collection: str) -> Response:
    """GET …/records."""
    query = request.query
    if "explain" in query and switch(query, "explain"):
        return await explain_records(context, request, collection)
    page, per_page = paging(query)
    fields = query.get("fields", "")
    asked = list_query(query, page)
    found = await list_page(context, collection, asked, page, per_page, origin_of(request))
    body = list_body(found, page, per_page)
    shaped = not fields or asked.only is not None
    return raw_response(body if shaped else projected(body, fields))


def list_body(found: Page, page: int, per_page: int) -> bytes:
    """The envelope of a list."""
    return (
        f'{{"items":{found.items},"page":{page},"perPage":{per_page},"totalItems":{found.total},'
        f'"totalPages":{page_count(found.total, per_page)}{_more(found)}}}'
    ).encode()


def _more(found: Page) -> str:
    """What only some lists have: the next cursor, and that the total is a lower bound."""
    if found.next_cursor is None and not found.bounded:
        return ""
    bounded = ',"totalIsBounded":true' if found.bounded else ""
    if found.next_cursor is None:
        return bounded
    return f'{bounded},"nextCursor":"{found.next_cursor}"'


async def view(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """GET …/records/{id}."""
    if request.raw_query:
        return await _view_with(context, request, collection, record_id)
    found = await view_record(context, collection, check_text(record_id), None, origin_of(request))
    return _tagged(request, found.body, found.etag)


async def _view_with(
    context: Context, request: Request, collection: str, record_id: str
) -> Response:
    """The same where the query asks for something."""
    query = request.query
    if switch(query, "explain"):
        return await explain_record(context, request, collection, check_text(record_id))
    fields = query.get("fields", "")
    expand = wanted_expand(query)
    only = plain_names(fields) if fields and not expand else None
    found = await view_record(
        context, collection, check_text(record_id), only, origin_of(request), expand
    )
    shaped = not fields or only is not None
    body = found.body if shaped else projected(found.body, fields)
    return _tagged(request, body, found.etag)


def _tagged(request: Request, body: bytes, etag: str) -> Response:
    """The answer with its ETag; 304 without a body to whoever has this version."""
    headers = ((b"etag", etag.encode()),)
    known = request.header(b"if-none-match")
    if known is not None and names_tag(known, etag):
        return Response(304, b"", headers)
    return raw_response(body, headers)


async def create(context: Context, request: Request, collection: str) -> Response:
    """POST …/records."""
    body = await json_object(request)
    who = origin_of(request)
    written = await create_record(context, collection, body, who, ask_of(request, body))
    return await record_response(context, request, written, who)


async def update(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """PATCH …/records/{id}."""
    body = await json_object(request)
    who = origin_of(request)
    written = await update_record(
        context,
        collection,
        check_text(record_id),
        body,
        who,
        ask_of(request, body),
        request.header(_IF_MATCH),
    )
    return await record_response(context, request, written, who)


async def delete(context: Context, request: Request, collection: str, record_id: str) -> Response:
    """DELETE …/records/{id}."""
    who = origin_of(request)
    written = await delete_record(
        context,
        collection,
        check_text(record_id),
        who,
        ask_of(request, {}),
        request.header(_IF_MATCH),
    )
    return written_response(request, written) if written.replayed else no_content()
