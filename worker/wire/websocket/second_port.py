"""WebSockets on a port of their own, by the `websockets` library: for many clients at little cost.

No task waits to send. Whoever has something queued is written to once per loop turn, straight to
its transport, while the transport's own buffer is small; the client's bounded queue holds the rest
until the transport has room again. One frame serves all who are told the same.

The library does handshakes, pings, fragments and the closing handshake, and ends connections that
break the protocol. What it leaves open is bounded in connection.py.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from shared import metrics
from shared.errors import QuillError
from shared.limits import (
    CLIENT_CLOSE_SECONDS,
    DRAIN_CLOSE_SECONDS,
    LISTEN_BACKLOG,
    REALTIME_CLIENTS_PER_WORKER,
    REALTIME_SLICE_SECONDS,
    SOCKET_HANDSHAKE_SECONDS,
    SOCKET_MESSAGE_BYTES_MAX,
    SOCKET_PING_SECONDS,
    SOCKET_PONG_SECONDS,
    SOCKET_REQUESTS_WAITING,
    SOCKET_WRITE_BYTES,
)
from worker.context import Context
from worker.realtime.clients.client import Admission
from worker.realtime.clients.socket_client import SocketClient
from worker.realtime.reasons import DRAIN, FULL
from worker.wire.websocket.connection import LiveConnection, Opening
from worker.wire.websocket.frames import FRAMED, text_frame
from worker.wire.websocket.gate import Gate, full
from worker.wire.websocket.session import ErrorResponse, Session

_log: Final = logging.getLogger("quill.websockets")
_log.addHandler(logging.NullHandler())
_log.propagate = False  # what is worth an event is logged by the session


class SecondPort:
    """Serves the protocol on an inherited listening socket."""

    def __init__(
        self, context: Context, gate: Gate, error_response: ErrorResponse, descriptor: int
    ) -> None:
        self._context = context
        self._gate = gate
        self._error_response = error_response
        self._listening = socket.socket(fileno=descriptor)
        self._listening.setblocking(False)
        self._writes = Writes()
        self._opening = Opening()
        self._server: Server | None = None
        self._stopped = asyncio.Event()

    async def serve(self) -> None:
        """Accept until `stop`, and return when the last connection has ended."""
        self._server = await serve(
            self._converse,
            sock=self._listening,
            backlog=LISTEN_BACKLOG,
            create_connection=partial(LiveConnection, self._opening),  # type: ignore[arg-type]
            process_request=self._judge,
            compression=None,
            server_header=None,
            open_timeout=SOCKET_HANDSHAKE_SECONDS,
            ping_interval=SOCKET_PING_SECONDS,
            ping_timeout=SOCKET_PONG_SECONDS,
            close_timeout=CLIENT_CLOSE_SECONDS,
            max_size=SOCKET_MESSAGE_BYTES_MAX,
            max_queue=SOCKET_REQUESTS_WAITING,
            write_limit=SOCKET_WRITE_BYTES,
            logger=_log,
        )
        await self._stopped.wait()
        self._server.close(close_connections=False)
        asyncio.get_running_loop().call_later(DRAIN_CLOSE_SECONDS, self._opening.cut)
        await self._server.wait_closed()

    def stop(self) -> None:
        """Accept nobody any more; new connections are left to whoever else has the socket.

        Clients are told to go by the hub.
        """
        self._stopped.set()

    def _judge(self, _connection: ServerConnection, request: Request) -> Response | None:
        """None to go on with the opening handshake, or the answer that refuses it."""
        headers = request.headers
        host = headers.get_all("Host")
        try:
            path = request.path.partition("?")[0]
            self._gate.check(path, headers.get_all("Origin"), host[0] if host else "")
            if len(self._context.hub) >= REALTIME_CLIENTS_PER_WORKER:
                raise full()
        except QuillError as error:
            return self._refusal(error)
        return None

    def _refusal(self, error: QuillError) -> Response:
        answer = self._error_response(error)
        headers = Headers(
            (name.decode(), value.decode())
            for name, value in (
                (b"Content-Type", answer.content_type),
                (b"Content-Length", b"%d" % len(answer.body)),
                (b"Connection", b"close"),
                *answer.headers,
            )
        )
        return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one client that has passed the handshake, to its end."""
        assert isinstance(connection, LiveConnection)
        assert connection.request is not None
        self._opening.done(connection)
        forwarded = connection.request.headers.get_all("X-Forwarded-For")
        ip = self._gate.client_ip({"client": connection.remote_address}, forwarded)
        make = partial(SecondSocket, connection, self._writes)
        try:
            client = self._context.hub.connect(ip, FRAMED, make)
        except QuillError:
            await self._turn_away(connection)
            return
        metrics.REALTIME_SECOND_SOCKETS.inc()
        connection.has_room = client.wake
        try:
            session = Session(self._context, client, self._error_response)
            await session.serve(partial(_next_message, connection))
            if client.closed:  # by us: the rest and the farewell go out, or it is cut
                await connection.wait_closed()
        finally:
            client.abandon()
            metrics.REALTIME_SECOND_SOCKETS.dec()

    async def _turn_away(self, connection: ServerConnection) -> None:
        """The hub takes nobody: the worker drains, and another one is there, or it is full."""
        if self._stopped.is_set():
            await connection.close(1001, DRAIN)
        else:
            await connection.close(1013, FULL)


async def _next_message(connection: ServerConnection) -> str | bytes | None:
    """Text, bytes of a binary message, or None at the end."""
    try:
        return await connection.recv()
    except ConnectionClosed:
        return None


class SecondSocket(SocketClient):
    """A client of the second port."""

    def __init__(self, connection: LiveConnection, writes: Writes, admission: Admission) -> None:
        self._connection = connection
        self._writes = writes
        self._due = False
        super().__init__(admission)

    def pack(self, message: bytes) -> bytes:
        """An answer as a frame."""
        return text_frame(message)

    def wake(self) -> None:
        """Something waits: write it at the end of this turn, together with what comes until then."""
        if not self._due:
            self._due = True
            self._writes.add(self)

    def cut(self) -> None:
        """The peer did not take its last messages."""
        self._connection.transport.abort()

    def write(self) -> None:
        """Hand what waits to the transport, while that has room."""
        self._due = False
        connection = self._connection
        if connection.paused or not connection.is_open:
            return  # the connection wakes us when it has room
        if self.waiting:
            connection.transport.writelines(self.take())
            if self.waiting:
                self.wake()
        if self.closed and not self.waiting:
            connection.say_goodbye(self.close_code, self.reason)


class Writes:
    """The clients that have something to write, once each; one callback a turn for all of them."""

    def __init__(self) -> None:
        self._due: deque[SecondSocket] = deque()
        self._scheduled = False

    def add(self, client: SecondSocket) -> None:
        """Write to it soon."""
        self._due.append(client)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        """One round, or as much of it as the loop can spare at once."""
        until = time.monotonic() + REALTIME_SLICE_SECONDS
        due = self._due
        for _ in range(len(due)):
            due.popleft().write()
            if time.monotonic() > until:
                break
        self._scheduled = bool(due)
        if due:
            asyncio.get_running_loop().call_soon(self._run)
