"""`explain=1` on list and view: how the server would answer, as JSON, for superusers."""

from __future__ import annotations

from worker.auth.identity import origin_of
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.explain import Explained, explain_read
from worker.wire.pocketbase.asked import list_query
from worker.wire.pocketbase.decode import paging
from worker.wire.pocketbase.encode import cut_response


async def explain_records(context: Context, request: Request, collection: str) -> Response:
    """GET …/records?explain=1."""
    query = request.query
    page, per_page = paging(query)
    asked = list_query(query, page)._replace(only=None)
    what = Explained(
        collection, query.get("explainAs", ""), asked=asked, page=page, per_page=per_page
    )
    return cut_response(request, await explain_read(context, what, origin_of(request)))


async def explain_record(
    context: Context, request: Request, collection: str, record_id: str
) -> Response:
    """GET …/records/{id}?explain=1."""
    what = Explained(collection, request.query.get("explainAs", ""), record_id)
    return cut_response(request, await explain_read(context, what, origin_of(request)))
