"""A listening socket that is shared: one server leaves it and the next one takes over."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.waiting import until_async
from tests.worker.http.serving import ECHO_ROUTES, serving
from worker.http.connections import count_connections
from worker.http.listener import Listener

_GET = b"GET /other/x HTTP/1.1\r\nhost: x\r\n\r\n"
_GET_AND_CLOSE = b"GET /other/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def test_connections_are_counted(tmp_path: Path) -> None:
    """Those that the server accepted, while they are open."""

    async def scenario() -> None:
        async with serving(tmp_path, ECHO_ROUTES) as server:
            address = server.listener.address
            assert count_connections([address]) == 0
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(_GET)
            await reader.readuntil(b"\r\n\r\n")
            assert count_connections([address]) == 1
            assert count_connections([]) == 0
            writer.close()
            await writer.wait_closed()
            await until_async(lambda: not count_connections([address]), what="hung up")

    asyncio.run(scenario())


def test_every_answer_closes_while_closing(tmp_path: Path) -> None:
    """`Connection: close` is told, and done."""

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            server.application.closing = True
            assert b"connection: close" in await server.ask(_GET)

    asyncio.run(scenario())


def test_new_connections_wait_for_a_successor(tmp_path: Path) -> None:
    """After `stop_accepting`, connections stay in the shared queue until another server comes.

    What was accepted before is served on.
    """

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            ours, theirs = socket.socketpair()
            # In flight, it is nobody's descriptor, as the supervisor's is none of this process.
            socket.send_fds(ours, [b"x"], [server.listener.listening.fileno()])
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(_GET)
            await reader.readuntil(b"\r\n\r\n")
            server.listener.stop_accepting()
            waiting = [asyncio.ensure_future(server.ask(_GET_AND_CLOSE)) for _ in range(20)]
            writer.write(_GET)
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert not any(task.done() for task in waiting)
            _data, kept, _flags, _address = socket.recv_fds(theirs, 1, 1)
            successor = Listener(server.application, kept[0])
            task = asyncio.ensure_future(successor.serve())
            answers = await asyncio.gather(*waiting)
            assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
            writer.close()
            successor.stop()  # type: ignore[no-untyped-call]
            await task
            for opened in (successor.listening, ours, theirs):
                opened.close()

    asyncio.run(scenario())
