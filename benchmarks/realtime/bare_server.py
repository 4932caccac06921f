"""The yardstick: one process, the `websockets` library under uvloop, and its `broadcast`.

    python -m benchmarks.realtime.bare_server

It prints two ports: one for clients, who hear everything, and one for control, where each line is
a message to broadcast as it is. It has no topics, no rules, no log, no disk, no queues of its own.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

_HOST = "127.0.0.1"
_BACKLOG = 4_096
_LINE_BYTES_MAX = 1 << 20
WELCOME = '{"type":"live"}'
"""The first message: from now on the client is told everything."""


async def _main() -> None:
    listeners: set[ServerConnection] = set()

    async def listen(connection: ServerConnection) -> None:
        listeners.add(connection)
        try:
            await connection.send(WELCOME)
            await connection.wait_closed()
        except ConnectionClosed:
            pass
        finally:
            listeners.discard(connection)

    async def control(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            broadcast(listeners, line[:-1].decode())
        writer.close()

    clients = await serve(listen, _HOST, 0, compression=None, ping_interval=None, backlog=_BACKLOG)
    commands = await asyncio.start_server(control, _HOST, 0, limit=_LINE_BYTES_MAX)
    ports = [server.sockets[0].getsockname()[1] for server in (clients, commands)]
    sys.stdout.write(" ".join(map(str, ports)) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_main())
