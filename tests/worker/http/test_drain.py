"""A worker process that ends: no request is lost to it, with or without keep-alive."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.writer.link import Depot

_PATIENCE_SECONDS = 20
_REQUEST = b"GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n"


class Workers:
    """Incarnations of one slot on one listening socket, as the supervisor starts them."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(512)
        self.port: int = self._listening.getsockname()[1]
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """One more incarnation, ready."""
        reading, writing = os.pipe()
        descriptor = self._listening.fileno()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "worker", "0", str(self._depot.run_directory.path)],
            pass_fds=(descriptor, writing),
            env={
                **os.environ,
                "QUILL_LISTEN_FDS": str(descriptor),
                "QUILL_READY_FD": str(writing),
                "PROMETHEUS_MULTIPROC_DIR": str(self._depot.run_directory.metrics),
            },
        )
        self.processes.append(process)
        os.close(writing)
        assert select.select([reading], [], [], _PATIENCE_SECONDS)[0], "the worker said nothing"
        line = os.read(reading, 4096)
        os.close(reading)
        assert json.loads(line) == {"ready": True}
        return process

    def close(self) -> None:
        """End all."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self._listening.close()


@pytest.fixture
def workers() -> Iterator[Workers]:
    """A slot over a fresh depot with a running writer."""
    folder = Path(tempfile.mkdtemp(prefix="quill-"))
    depot = Depot(folder)
    depot.start()
    depot.page.prepared = True
    made = Workers(depot)
    yield made
    made.close()
    depot.close()
    shutil.rmtree(folder)


class Client:
    """Asks again and again, and counts how that ends."""

    def __init__(self, port: int, seen: Counter[str], *, keep: bool) -> None:
        self._port = port
        self._seen = seen
        self._keep = keep
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""
        while not stop.is_set():
            try:
                await self._ask()
                self._seen["answered"] += 1
            except (OSError, EOFError, AssertionError) as error:
                self._seen[f"lost: {error!r}"] += 1
                self._hang_up()
            await asyncio.sleep(0.001)
        self._hang_up()

    async def _ask(self) -> None:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self._hang_up()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(_REQUEST)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        if not self._keep or b"connection: close" in head:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def test_nothing_is_lost_when_a_successor_takes_over(workers: Workers) -> None:
    """Two replacements under load: every request of every kind of client is answered."""
    seen: Counter[str] = Counter()

    async def scenario() -> None:
        old = await asyncio.to_thread(workers.start)
        stop = asyncio.Event()
        clients = [Client(workers.port, seen, keep=n % 2 == 0) for n in range(16)]
        tasks = [asyncio.ensure_future(client.run(stop)) for client in clients]
        for _ in range(2):
            new = await asyncio.to_thread(workers.start)
            old.terminate()
            assert await asyncio.to_thread(old.wait, _PATIENCE_SECONDS) == 0
            old = new
        stop.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert set(seen) == {"answered"}, seen
    assert seen["answered"] > 1_000


def test_streams_are_ended_and_the_worker_ends(workers: Workers) -> None:
    """An open event stream does not hold a draining worker back."""
    process = workers.start()
    with socket.create_connection(("127.0.0.1", workers.port)) as stream:
        stream.settimeout(_PATIENCE_SECONDS)
        stream.sendall(b"GET /api/realtime HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"PB_CONNECT" in _until(stream, b"PB_CONNECT")
        process.terminate()
        _until(stream, b"0\r\n\r\n")  # the stream's proper end, not a cut
        assert process.wait(_PATIENCE_SECONDS) == 0


def test_a_body_that_never_ends_does_not_hold_it_back(workers: Workers) -> None:
    """Its request is refused as not applied, and the worker ends by itself."""
    process = workers.start()
    with socket.create_connection(("127.0.0.1", workers.port)) as stalled:
        stalled.settimeout(_PATIENCE_SECONDS)
        path = b"/api/collections/_superusers/auth-with-password"
        stalled.sendall(b"POST " + path + b" HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
        with socket.create_connection(("127.0.0.1", workers.port)) as other:
            other.sendall(_REQUEST)  # answered, so the one before it is being served
            _until(other, b"}")
        process.terminate()
        answer = _until(stalled, b"}")
        assert answer.startswith(b"HTTP/1.1 503"), answer
        assert b"quill-outcome: not-applied" in answer
        assert process.wait(_PATIENCE_SECONDS) == 0


def test_idle_connections_do_not_hold_it_back(workers: Workers) -> None:
    """They are closed when the time to tell them is over."""
    process = workers.start()
    with socket.create_connection(("127.0.0.1", workers.port)) as idle:
        idle.settimeout(_PATIENCE_SECONDS)
        idle.sendall(_REQUEST)
        _until(idle, b"}")
        process.terminate()
        assert process.wait(_PATIENCE_SECONDS) == 0
        with suppress(ConnectionResetError):
            assert idle.recv(1) == b""


def _until(connection: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        chunk = connection.recv(65536)
        assert chunk, received
        received += chunk
    return received
