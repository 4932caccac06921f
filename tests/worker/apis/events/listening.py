"""A light client of a record API's stream of events, which keeps the chunks as they came."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Self

from tests.worker.apis.depot import RECORDS

HOST = "127.0.0.1"
_SECONDS = 15.0


class RefusedError(Exception):
    """The stream was not opened. `status`: of the answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


class Stream:
    """One open stream. `chunks`: all that has come, chunk by chunk."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head: dict[str, str] = {}
        self.chunks: list[bytes] = []
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(
        cls, port: int, api: str, record: str = "*", *, query: str = "", token: str = ""
    ) -> Stream:
        """Connect, and take the first comment. Raises RefusedError."""
        reader, writer = await asyncio.open_connection(HOST, port)
        stream = cls(reader, writer)
        header = f"Authorization: Bearer {token}\r\n" if token else ""
        path = f"{RECORDS}/{api}/subscribe/{record}{'?' if query else ''}{query}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n".encode())
        try:
            await stream._begin()
        except BaseException:
            await stream.close()
            raise
        return stream

    async def _begin(self) -> None:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), _SECONDS)
        line, *lines = head.decode().rstrip().split("\r\n")
        self.head = dict(one.lower().split(": ", 1) for one in lines)
        status = int(line.split()[1])
        if status != 200:
            body = await self._reader.readexactly(int(self.head["content-length"]))
            raise RefusedError(status, body.decode())
        assert await self.chunk() == b": ping\n\n"

    async def chunk(self) -> bytes:
        """The next chunk. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(_SECONDS):
            size = int(await self._reader.readline() or b"0", 16)
            if size == 0:
                raise EOFError
            data = (await self._reader.readexactly(size + 2))[:-2]
        self.chunks.append(data)
        return data

    async def next(self) -> dict[str, Any]:
        """The next event, without its number. Raises EOFError."""
        event = await self.whole()
        del event["seq"]
        return event

    async def whole(self) -> dict[str, Any]:
        """The next event. Raises EOFError."""
        while (chunk := await self.chunk()).startswith(b":"):
            pass
        assert chunk.startswith(b"data: "), chunk
        assert chunk.endswith(b"\n\n"), chunk
        assert chunk.count(b"\n") == 2, chunk
        event: dict[str, Any] = json.loads(chunk[6:])
        return event

    async def ended(self) -> bool:
        """Whether the server ends the stream now, without another event."""
        try:
            event = await self.whole()
        except EOFError:
            return True
        raise AssertionError(event)

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
