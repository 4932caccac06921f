"""The same request over many new connections, so that the kernel gives it to every worker."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.load import Answer, Connection

TIMES = 80


def ask_all(
    url: str, method: str, path: str, body: Any = None, *, token: str = "", times: int = TIMES
) -> list[Answer]:
    """Send it `times` times, each over a connection of its own."""
    return send_all(url, [(method, path, body)] * times, token=token)


def send_all(
    url: str, requests: Sequence[tuple[str, str, Any]], *, token: str = ""
) -> list[Answer]:
    """Send all at once, each over a connection of its own; answers in their order."""

    async def one(method: str, path: str, body: Any) -> Answer:
        headers = {"Authorization": token} if token else {}
        connection = Connection(url, keep_alive=False, headers=headers)
        return await connection.request(method, path, body)

    async def every() -> list[Answer]:
        return await asyncio.gather(*(one(*request) for request in requests))

    return asyncio.run(every())


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status for answer in answers)
