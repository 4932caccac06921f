"""Peers that do not read: bounded, told, cut; at both ports, and nobody else notices."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.sse import Connection
from tests.waiting import until_async
from tests.websocket import LiveClient, RawSocket, frame

PATH = "/api/collections/heavy/records"
TEXT = "y" * 200_000
WRITES = 80
FLOOD = frame(9, b"x" * 125) * 8_000
"""About a megabyte of pings."""


@pytest.fixture(scope="module", autouse=True)
def _heavy(both: ClusterProcess) -> None:
    both.collection("heavy", [{"name": "text", "type": "text", "max": 1_000_000}])


def _sockets(cluster: ClusterProcess) -> int:
    """Connected WebSockets, by the gauge."""
    text = httpx.get(f"{cluster.ops_url}/metrics", timeout=5).text
    found = re.findall(r'^quill_realtime_sockets\{port="\w+"\} (\S+)$', text, re.MULTILINE)
    return int(sum(map(float, found)))


async def _write(cluster: ClusterProcess, quick: LiveClient) -> None:
    """More than any buffer holds; whoever reads hears all of it in order."""
    async with await Connection.open(cluster.port) as connection:
        for number in range(WRITES):
            status, _ = await connection.request("POST", PATH, {"text": f"{number} {TEXT}"})
            assert status == 200
    heard = [event["record"]["text"].split(" ")[0] for event in await quick.take(WRITES)]
    assert heard == list(map(str, range(WRITES)))


def test_a_reader_that_stops_is_told_that_it_lost_events(both: ClusterProcess, port: int) -> None:
    """What it takes at last ends with `bye`, for its queue overflowed, and code 1013."""

    async def scenario() -> None:
        async with (
            await LiveClient.open(port) as quick,
            await LiveClient.open(port, receive_buffer=65_536) as slow,
        ):
            for client in (quick, slow):
                await client.listen("heavy")
            slow.pause()
            await _write(both, quick)
            slow.resume()
            rest, ended = await slow.end()
            assert rest[-1] == {"type": "bye", "reason": "overflow"}
            assert len(rest) < WRITES
            assert ended.code == 1013

    asyncio.run(scenario())


def test_a_reader_that_never_reads_again_is_cut(both: ClusterProcess, port: int) -> None:
    """It has five seconds to take its last messages; then the connection is gone."""

    async def scenario() -> None:
        await until_async(lambda: _sockets(both) == 0, what="an empty start")
        async with await LiveClient.open(port) as quick:
            await quick.listen("heavy")
            slow = await RawSocket.open(port, receive_buffer=4_096)
            slow.send(slow.TEXT, b'{"type":"subscribe","topics":["heavy"]}')
            slow.pause()
            await until_async(lambda: _sockets(both) == 2, what="two sockets")
            await _write(both, quick)
            await until_async(lambda: _sockets(both) == 1, seconds=20, what="the slow one is cut")
            slow.resume()
            assert await slow.closed(20) in (1006, 1013)
            await slow.close()
            await quick.request({"type": "ping"})

    asyncio.run(scenario())


def _resident(cluster: ClusterProcess) -> int:
    """Bytes of the larger worker."""
    sizes = []
    for name, pid in cluster.children().items():
        if name != "writer":
            status = Path(f"/proc/{pid}/status").read_text()
            sizes.append(int(status.split("VmRSS:")[1].split()[0]) * 1024)
    return max(sizes)


@pytest.mark.parametrize("kind", ["pings", "a message without an end"])
def test_what_a_flooder_can_push_is_bounded(both: ClusterProcess, port: int, kind: str) -> None:
    """Its peer reads nothing: it is held back, or cut; and no worker keeps half of what it sent."""
    flood = FLOOD if kind == "pings" else frame(0, b"x" * (len(FLOOD) // 5), final=False) * 5
    before = _resident(both)

    async def scenario() -> None:
        async with await LiveClient.open(port) as other, await RawSocket.open(port) as raw:
            raw.pause()
            raw.send(raw.TEXT, b"x", final=False)
            for number in range(400):
                if raw.writer.transport.is_closing():
                    break
                raw.writer.write(flood)
                if number % 20 == 0:
                    await other.request({"type": "ping"})
            waiting = -1
            while waiting != raw.writer.transport.get_write_buffer_size():
                waiting = raw.writer.transport.get_write_buffer_size()
                for _ in range(100):
                    await other.request({"type": "ping"})
            grown = _resident(both) - before
            assert grown < 200 * len(flood), f"{grown / len(flood):.0f} of 400"

    asyncio.run(scenario())


def test_requests_wait_for_a_reader(both: ClusterProcess, port: int) -> None:
    """Answers that are not read hold back the next requests; none is lost, nobody is closed."""
    wishes = [f"custom/{'x' * 400}{number}" for number in range(500)]
    requests = 60

    async def ask(client: LiveClient) -> None:
        for _ in range(requests):
            await client.send({"type": "subscribe", "ref": "s", "topics": wishes})
        await client.send({"type": "ping", "ref": "end"})

    async def scenario() -> None:
        async with (
            await LiveClient.open(port) as other,
            await LiveClient.open(port, receive_buffer=65_536) as client,
        ):
            client.pause()
            asking = asyncio.create_task(ask(client))
            for _ in range(200):
                await other.request({"type": "ping"})
            assert not asking.done(), "the server took all requests although nobody reads"
            client.resume()
            answers = 0
            while (told := await client.next(60))["type"] != "pong":
                answers += told["type"] == "subscribed"
            assert answers == requests
            await asking

    asyncio.run(scenario())
