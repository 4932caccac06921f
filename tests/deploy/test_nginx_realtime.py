"""Live events through the shipped nginx.conf: WebSockets of both ports, streams, rolls and kills."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.deploy.nginx_process import NginxProcess, require_nginx
from tests.faults.crowd import Outcome, listening
from tests.faults.faulty import kill_worker, roll
from tests.faults.listeners import Listener, SocketListener, StreamListener
from tests.faults.scribes import COLLECTION, FIELDS, PATH, log, scribes
from tests.sse import Connection, EventStream
from tests.websocket import LiveClient

_WRITES = 60
_OF_EACH = 4


@dataclass
class Site:
    """nginx and the cluster behind it."""

    cluster: ClusterProcess
    nginx: NginxProcess


@pytest.fixture(params=["second port", "main port"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Two workers on unix sockets; WebSockets go to a port of their own, or where all goes."""
    require_nginx()
    uds, home = tmp_path / "sockets", tmp_path / "nginx"
    home.mkdir()
    own = request.param == "second port"
    flags = [f"--uds-dir={uds}", *(["--realtime-port=0"] if own else [])]
    with (
        ClusterProcess(tmp_path / "depot", arguments=flags) as cluster,
        NginxProcess(home, uds, cluster.realtime_port if own else None) as nginx,
    ):
        cluster.collection(COLLECTION, FIELDS)
        yield Site(cluster, nginx)


async def _create(port: int) -> str:
    async with await Connection.open(port) as connection:
        status, record = await connection.request("POST", PATH, {"step": 0})
    assert status == 200, record
    return str(record["id"])


def test_events_pass_at_once_and_connections_resume(site: Site) -> None:
    """A WebSocket and a stream with positions hear a write, and what they missed, through nginx."""

    async def scenario() -> None:
        port = site.nginx.port
        async with (
            await LiveClient.open(port) as client,
            await EventStream.open(port, resume=True) as stream,
        ):
            await client.listen(COLLECTION)
            assert await stream.subscribe(f"{COLLECTION}/*") == 204
            first = await _create(port)
            message, event = await client.next(), await stream.next()
            assert message["record"]["id"] == event.data["record"]["id"] == first
            assert message["position"] == event.position
        missed = await _create(port)
        async with (
            await LiveClient.open(port) as client,
            await EventStream.open(port, last_event_id=event.id) as stream,
        ):
            (heard,) = await client.listen(COLLECTION, since=message["position"])
            assert await stream.subscribe(f"{COLLECTION}/*") == 204
            again = await stream.next()
            assert heard["record"]["id"] == again.data["record"]["id"] == missed

    asyncio.run(scenario())


def test_pages_of_our_own_host_may_connect(site: Site) -> None:
    """The Host header passes, so that the page's Origin can be compared with it."""

    async def scenario() -> None:
        port = site.nginx.port
        own = {"Origin": f"http://127.0.0.1:{port}"}
        async with await LiveClient.open(port, headers=own) as client:
            assert (await client.request({"type": "ping"}))["type"] == "pong"

    asyncio.run(scenario())
    plain = httpx.get(f"{site.nginx.url}/api/realtime/ws", timeout=10)
    assert 400 <= plain.status_code < 500, "a request that is no handshake"


def test_nobody_loses_an_event_through_a_kill_and_a_roll(site: Site) -> None:
    """Clients behind nginx that keep positions hear every write; the others see each gap."""
    port = site.nginx.port
    some: list[Listener] = []
    for number in range(_OF_EACH):
        some += [
            StreamListener(port, COLLECTION, number, resumes=False),
            StreamListener(port, COLLECTION, number, resumes=True),
            SocketListener(port, COLLECTION, number, resumes=False),
            SocketListener(port, COLLECTION, number, resumes=True),
        ]

    async def scenario() -> Outcome:
        async with listening(site.cluster, some), scribes(site.cluster) as writing:
            await writing.write(_WRITES)
            await kill_worker(site.cluster, 0)
            await writing.write(_WRITES)
            await roll(site.cluster)
            await writing.write(_WRITES)
            await writing.settle()
        return Outcome(some, log(site.cluster.depot), writing)

    outcome = asyncio.run(scenario())
    outcome.check()
    assert outcome.ends >= len(some)


def test_a_reload_of_nginx_keeps_live_connections(site: Site) -> None:
    """Its old processes serve them on; new ones are taken by the new."""

    async def scenario() -> None:
        port = site.nginx.port
        async with (
            await LiveClient.open(port) as client,
            await EventStream.open(port) as stream,
        ):
            await client.listen(COLLECTION)
            assert await stream.subscribe(f"{COLLECTION}/*") == 204
            await asyncio.to_thread(site.nginx.reload)
            record = await _create(port)
            assert (await client.next())["record"]["id"] == record
            assert (await stream.next()).data["record"]["id"] == record

    asyncio.run(scenario())
