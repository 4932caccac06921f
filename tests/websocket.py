"""A small client of `/api/realtime/ws`, for both ports; see docs/realtime-protocol.md.

One task reads. Messages that carry the `ref` of a request are its answer; all others go to `events`
in the order of their arrival. `RawSocket` speaks WebSocket frames by hand, for what no well-kept
library would send.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

HOST = "127.0.0.1"
PATH = "/api/realtime/ws"
_SECONDS = 10.0
_FRAMES_WAITING = 16  # in the library, while the client is paused

Message = dict[str, Any]
"""One decoded JSON object of the protocol."""


class Ended(Exception):  # noqa: N818 - an event, not an error
    """The server closed the connection. `code` is 1006 where it did so without a close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """A request was answered by an `error` message, which is `answer`."""

    def __init__(self, answer: Message) -> None:
        super().__init__(answer)
        self.answer = answer
        self.status: int = answer["status"]


class LiveClient:
    """One connection.

    `client_id`, `position`: of the first message, `connected`.  `events`: what arrived and was not
    yet taken by `next`.  `socket`: the raw one.
    """

    def __init__(self, connection: ClientConnection, raw: socket.socket) -> None:
        self.connected: Message = {}
        self.events: asyncio.Queue[Message | None] = asyncio.Queue()
        self.ended: Ended | None = None
        self.socket = raw
        self._connection = connection
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._refs = map(str, itertools.count(1))
        self._reading = asyncio.Event()
        self._reading.set()
        self._pump: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        port: int,
        path: str = PATH,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int = 0,
    ) -> LiveClient:
        """Connect and take the first message.

        `receive_buffer`: bytes of the kernel's buffer, 0 for its default.
        """
        raw = await _connected(port, receive_buffer)
        connection = await connect(
            f"ws://{HOST}:{port}{path}",
            sock=raw,
            additional_headers=headers,
            compression=None,
            ping_interval=None,
            open_timeout=_SECONDS,
            close_timeout=_SECONDS,
            max_size=None,
            max_queue=_FRAMES_WAITING,
            proxy=None,
        )
        client = cls(connection, raw)
        client._pump = asyncio.create_task(client._read())
        client.connected = await client.next()
        assert client.connected["type"] == "connected", client.connected
        return client

    @property
    def client_id(self) -> str:
        """40 hex digits."""
        return str(self.connected["client"])

    @property
    def position(self) -> str:
        """Where the log was when the connection was opened."""
        return str(self.connected["position"])

    @property
    def slot(self) -> int:
        """The worker that holds the connection."""
        return int(self.client_id[:4], 16)

    async def _read(self) -> None:
        try:
            while True:
                await self._reading.wait()
                self._take(json.loads(await self._connection.recv()))
        except ConnectionClosed as closed:
            received = closed.rcvd
            self.ended = Ended(received.code, received.reason) if received else Ended(1006, "")
        except OSError:
            self.ended = Ended(1006, "")
        finally:
            self._finish()

    def _take(self, message: Message) -> None:
        ref = message.get("ref")
        answer = self._answers.pop(ref, None) if isinstance(ref, str) else None
        if answer is not None and not answer.done():
            answer.set_result(message)
        else:
            self.events.put_nowait(message)

    def _finish(self) -> None:
        self.ended = self.ended or Ended(1006, "")
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(self.ended)
        self.events.put_nowait(None)

    async def send(self, message: Message | str | bytes) -> None:
        """Send a message and wait for nothing; text and bytes go as they are."""
        with contextlib.suppress(ConnectionClosed):  # `next` tells why
            await self._connection.send(
                json.dumps(message) if isinstance(message, dict) else message
            )

    async def ask(self, message: Message, seconds: float = _SECONDS) -> Message:
        """Send a request under a fresh `ref` and return its answer, whatever it is."""
        ref = next(self._refs)
        answer = self._answers[ref] = asyncio.get_running_loop().create_future()
        if self.ended is not None:
            raise self.ended
        await self.send({**message, "ref": ref})
        return await asyncio.wait_for(answer, seconds)

    async def request(self, message: Message, seconds: float = _SECONDS) -> Message:
        """The same, for an answer that is no error. Raises Refused."""
        answer = await self.ask(message, seconds)
        if answer["type"] == "error":
            raise Refused(answer)
        return answer

    async def authenticate(self, token: str) -> Message:
        """Become the record that `token` was made for; a guest for an empty one."""
        return await self.request({"type": "auth", "token": token})

    async def subscribe(self, *topics: str | Message, **defaults: Any) -> Message:
        """Subscribe; `defaults` are `since`, `snapshot` and `leave`."""
        return await self.request({"type": "subscribe", "topics": list(topics), **defaults})

    async def listen(self, *topics: str | Message, **defaults: Any) -> list[Message]:
        """Subscribe, and wait until all are live; what came before the last `live`."""
        answer = await self.subscribe(*topics, **defaults)
        joining = {topic["sub"] for topic in answer["topics"]}
        before = []
        while joining:
            message = await self.next()
            if message["type"] == "live":
                joining.discard(message["sub"])
            else:
                before.append(message)
        return before

    async def unsubscribe(self, *names: str) -> Message:
        """End some subscriptions; all of them when none is named."""
        named = {"topics": list(names)} if names else {}
        return await self.request({"type": "unsubscribe", **named})

    async def next(self, seconds: float = _SECONDS) -> Message:
        """The next message that answers nothing. Raises Ended, TimeoutError when none comes."""
        if self.events.empty():  # a wait with a deadline costs a task, which many events would feel
            message = await asyncio.wait_for(self.events.get(), seconds)
        else:
            message = self.events.get_nowait()
        if message is None:
            self.events.put_nowait(None)
            assert self.ended is not None
            raise self.ended
        return message

    async def take(self, count: int, seconds: float = _SECONDS) -> list[Message]:
        """The next `count` messages that answer nothing."""
        async with asyncio.timeout(seconds):
            return [await self.next(seconds) for _ in range(count)]

    async def end(self, seconds: float = _SECONDS) -> tuple[list[Message], Ended]:
        """Everything until the server closes, and how it did."""
        rest: list[Message] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    rest.append(await self.next(seconds))
        except Ended as ended:
            return rest, ended

    def pause(self) -> None:
        """Stop reading, so that the connection's buffers fill up."""
        self._reading.clear()
        self._connection.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._connection.transport.resume_reading()
        self._reading.set()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self._connection.transport.abort()

    async def close(self) -> None:
        """Hang up in the protocol's way."""
        await self._connection.close()
        if self._pump is not None:
            self._reading.set()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class RawSocket:
    """Frames by hand (RFC 6455, section 5.2). `head`: the answer to the handshake, as it came."""

    TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int = 0) -> RawSocket:
        """Connect and send nothing."""
        raw = await _connected(port, receive_buffer)
        return cls(*await asyncio.open_connection(sock=raw))

    @classmethod
    async def open(
        cls,
        port: int,
        path: str = PATH,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int = 0,
    ) -> RawSocket:
        """Connect and send the handshake; whether it was accepted stands in `head`."""
        raw = await cls.connect(port, receive_buffer=receive_buffer)
        await raw.shake_hands(port, path, headers)
        return raw

    async def shake_hands(
        self, port: int, path: str = PATH, headers: Mapping[str, str] | None = None
    ) -> None:
        """Ask for a WebSocket and take the answer."""
        self.writer.write(handshake(port, path, headers or {}))
        self.head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), _SECONDS)

    def pause(self) -> None:
        """Stop reading, so that the connection's buffers fill up."""
        self.reader._transport.pause_reading()  # type: ignore[attr-defined]

    def resume(self) -> None:
        """Read again."""
        self.reader._transport.resume_reading()  # type: ignore[attr-defined]

    @property
    def status(self) -> int:
        """HTTP status of the handshake."""
        return int(self.head.split(b" ", 2)[1])

    def send(self, opcode: int, payload: bytes, *, final: bool = True) -> None:
        """Write one masked frame."""
        self.writer.write(frame(opcode, payload, final=final))

    async def receive(self, seconds: float = _SECONDS) -> tuple[int, bytes]:
        """Opcode and payload of the next frame. Raises Ended at the end of the stream."""
        try:
            async with asyncio.timeout(seconds):
                first, size = await self.reader.readexactly(2)
                if size == 126:
                    (size,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
                return first & 0x0F, await self.reader.readexactly(size)
        except (OSError, asyncio.IncompleteReadError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise Ended(1006, "") from None

    async def closed(self, seconds: float = _SECONDS) -> int:
        """The code of the close frame that ends the stream, 1006 when there is none."""
        with contextlib.suppress(Ended):
            while True:
                opcode, payload = await self.receive(seconds)
                if opcode == self.CLOSE:
                    return int.from_bytes(payload[:2], "big") if payload else 1005
        return 1006

    async def close(self) -> None:
        """Cut the connection."""
        self.writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


def handshake(port: int, path: str, headers: Mapping[str, str]) -> bytes:
    """The request that asks for a WebSocket."""
    lines = {
        "Host": f"{HOST}:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1")


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """One frame as a client sends it, with a mask of zeros."""
    first = opcode | (0x80 if final else 0)
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    return head + b"\0\0\0\0" + payload


async def _connected(port: int, receive_buffer: int) -> socket.socket:
    raw = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    raw.setblocking(False)
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        await asyncio.get_running_loop().sock_connect(raw, (HOST, port))
    except OSError:
        raw.close()
        raise
    return raw
