"""A light client of `GET /api/realtime`: raw asyncio streams, made to hold hundreds in one test.

It reads HTTP/1.1 chunked bodies and the server-sent events in them, and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from tests import load

HOST = "127.0.0.1"
_SECONDS = 10.0


class Event(NamedTuple):
    """One server-sent event; `data` is decoded JSON.

    A block that has only an id, which is a resumable stream's heartbeat, has no name and no data.
    """

    id: str
    name: str
    data: Any

    @property
    def position(self) -> str:
        """The end of a resumable stream's id."""
        return self.id.partition(";")[2]


class Closed(Exception):  # noqa: N818 - an event, not an error
    """The server ended the stream."""


class EventStream:
    """One open stream. `events` keeps what arrived and was not yet taken by `next`."""

    def __init__(
        self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.port = port
        self.client_id = ""
        self.position = ""  # of the log when a resumable stream was opened
        self.last_event_id = ""  # where it begins, as a browser would send it
        self.headers: dict[str, str] = {}
        self.heartbeats = 0
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._reader = reader
        self._writer = writer
        self._pump: asyncio.Task[None] | None = None
        self._reading = asyncio.Event()
        self._reading.set()

    @classmethod
    async def open(
        cls, port: int, *, resume: bool = False, since: str = "", last_event_id: str = ""
    ) -> EventStream:
        """Connect and take the first event. The options are three ways to ask for positions."""
        reader, writer = await asyncio.open_connection(HOST, port)
        stream = cls(port, reader, writer)
        query = "?resume=1" if resume else f"?since={since}" if since else ""
        header = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        request = f"GET /api/realtime{query} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n"
        writer.write(request.encode())
        try:
            await stream._begin()
        except BaseException:
            await stream.close()
            raise
        return stream

    async def _begin(self) -> None:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), _SECONDS)
        status, *lines = head.decode().rstrip().split("\r\n")
        assert " 200 " in status, head
        self.headers = dict(line.lower().split(": ", 1) for line in lines)
        self._pump = asyncio.create_task(self._read())
        first = await self.next()
        assert first.name == "PB_CONNECT", first
        self.client_id = first.data["clientId"]
        self.position = first.data.get("position", "")
        if self.position:
            self.last_event_id = (await self.next()).id

    @property
    def slot(self) -> int:
        """The worker that holds the stream."""
        return int(self.client_id[:4], 16)

    async def _read(self) -> None:
        """Chunks in, events out; None when the stream ends."""
        buffer = b""
        try:
            while True:
                await self._reading.wait()
                size = int(await self._reader.readline() or b"0", 16)
                if size == 0:
                    break
                buffer += (await self._reader.readexactly(size + 2))[:-2]
                *whole, buffer = buffer.split(b"\n\n")
                for block in whole:
                    self._take(block)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.events.put_nowait(None)

    def _take(self, block: bytes) -> None:
        if block.startswith(b":"):
            self.heartbeats += 1
            return
        lines = dict(line.split(b":", 1) for line in block.split(b"\n"))
        data = lines.get(b"data")
        self.events.put_nowait(
            Event(
                lines[b"id"].decode(),
                lines.get(b"event", b"").decode(),
                None if data is None else json.loads(data),
            )
        )

    async def next(self, seconds: float = _SECONDS) -> Event:
        """The next event. Raises Closed at the end, TimeoutError when none comes."""
        if self.events.empty():  # a wait with a deadline costs a task, which many events would feel
            event = await asyncio.wait_for(self.events.get(), seconds)
        else:
            event = self.events.get_nowait()
        if event is None:
            self.events.put_nowait(None)
            raise Closed
        return event

    async def take(self, count: int, seconds: float = _SECONDS) -> list[Event]:
        """The next `count` events."""
        async with asyncio.timeout(seconds):
            return [await self.next(seconds) for _ in range(count)]

    async def last(self, seconds: float = _SECONDS) -> Event:
        """The last event before the server ends the stream."""
        last = await self.next(seconds)
        with contextlib.suppress(Closed):
            while True:
                last = await self.next(seconds)
        return last

    def pause(self) -> None:
        """Stop reading, so that the connection's buffers fill up."""
        self._reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._reading.set()

    async def subscribe(self, *topics: str, token: str = "") -> int:
        """Set the subscriptions over a connection of its own; the status."""
        return await set_subscriptions(self.port, self.client_id, topics, token=token)

    async def close(self) -> None:
        """Hang up."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


class Connection:
    """One keep-alive HTTP connection, which stays with one worker."""

    def __init__(self, port: int) -> None:
        self._client = load.Connection(f"http://{HOST}:{port}")

    @classmethod
    async def open(cls, port: int) -> Connection:
        """Connect to whichever worker the kernel chooses."""
        connection = cls(port)
        await connection._client.open()
        return connection

    @classmethod
    async def to_slot(cls, port: int, slot: int) -> Connection:
        """Connect until the worker `slot` answers; it may be restarting."""
        async with asyncio.timeout(30):
            while True:
                connection = await cls.open(port)
                with contextlib.suppress(ConnectionError):
                    _, health = await connection.request("GET", "/_/health")
                    if health["slot"] == slot:
                        return connection
                await connection.close()

    async def request(
        self, method: str, path: str, body: object = None, *, token: str = ""
    ) -> tuple[int, Any]:
        """Send one request; the status and the decoded body. Raises ConnectionError."""
        headers = {"Authorization": token} if token else {}
        async with asyncio.timeout(_SECONDS):
            answer = await self._client.request(method, path, body, headers)
        return answer.status, answer.json() if answer.body else None

    async def position(self) -> str:
        """Where the log is now."""
        async with asyncio.timeout(_SECONDS):
            answer = await self._client.request("GET", "/api/health")
        return answer.headers["quill-position"]

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()


async def set_subscriptions(
    port: int, client_id: str, topics: Iterable[str], *, token: str = ""
) -> int:
    """POST /api/realtime on a new connection; the status."""
    async with await Connection.open(port) as connection:
        body = {"clientId": client_id, "subscriptions": list(topics)}
        status, _ = await connection.request("POST", "/api/realtime", body, token=token)
    return status


def options(**query: str) -> str:
    """The end of a subscription that narrows it, as `filter` and `fields`."""
    return "?options=" + quote(json.dumps({"query": query}))
