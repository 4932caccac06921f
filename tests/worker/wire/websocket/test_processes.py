"""The second port through all processes: starts, restarts, reloads, drains, and refusals."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess, child_pids
from tests.waiting import until_async
from tests.websocket import LiveClient, RawSocket
from tests.worker.wire.websocket.conftest import BOTH_PORTS

pytestmark = pytest.mark.alone

CLIENTS = 12
DRAINED = ([{"type": "bye", "reason": "drain"}], 1001)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ClusterProcess]:
    """A cluster with both ports for one test that will harm it."""
    with ClusterProcess(tmp_path / "depot", arguments=BOTH_PORTS) as running:
        yield running


async def _clients(cluster: ClusterProcess) -> list[LiveClient]:
    """Some at each port, until every worker has one at each."""
    clients: list[LiveClient] = []
    for port in (cluster.port, cluster.realtime_port):
        slots: set[int] = set()
        while len(slots) < cluster.workers or len(clients) % CLIENTS:
            clients.append(await LiveClient.open(port))
            slots.add(clients[-1].slot)
    return clients


def _maps(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def test_without_the_setting_there_is_neither_port_nor_library(
    own_cluster: ClusterProcess,
) -> None:
    """Only one worker's port listens, and no process has loaded the library."""
    assert "ws://" not in "".join(own_cluster.banner)
    for pid in own_cluster.children().values():
        assert "websockets/speedups" not in _maps(pid)

    async def scenario() -> None:
        async with await LiveClient.open(own_cluster.port) as client:
            await client.request({"type": "ping"})

    asyncio.run(scenario())


def test_only_workers_load_the_library(own: ClusterProcess) -> None:
    """With the setting they do; the writer and the supervisor never."""
    children = own.children()
    for name, pid in {**children, "supervisor": own.pid}.items():
        assert ("websockets/speedups" in _maps(pid)) == name.startswith("worker"), name


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    """By name, with exit code 1, before the depot is touched, and the main port is given back."""
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free.bind(("127.0.0.1", 0))
        main = free.getsockname()[1]
        free.close()
        port = taken.getsockname()[1]
        cluster = ClusterProcess(
            tmp_path / "depot", port=main, arguments=[f"--realtime-port={port}"]
        )
        assert cluster.process.wait(20) == 1
        cluster.stop()
        reason = f"Port {port} on 127.0.0.1 cannot be used: Address already in use.\n"
        assert "".join(cluster.log) == reason
    assert not (tmp_path / "depot").exists()


