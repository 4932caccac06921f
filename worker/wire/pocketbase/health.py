"""Health over HTTP: PocketBase's `/api/health`, and `/_/health`, which names the worker."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from shared.depot.backups import backups_busy
from shared.depot.layout import DepotLayout
from worker.auth.identity import caller_identity
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.wire.pocketbase.encode import cut_response, json_response

_MESSAGE: Final = "API is healthy."
_PROXY_HEADERS: Final = (b"x-forwarded-for", b"x-real-ip", b"cf-connecting-ip", b"fly-client-ip")
_NS: Final = 1_000_000_000


async def health(context: Context, request: Request) -> Response:
    """GET /api/health; a superuser learns how the server sees the client."""
    data: dict[str, object] = {}
    if (await caller_identity(context, request.header(b"authorization"))).superuser:
        data = {
            "canBackup": not backups_busy(DepotLayout(Path(context.settings.depot))),
            "realIP": request.client_ip,
            "possibleProxyHeader": _proxy_header(request),
        }
    answer = {"message": _MESSAGE, "code": 200, "data": data}
    return cut_response(request, answer)


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
