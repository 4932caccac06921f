"""WebSockets on the main port: granian's ASGI messages on one side, a session on the other.

Granian reads only when it is asked to, answers pings, joins fragments, and ends a connection with
broken frames by itself. It cannot end one whose peer does not read: then the socket is cut. What it
keeps for peers that flood it is watched (watch.py).
"""

from __future__ import annotations

from typing import Final

from shared import metrics
from shared.errors import QuillError
from worker.context import Context
from worker.http.bodies import Receive
from worker.http.handshake import deny, header_values
from worker.http.request import Scope, Send
from worker.realtime.clients.main_socket import MainSocket
from worker.wire.websocket.gate import TEXT, Gate
from worker.wire.websocket.session import ErrorResponse, Session
from worker.wire.websocket.watch import Watch

_FORWARDED: Final = b"x-forwarded-for"


class MainPort:
    """Serves ASGI websocket scopes. `watch`: over all who came through this port."""

    def __init__(self, context: Context, gate: Gate, error_response: ErrorResponse) -> None:
        self._context = context
        self._gate = gate
        self._error_response = error_response
        self.watch = Watch()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end."""
        try:
            client = self._admit(scope)
        except QuillError as error:
            await deny(send, self._error_response(error))
            return
        metrics.REALTIME_MAIN_SOCKETS.inc()
        try:
            self.watch.add(client)
            await receive()  # websocket.connect
            await send({"type": "websocket.accept"})
            session = Session(self._context, client, self._error_response)
            await client.converse(session, receive, send)
        finally:
            self.watch.remove(client)
            client.abandon()
            metrics.REALTIME_MAIN_SOCKETS.dec()

    def _admit(self, scope: Scope) -> MainSocket:
        """Raises NOT_FOUND, FORBIDDEN, UNAVAILABLE."""
        host = header_values(scope, b"host")
        self._gate.check(scope["path"], header_values(scope, b"origin"), host[0] if host else "")
        ip = self._gate.client_ip(scope, header_values(scope, _FORWARDED))
        client = self._context.hub.connect(ip, TEXT, MainSocket)
        client.ends = (scope.get("client"), scope.get("server"))
        return client
