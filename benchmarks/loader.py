"""Fills a server with rows through its own HTTP API, as any client would."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from benchmarks.connection import Connection, Request
from benchmarks.target import TargetError

_CONNECTIONS: Final = 32


def load(
    base_url: str, path: str, records: Iterable[Mapping[str, object]], headers: dict[str, str]
) -> None:
    """POST all records to `path`. Raises TargetError at the first refusal."""
    requests = (Request("POST", path, orjson.dumps(record)) for record in records)
    send_all(base_url, requests, headers)


def send_all(
    base_url: str, requests: Iterable[Request], headers: dict[str, str] | None = None
) -> None:
    """Send them all over 32 connections, in no order. Raises TargetError at the first refusal."""
    try:
        asyncio.run(_send_all(base_url, iter(requests), headers or {}))
    except* (OSError, asyncio.IncompleteReadError, TargetError) as group:
        raise TargetError(str(group.exceptions[0])) from group


async def _send_all(base_url: str, requests: Iterator[Request], headers: dict[str, str]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_send(base_url, requests, headers))


async def _send(base_url: str, requests: Iterator[Request], headers: dict[str, str]) -> None:
    async with Connection(base_url, headers) as connection:
        for request in requests:
            answer = await connection.send(request)
            if not answer.ok:
                raise TargetError(f"{request.path}: {answer.status} {answer.body[:300]!r}")
