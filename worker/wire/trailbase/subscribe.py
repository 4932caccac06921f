"""`GET /api/records/v1/{api}/subscribe/{id or *}`: a stream of what changes.

With `?ws=true` the same events come as messages of a WebSocket (`subscribe_socket.py`).
"""

from __future__ import annotations

from shared.errors import invalid
from worker.apis.events.exchange import ApiExchange
from worker.apis.events.subscribe import Wish, admit_listener, listen
from worker.auth.users.caller import caller_of
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response, StreamResponse
from worker.realtime.clients import sse
from worker.wire.trailbase.events import STREAM, EventClient
from worker.wire.trailbase.query import read_query


async def subscribe(context: Context, request: Request, api: str, record_id: str) -> Response:
    """A stream of server-sent events, live from its first comment on."""
    if asks_for_socket(request):
        raise invalid("a WebSocket is expected")
    wish = read_wish(request, api, record_id)
    caller = caller_of(request)
    admitted = await admit_listener(context, wish, caller)

    def connect(exchange: ApiExchange) -> EventClient:
        return exchange.connect(request.client_ip, STREAM, EventClient)

    client = listen(context, wish, admitted, caller, connect)
    return StreamResponse(client.chunks(), client.abandon, sse.HEADERS)


def read_wish(request: Request, api: str, record_id: str) -> Wish:
    """What is asked for. Raises INVALID."""
    return Wish(api, record_id, read_query(request.raw_query).filter)


def asks_for_socket(request: Request) -> bool:
    """Whether the address is that of a WebSocket."""
    return request.query.get("ws") == "true"
