"""A listening socket that is shared: one server leaves it and the next one takes over."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from tests.waiting import until_async
from tests.worker.http.serving import ECHO_ROUTES, serving
from worker.http.connections import count_connections, cut_connection
from worker.http.listener import Listener, port_of

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


def test_a_connection_is_cut_by_its_two_ends() -> None:
    """That one and no other; one that is not there, or has no ends, is nobody's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = listening.getsockname()
        with socket.create_connection(here) as one, socket.create_connection(here) as other:
            served = [listening.accept()[0] for _ in range(2)]
            peer = one.getsockname()
            cut_connection(None, None)
            cut_connection(peer, None)
            cut_connection((peer[0], str(peer[1])), (here[0], str(here[1] + 1)))
            served[0].sendall(b"before")
            assert one.recv(10) == b"before"
            cut_connection((peer[0], str(peer[1])), (here[0], str(here[1])))
            assert one.recv(10) == b""
            other.sendall(b"still here")
            assert served[1].recv(10) == b"still here"
            for each in served:
                each.close()


def test_a_listening_socket_knows_its_port() -> None:
    """A unix socket has none."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("")
        assert port_of(tcp.fileno()) == tcp.getsockname()[1]
        assert port_of(unix.fileno()) is None