def test_the_port_of_http_is_no_second_port(tmp_path: Path) -> None:
    """The same number twice is a taken port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster = ClusterProcess(tmp_path / "depot", port=port, env={"QUILL_REALTIME_PORT": str(port)})
    assert cluster.process.wait(20) == 1
    cluster.stop()
    assert f"Port {port} on 127.0.0.1 cannot be used" in "".join(cluster.log)


def test_the_port_survives_its_workers(own: ClusterProcess) -> None:
    """Clients of a killed worker find the same port again, served by its successor."""

    async def scenario() -> None:
        clients = await _clients(own)
        victims = [client for client in clients if client.slot == 1]
        old = own.kill("worker 1")
        for victim in victims:
            _rest, ended = await victim.end()
            assert ended.code == 1006
        await until_async(lambda: own.children().get("worker 1", old) != old and own.ready())
        again = await _clients(own)
        for client in [*again, *(one for one in clients if one.slot == 0)]:
            await client.request({"type": "ping"})
            await client.close()

    asyncio.run(scenario())


def test_a_rolling_reload_sends_everybody_to_the_successors(own: ClusterProcess) -> None:
    """Each client is told why; who comes meanwhile finds a worker, at the second port always."""
    refused = 0

    async def newcomers(stop: asyncio.Event) -> int:
        nonlocal refused
        came = 0
        while not stop.is_set():
            async with await RawSocket.open(own.realtime_port) as raw:
                came += raw.status == 101
                refused += raw.status != 101
            await asyncio.sleep(0.01)
        return came

    async def scenario() -> None:
        clients = await _clients(own)
        before = own.children()
        stop = asyncio.Event()
        coming = asyncio.create_task(newcomers(stop))
        own.process.send_signal(signal.SIGHUP)
        for client in clients:
            rest, ended = await client.end(30)
            assert (rest, ended.code) == DRAINED

        def rolled() -> bool:
            old = {pid for name, pid in before.items() if name != "writer"}
            return not old & set(child_pids(own.pid))

        await until_async(lambda: rolled() and own.ready(), seconds=30, what="new workers")
        stop.set()
        assert await coming > 0
        for client in await _clients(own):
            await client.close()

    asyncio.run(scenario())
    assert refused == 0


def test_a_drain_tells_everybody_and_ends(own: ClusterProcess) -> None:
    """SIGTERM: `bye` and 1001 at both ports, and the process ends well."""

    async def scenario() -> None:
        clients = await _clients(own)
        own.process.terminate()
        for client in clients:
            rest, ended = await client.end(30)
            assert (rest, ended.code) == DRAINED

    asyncio.run(scenario())
    assert own.stop() == 0


def test_a_drain_does_not_wait_for_who_does_not_read(own: ClusterProcess) -> None:
    """A peer that is full and takes nothing is cut after five seconds."""
    own.collection("heavy", [{"name": "text", "type": "text", "max": 1_000_000}])

    async def scenario() -> None:
        stuck = []
        for port in (own.port, own.realtime_port):
            raw = await RawSocket.open(port, receive_buffer=4_096)
            raw.send(raw.TEXT, b'{"type":"subscribe","topics":["heavy"]}')
            for _ in range(3):  # connected, subscribed, live
                await raw.receive()
            raw.pause()
            stuck.append(raw)
        with own.client() as client:
            for _ in range(12):
                await asyncio.to_thread(
                    client.post, "/api/collections/heavy/records", json={"text": "x" * 900_000}
                )
        assert await asyncio.to_thread(own.stop) == 0
        for raw in stuck:
            await raw.close()

    asyncio.run(scenario())
    ended = [event for event in own.events() if event["event"] == "drain took too long; killing"]
    assert ended == []


def test_only_allowed_origins_connect(tmp_path: Path) -> None:
    """A page of another origin is refused at both ports; a program and our own page are not."""
    flags = [*BOTH_PORTS, "--cors-origins=https://app.example"]

    async def scenario(cluster: ClusterProcess) -> None:
        for port in (cluster.port, cluster.realtime_port):
            wanted = {
                "https://app.example": 101,
                f"http://127.0.0.1:{port}": 101,
                "https://evil.example": 403,
                "null": 403,
                "https://app.example.evil": 403,
                "": 403,
            }
            for origin, status in wanted.items():
                async with await RawSocket.open(port, headers={"Origin": origin}) as raw:
                    assert raw.status == status, (origin, raw.head)
            async with await RawSocket.open(port) as raw:
                assert raw.status == 101

    with ClusterProcess(tmp_path / "depot", workers=1, arguments=flags) as cluster:
        asyncio.run(scenario(cluster))


def test_clients_are_counted_by_port(own: ClusterProcess) -> None:
    """And are no longer counted when they have gone."""

    def counted() -> dict[str, float]:
        text = httpx.get(f"{own.ops_url}/metrics", timeout=5).text
        lines = [line for line in text.splitlines() if line.startswith("quill_realtime_sockets{")]
        return {line.split('"')[1]: float(line.split()[-1]) for line in lines}

    async def scenario() -> None:
        clients = [await LiveClient.open(own.port)]
        clients += [await LiveClient.open(own.realtime_port) for _ in range(2)]
        await until_async(lambda: counted() == {"main": 1.0, "second": 2.0})
        for client in clients:
            await client.close()
        await until_async(lambda: counted() == {"main": 0.0, "second": 0.0})

    asyncio.run(scenario())


def test_who_was_accepted_before_a_drain_is_not_refused(tmp_path: Path) -> None:
    """Its handshake succeeds when it comes late, and then it is sent to the next worker."""

    async def scenario(port: int, reload: Callable[[], None]) -> None:
        early = [await RawSocket.connect(port) for _ in range(CLIENTS)]
        client = await LiveClient.open(port)  # the queue is first in, first out: all are accepted
        reload()
        rest, ended = await client.end(30)
        assert (rest, ended.code) == DRAINED
        for raw in early:
            await raw.shake_hands(port)
            away = (RawSocket.CLOSE, (1001).to_bytes(2, "big") + b"drain")
            assert (raw.status, await raw.receive()) == (101, away)
            await raw.close()

    with ClusterProcess(tmp_path / "depot", workers=1, arguments=BOTH_PORTS) as only:
        asyncio.run(scenario(only.realtime_port, lambda: only.process.send_signal(signal.SIGHUP)))
