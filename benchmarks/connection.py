"""One keep-alive connection of a load generator. httpx costs ten times this a request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit


class Request(NamedTuple):
    """What is sent. `body` is JSON, empty for none; `token` goes into `Authorization`."""

    method: str
    path: str
    body: bytes = b""
    token: str = ""


class Answer(NamedTuple):
    """What came back, its headers' names in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


class Connection:
    """Use as an async context manager. Raises OSError and asyncio.IncompleteReadError."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        address = urlsplit(base_url)
        self._address = (address.hostname, address.port)
        lines = {"Host": address.netloc, "Content-Type": "application/json", **(headers or {})}
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._writer.close()

    async def send(self, request: Request) -> Answer:
        """One request and its whole answer; answers name their length, as ours all do."""
        token = f"Authorization: {request.token}\r\n" if request.token else ""
        self._writer.write(
            f"{request.method} {request.path} HTTP/1.1\r\n{self._lines}{token}"
            f"Content-Length: {len(request.body)}\r\n\r\n".encode()
            + request.body
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(head[0].split(" ", 2)[1]), body, headers)
