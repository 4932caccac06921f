"""`GET /api/records/v1/{api}/subscribe/{id or *}?ws=true`: events as messages of a WebSocket.

A client that can set no headers, as in a browser, says who it is in its first message:
`{"Init":{"auth_token": text or null}}`. It is asked for unless the handshake has said it. After that
only the server speaks. A connection that may not listen is closed with 1008.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

import msgspec

from shared import metrics
from shared.errors import Kind, QuillError, forbidden, invalid, not_found
from shared.limits import SOCKET_HANDSHAKE_SECONDS, SOCKET_MESSAGE_BYTES_MAX
from shared.logs import get_logger
from worker.apis.events.exchange import ApiExchange
from worker.apis.events.subscribe import Wish, admit_listener, listen
from worker.auth.users.caller import caller_of, caller_with
from worker.auth.users.identity import AUTH_COOKIE, cookie, is_own_page
from worker.context import Context
from worker.http.bodies import Bodies, Receive
from worker.http.client_address import ProxyTrust
from worker.http.handshake import deny, header_values
from worker.http.request import Request, Scope, Send
from worker.realtime.clients.main_socket import MainSocket
from worker.realtime.clients.socket_client import Receiving
from worker.records.caller import Caller
from worker.wire.trailbase.encode import error_response
from worker.wire.trailbase.events import MESSAGES
from worker.wire.trailbase.subscribe import asks_for_socket, read_wish

PREFIX: Final = "/api/records/v1/"
_SUBSCRIBE: Final = "subscribe"
_PARTS: Final = 7  # of /api/records/v1/{api}/subscribe/{id}
_UNAUTHORIZED, _UNEXPECTED, _AGAIN = 1008, 1011, 1013
_log = get_logger()


class _Init(msgspec.Struct):
    auth_token: str | None = None


class _First(msgspec.Struct):
    Init: _Init


_read_first = msgspec.json.Decoder(_First).decode


class _Asked(NamedTuple):
    """What a handshake asks. `caller`: who asks, None for a guest that may still say who it is."""

    wish: Wish
    caller: Caller | None
    ip: str


class Watched(Protocol):
    """Looks after the clients of the main port."""

    def add(self, client: MainSocket) -> None:
        """Begin to watch a client."""

    def remove(self, client: MainSocket) -> None:
        """It has gone."""


class RecordSockets:
    """Serves ASGI websocket scopes of record APIs."""

    def __init__(
        self,
        context: Context,
        check_origin: Callable[[list[str], str], None],
        proxies: ProxyTrust,
        watch: Watched,
    ) -> None:
        """`check_origin`: raises FORBIDDEN for a page that may not connect."""
        self._context = context
        self._check_origin = check_origin
        self._proxies = proxies
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end."""
        try:
            asked = self._asked(scope, receive, send)
        except QuillError as error:
            await deny(send, error_response(error))
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        metrics.REALTIME_MAIN_SOCKETS.inc()
        try:
            await self._serve(asked, scope, receive, send)
        except QuillError as error:
            await send({"type": "websocket.close", "code": _close_code(error), "reason": ""})
        except Exception:  # noqa: BLE001 - the outermost loop of a connection
            _log.exception("a subscription failed")
            await send({"type": "websocket.close", "code": _UNEXPECTED, "reason": ""})
        finally:
            metrics.REALTIME_MAIN_SOCKETS.dec()

    async def _serve(self, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises QuillError where it may not listen."""
        client = await self._listening(asked, receive)
        client.ends = (scope.get("client"), scope.get("server"))
        try:
            self._watch.add(client)
            await client.converse(_Listener(client), receive, send)
        finally:
            self._watch.remove(client)
            client.abandon()

    def _asked(self, scope: Scope, receive: Receive, send: Send) -> _Asked:
        """What a handshake asks for. Raises NOT_FOUND, FORBIDDEN, INVALID."""
        parts = scope["path"].split("/")
        if len(parts) != _PARTS or parts[5] != _SUBSCRIBE or not (parts[4] and parts[6]):
            raise not_found()
        request = Request({**scope, "method": "GET"}, receive, send, self._proxies, Bodies())
        if not asks_for_socket(request):
            raise invalid("a WebSocket is asked for with ws=true")
        host = header_values(scope, b"host")
        self._check_origin(header_values(scope, b"origin"), host[0] if host else "")
        return _Asked(read_wish(request, parts[4], parts[6]), _caller(request), request.client_ip)

    async def _listening(self, asked: _Asked, receive: Receive) -> MainSocket:
        """The client, when it may listen. Raises QuillError."""
        caller = asked.caller or await _introduced(receive)
        admitted = await admit_listener(self._context, asked.wish, caller)

        def connect(exchange: ApiExchange) -> MainSocket:
            return exchange.connect(asked.ip, MESSAGES, MainSocket)

        return listen(self._context, asked.wish, admitted, caller, connect)


class _Listener:
    """The side of a client that only listens: what it sends means nothing."""

    def __init__(self, client: MainSocket) -> None:
        self._client = client

    async def serve(self, receive: Receiving) -> None:
        """Until one side ends the connection."""
        while not self._client.closed:
            if await receive() is None:
                return
            await asyncio.sleep(0)  # many messages that came at once must not hold others


def _caller(request: Request) -> Caller | None:
    """Who the handshake says that it is. Any page may open a WebSocket, and its cookies go along."""
    if request.header(b"origin") and cookie(request, AUTH_COOKIE) and not is_own_page(request):
        return None
    return caller_of(request)


async def _introduced(receive: Receive) -> Caller | None:
    """Who the first message says. Raises FORBIDDEN, also where there is none in time."""
    try:
        async with asyncio.timeout(SOCKET_HANDSHAKE_SECONDS):
            event = await receive()
    except TimeoutError:
        raise forbidden() from None
    text = event.get("text")
    if not isinstance(text, str) or len(text) > SOCKET_MESSAGE_BYTES_MAX:
        raise forbidden()
    try:
        token = _read_first(text).Init.auth_token
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise forbidden() from None
    if not token:
        return None
    caller = caller_with(token)
    if caller is None:
        raise forbidden()
    return caller


def _close_code(error: QuillError) -> int:
    if error.kind is Kind.INTERNAL:
        return _UNEXPECTED
    return _AGAIN if error.kind is Kind.UNAVAILABLE else _UNAUTHORIZED
