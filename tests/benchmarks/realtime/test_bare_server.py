"""The yardstick really broadcasts, to everybody and in order."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing

from websockets.asyncio.client import connect

from benchmarks.realtime.bare_server import WELCOME
from benchmarks.realtime.servers import BareServer, bare

_MARKS = [f"{number:08}" for number in range(20)]


async def _hear(server: BareServer) -> list[list[str]]:
    address = f"ws://127.0.0.1:{server.port('bare')}/"
    async with asyncio.timeout(20), connect(address) as one, connect(address) as other:
        assert [await each.recv() for each in (one, other)] == [WELCOME, WELCOME]
        with closing(server.writer(1)) as writer:
            sent = writer.write(_MARKS)
            assert list(sent) == server.order(_MARKS) == _MARKS
            messages = [[json.loads(await each.recv()) for _ in _MARKS] for each in (one, other)]
    return [[message["record"]["mark"] for message in heard] for heard in messages]


def test_every_client_hears_every_message_in_order() -> None:
    """Two clients of the library, twenty messages in one go."""
    with bare() as server:
        assert asyncio.run(_hear(server)) == [_MARKS, _MARKS]
