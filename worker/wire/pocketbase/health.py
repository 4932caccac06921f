"""Health over HTTP: PocketBase's `/api/health`, and `/_/health`, which names the worker."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from worker.auth.identity import current_caller
from worker.wire.pocketbase.encode import json_response
from worker.wire.pocketbase.fields import project

if TYPE_CHECKING:
    from worker.context import Context
    from worker.http.request import Request
    from worker.http.response import Response

_MESSAGE: Final = "API is healthy."
_PROXY_HEADERS: Final = (b"x-forwarded-for", b"x-real-ip", b"cf-connecting-ip", b"fly-client-ip")
_NS: Final = 1_000_000_000


async def health(context: Context, request: Request) -> Response:
    """GET /api/health; a superuser learns how the server sees the client."""
    data: dict[str, object] = {}
    if (await current_caller(context, request.header(b"authorization"))).superuser:
        data = {
            "canBackup": True,
            "realIP": request.client_ip,
            "possibleProxyHeader": _proxy_header(request),
        }
    answer = {"message": _MESSAGE, "code": 200, "data": data}
    fields = request.query.get("fields", "")
    return json_response(project(answer, fields) if fields else answer)


async def worker_health(context: Context, _request: Request) -> Response:
    """GET /_/health: which worker answered."""
    uptime = (time.monotonic_ns() - context.started_ns) / _NS
    return json_response(
        {"slot": context.slot, "pid": os.getpid(), "uptime": round(uptime, 3)},
        ((b"cache-control", b"no-store"),),
    )


def _proxy_header(request: Request) -> str:
    """The first header that a proxy may have set, in the spelling of the wire."""
    for name in _PROXY_HEADERS:
        if request.header(name):
            return "-".join(part.capitalize() for part in name.decode().split("-"))
    return ""
