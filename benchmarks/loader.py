"""Fills a server with the benchmark's rows through its own HTTP API, as any client would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import orjson

from benchmarks.dataset import Row, rows
from benchmarks.target import TargetError

_CONNECTIONS: Final = 32
_OK: Final = 300


def load(base_url: str, path: str, headers: dict[str, str], count: int) -> None:
    """POST the first `count` rows. Raises TargetError at the first refusal."""
    try:
        asyncio.run(_load(base_url, path, headers, iter(rows(count))))
    except* (OSError, asyncio.IncompleteReadError, TargetError) as group:
        raise TargetError(str(group.exceptions[0])) from group


async def _load(base_url: str, path: str, headers: dict[str, str], posts: Iterator[Row]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_send(base_url, path, headers, posts))


async def _send(base_url: str, path: str, headers: dict[str, str], posts: Iterator[Row]) -> None:
    """One keep-alive connection. httpx costs ten times this for ten thousand rows."""
    address = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = {"Host": address.netloc, "Content-Type": "application/json", **headers}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
    try:
        for post in posts:
            body = orjson.dumps(post)
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            status, answer = await _read(reader)
            if status >= _OK:
                raise TargetError(f"loading: {status} {answer[:300]!r}")
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)
