"""Both ports in the test's own loop, over a real hub on a small database without processes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import cast

from worker.context import Context
from worker.http.client_address import ProxyTrust
from worker.http.listener import Listener
from worker.realtime.hub import Hub
from worker.wire.pocketbase.encode import error_response
from worker.wire.websocket.gate import Gate
from worker.wire.websocket.main_port import MainPort
from worker.wire.websocket.second_port import SecondPort

GATE = Gate(("*",), ProxyTrust(()))


def _context(hub: Hub) -> Context:
    """As much of a worker as pings ask for."""
    return cast("Context", SimpleNamespace(hub=hub))


def listening() -> socket.socket:
    """A socket on a free port."""
    return socket.create_server(("127.0.0.1", 0))


@asynccontextmanager
async def second_port(hub: Hub, sock: socket.socket | None = None) -> AsyncIterator[SecondPort]:
    """The second port, on a socket of its own or on a duplicate of `sock`."""
    own = listening() if sock is None else sock.dup()
    port = SecondPort(_context(hub), GATE, error_response, own.detach())
    task = asyncio.create_task(port.serve())
    try:
        yield port
    finally:
        port.stop()
        hub.close_all()
        await asyncio.wait_for(task, 10)


@asynccontextmanager
async def main_port(hub: Hub) -> AsyncIterator[int]:
    """The main port, with nothing but WebSockets; its number."""
    sock = listening()
    number: int = sock.getsockname()[1]
    listener = Listener(MainPort(_context(hub), GATE, error_response), sock.detach())
    task = asyncio.create_task(listener.serve())
    try:
        yield number
    finally:
        hub.close_all()
        listener.stop()  # type: ignore[no-untyped-call]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        listener.listening.close()
