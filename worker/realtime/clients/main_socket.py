"""A client over a WebSocket of the main port: granian's ASGI messages on one side.

Each has one task that receives (the request's own) and one that sends whatever has gathered in the
queue. Waiting for a send in turn for each client would be three to four times slower (m), since each
is a round trip to granian's thread.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final, Protocol

from shared.limits import CLIENT_CLOSE_SECONDS
from worker.http.bodies import Receive
from worker.http.connections import End, cut_connection
from worker.http.request import Send
from worker.realtime.clients.bell import Bell
from worker.realtime.clients.client import Admission
from worker.realtime.clients.socket_client import Receiving, SocketClient, byte_count

_FRAME_BYTES: Final = 14  # of a frame around a message, at most


class Conversation(Protocol):
    """What takes a client's messages, in whatever protocol."""

    async def serve(self, receive: Receiving) -> None:
        """Answer until one side ends the connection."""


class MainSocket(SocketClient):
    """A client of the main port.

    `ends`: the two addresses of its connection, the peer's first.  `seen`, `excused`: see watch.py.
    """

    def __init__(self, admission: Admission) -> None:
        self._bell = Bell()
        self._task: asyncio.Task[object] | None = None
        self._was_cut = False
        self.ends: tuple[End, End] = (None, None)
        self.seen = self.excused = 0
        super().__init__(admission)

    def wake(self) -> None:
        """Let the sender go on."""
        self._bell.ring()

    def cut(self) -> None:
        """End the conversation; what the peer did not take is lost."""
        self._was_cut = True
        self._interrupt()

    def _interrupt(self, _sender: object = None) -> None:
        """Wait for no more messages of the peer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def converse(self, session: Conversation, receive: Receive, send: Send) -> None:
        """Receive and send until one side has ended it."""
        task = self._task = asyncio.current_task()
        sender = asyncio.ensure_future(self._send_all(send))
        sender.add_done_callback(self._interrupt)
        try:
            await session.serve(partial(self._next_message, receive))
            if self.closed:  # by the session
                await sender
        except asyncio.CancelledError:
            if self._task is not None or task is None:
                raise  # not by us
            task.uncancel()
        finally:
            self._task = None
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        if self.closed:
            await self._part(send)

    async def _next_message(self, receive: Receive) -> str | bytes | None:
        """Text, bytes of a binary message, or None at the end."""
        event = await receive()
        if event["type"] != "websocket.receive":
            return None
        message: str | bytes | None = event.get("text")
        if message is None:
            message = bytes(event.get("bytes") or b"")
        self.seen += byte_count(message) + _FRAME_BYTES
        return message

    async def _send_all(self, send: Send) -> None:
        """Send whatever gathers, in order, until the client is closed."""
        while self.waiting or not self.closed:
            if self.waiting:
                for message in self.take():
                    await send({"type": "websocket.send", "text": message.decode()})
            else:
                await self._bell.wait()

    async def _part(self, send: Send) -> None:
        """Send the close frame. Granian leaves it out while it waits for a message to receive."""
        if not self._was_cut:
            closing = {"type": "websocket.close", "code": self.close_code, "reason": self.reason}
            try:
                await asyncio.wait_for(send(closing), CLIENT_CLOSE_SECONDS)
            except TimeoutError:
                self._was_cut = True
        if self._was_cut:
            cut_connection(*self.ends)
