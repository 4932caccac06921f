"""The outermost loop of a request: the one place that answers, whatever happened.

    decode (Request) → route → handler → answer

It turns errors into responses, adds the headers that every answer has, counts, and logs what was
slow or failed. It knows neither the dialects nor the database: both are handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

from shared import metrics
from shared.errors import Kind, QuillError, invalid
from shared.limits import PATH_BYTES_MAX, SLOW_REQUEST_SECONDS
from shared.logs import get_logger, is_debugging
from worker.http.bodies import Bodies, Largest, Receive
from worker.http.client_address import ProxyTrust
from worker.http.connections import cut_connection
from worker.http.headers import CLOSE, FixedHeaders, Position
from worker.http.request import Disconnected, Request, Scope, Send
from worker.http.response import Header, Response, StreamResponse
from worker.http.routes import Routes

ErrorResponse = Callable[[QuillError], Response]
SocketHandler = Callable[[Scope, Receive, Send], Awaitable[None]]
"""Serves one websocket scope (ASGI 3) from its handshake to its end."""
_NO_BODY = (204, 304)
_PREFLIGHT_ROUTE = "preflight"
_log = get_logger()


class Application:
    """The ASGI application of a worker.

    `error_response`: the dialect's shape of an error.  `closing`: the worker is about to end, so
    answers ask clients to connect again.  `bodies`: what all requests take to read theirs.
    `sockets`: who serves WebSockets, by path, or by what paths begin with, which ends with `/`.  `largest`: how large bodies may be.  `dialects`:
    other shapes of errors, by what the paths begin with.
    """

    def __init__(
        self,
        routes: Routes,
        error_response: ErrorResponse,
        position: Position,
        headers: FixedHeaders,
        proxies: ProxyTrust,
        sockets: Mapping[str, SocketHandler] | None = None,
        largest: Largest | None = None,
        dialects: Mapping[str, ErrorResponse] | None = None,
    ) -> None:
        self._dialects = dict(dialects or {})
        self._sockets = dict(sockets or {})
        self._routes = routes
        self._error_response = error_response
        self._position = position
        self._headers = headers
        self._always = headers.always
        self._any_origin = headers.any_origin
        self._proxies = proxies
        self._verbose = is_debugging()
        self.bodies = Bodies() if largest is None else Bodies(largest)
        self.closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._socket_handler(scope["path"])(scope, receive, send)
            return
        started = perf_counter()
        position = self._position.header()
        request = Request(scope, receive, send, self._proxies, self.bodies)
        try:
            response = await self._handle(request)
        except QuillError as error:
            response = self._refusal(request, error)
        except Disconnected:
            # Nobody will read it, but granian makes a 500 of a request without any answer.
            response = self._told(request, invalid("The request ended early."))
        except Exception:  # noqa: BLE001 - the outermost loop of a request
            response = self._fault(request)
        try:
            await self._answer(request, response, position)
        finally:
            if request.held_bytes:
                request.release()
        seconds = perf_counter() - started
        metrics.http_request(request.route, response.status, seconds)
        if self._verbose:
            _tell(_log.debug, "request", request, response, seconds)
        elif seconds > SLOW_REQUEST_SECONDS and type(response) is Response:
            _tell(_log.warning, "slow request", request, response, seconds)

    def _socket_handler(self, path: str) -> SocketHandler:
        found = self._sockets.get(path)
        if found is None:
            begun = (one for one in self._sockets if one.endswith("/") and path.startswith(one))
            found = self._sockets.get(next(begun, ""), _refuse)
        return found

    def _handle(self, request: Request) -> Awaitable[Response]:
        """The call of a handler. Not a coroutine itself: each layer of them costs 0.3 µs."""
        method = request.method
        if method == "HEAD":
            request.method = "GET"
        elif method == "OPTIONS":
            return self._preflight(request)
        if len(request.path) > PATH_BYTES_MAX:
            raise invalid("The path is too long.")
        return self._routes.respond(request)

    async def _preflight(self, request: Request) -> Response:
        request.route = _PREFLIGHT_ROUTE
        return Response(204, b"", self._headers.preflight(request))

    # --- What went wrong ------------------------------------------------------------------------

    def _refusal(self, request: Request, error: QuillError) -> Response:
        if error.kind is Kind.INTERNAL:
            _log.error(
                "request failed",
                request_id=request.id,
                method=request.method,
                path=request.path,
                reason=error.message,
                exc_info=True,
            )
        return self._told(request, error)

    def _told(self, request: Request, error: QuillError) -> Response:
        """An error in the shape of the dialect that was asked in."""
        for prefix, shape in self._dialects.items():
            if request.path.startswith(prefix):
                return shape(error)
        return self._error_response(error)

    def _fault(self, request: Request) -> Response:
        """An exception that nobody expected: logged with its traceback, never told."""
        _log.error(
            "request failed",
            request_id=request.id,
            method=request.method,
            path=request.path,
            exc_info=True,
        )
        return self._told(
            request,
            QuillError(Kind.INTERNAL, "Something went wrong while processing your request."),
        )

    # --- Answering ------------------------------------------------------------------------------

    async def _answer(self, request: Request, response: Response, position: Header) -> None:
        """Send a response with everything that every answer carries."""
        body = response.body
        headers = [
            (b"content-type", response.content_type),
            (b"content-length", b"%d" % len(body)),
            position,
            (b"x-request-id", request.id.encode()),
            *self._always,
            *response.headers,
        ]
        if not self._any_origin:
            headers += self._headers.for_origin(request)
        if self.closing:
            headers.append(CLOSE)
        if type(response) is StreamResponse:
            await self._stream(request, response, headers)
            return
        status = response.status
        if status in _NO_BODY:
            del headers[:2]
        elif request.scope["method"] == "HEAD":
            body = b""
        send = request.send
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _stream(
        self, request: Request, response: StreamResponse, headers: list[Header]
    ) -> None:
        """Send chunks as they come, until they end or the client has gone."""
        own_type = any(name == b"content-type" for name, _value in response.headers)
        head = headers[2:] if own_type else [headers[0], *headers[2:]]
        send = request.send
        watcher = asyncio.ensure_future(_watch(request, response))
        try:
            await send({"type": "http.response.start", "status": response.status, "headers": head})
            if request.scope["method"] != "HEAD":
                async for chunk in response.chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            # We have given it up since it reads nothing; granian alone would wait for ever.
            cut_connection(request.scope.get("client"), request.scope.get("server"))
            raise
        finally:
            if not watcher.done():
                watcher.cancel()
                response.closed()


def _tell(
    log: Callable[..., object], event: str, request: Request, response: Response, seconds: float
) -> None:
    """One line for one request."""
    log(
        event,
        request_id=request.id,
        method=request.method,
        path=request.path,
        status=response.status,
        seconds=round(seconds, 4),
    )


async def _watch(request: Request, response: StreamResponse) -> None:
    """Tell the stream when its client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    response.closed()


async def _refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """No WebSocket is served at this path: the handshake is answered 403."""
    await send({"type": "websocket.close", "code": 1000})
