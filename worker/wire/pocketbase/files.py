"""Files over HTTP: the short-lived token that stands in an address where no header can."""

from __future__ import annotations

from worker.auth.identity import origin_of
from worker.auth.session import new_file_token
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.wire.pocketbase.encode import cut_response

_NO_STORE = ((b"cache-control", b"no-store"),)


async def create_token(context: Context, request: Request) -> Response:
    """POST /api/files/token."""
    token = await new_file_token(context, origin_of(request).caller)
    return cut_response(request, {"token": token}, _NO_STORE)
