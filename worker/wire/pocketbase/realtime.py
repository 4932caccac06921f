"""Realtime in PocketBase's dialect: `GET /api/realtime` opens a stream, `POST` says what it hears.

The stream is opened by anybody and hears nothing; the POST, with its own Authorization, decides
who the client is. Statuses of the POST: 204, 400 malformed or from another address, 403 the client
is somebody else, 404 no such client.
"""

from __future__ import annotations

from shared.errors import FieldError, QuillError, invalid
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response, StreamResponse
from worker.realtime.clients import sse
from worker.realtime.clients.encoders import EVENT_STREAM, RESUMABLE_STREAM
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.position import Position, read_position
from worker.realtime.subscribe import Subscribe, subscribe
from worker.wire.pocketbase.decode import text_object
from worker.wire.pocketbase.encode import no_content


async def open_stream(context: Context, request: Request) -> Response:
    """GET /api/realtime: events until one side ends it. Raises UNAVAILABLE, INVALID.

    With `?resume=1`, `?since=POSITION` or a Last-Event-ID of ours, events carry positions, and the
    first topics begin where the client left off.
    """
    resume, since = _resume(request)
    encoder = RESUMABLE_STREAM if resume else EVENT_STREAM
    client = context.hub.connect(request.client_ip, encoder, StreamClient)
    client.since = since
    if resume:  # the id of the first event is no position: from now on a browser has one
        words = context.hub.words
        begins = since or Position(words.feed, words.head)
        client.send(encoder.heartbeat(client.id, str(begins)))
    return StreamResponse(client.chunks(), client.abandon, sse.HEADERS)


def _resume(request: Request) -> tuple[bool, Position | None]:
    """Whether the client wants positions, and the one that it left off at."""
    last = request.header(b"last-event-id") or ""
    _client_id, told, position = last.partition(";")
    since = (position if told else "") or request.query.get("since", "")
    if since:  # a browser goes back to its first address with the last id that it heard
        return True, read_position(since)
    return request.query.get("resume", "") in ("1", "true"), None


async def set_subscriptions(context: Context, request: Request) -> Response:
    """POST /api/realtime `{"clientId", "subscriptions"}`: replace all that a client listens to."""
    body = await text_object(request, "subscriptions")
    wish = Subscribe(
        _client_id(body.get("clientId")),
        _subscriptions(body.get("subscriptions")),
        request.client_ip,
        request.header(b"authorization") or "",
    )
    await subscribe(context, wish)
    return no_content()


def _client_id(value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= 255:
        return value
    raise _wrong("clientId", "validation_required", "The client id of an open stream is needed.")


def _subscriptions(value: object) -> list[str]:
    """A list of strings; a missing one means none, which ends all subscriptions."""
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise _wrong("subscriptions", "validation_invalid_value", "A list of strings is needed.")


def _wrong(field: str, code: str, message: str) -> QuillError:
    return invalid("Something went wrong.", {field: FieldError(code, message)})
