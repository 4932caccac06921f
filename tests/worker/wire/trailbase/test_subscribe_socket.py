"""Events of record APIs as messages of a WebSocket: who says who it is, and how it ends.

Also tests `worker.wire.trailbase.subscribe`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.cluster_process import ClusterProcess
from tests.worker.apis.depot import RECORDS
from tests.worker.apis.events.depot import write_depot
from tests.worker.apis.events.people import create, delete, somebody, update

OLDER = "/api/records/v0/room/subscribe/*"
INIT: dict[str, Any] = {"Init": {"auth_token": None}}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """Two workers over the depot."""
    depot = tmp_path_factory.mktemp("sockets") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="module")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """Nobody."""
    return cluster.client(superuser=False)


@asynccontextmanager
async def opened(
    cluster: ClusterProcess,
    api: str,
    record: str = "*",
    *,
    init: object = INIT,
    query: str = "ws=true",
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[ClientConnection]:
    """A connection that has said who it is."""
    url = f"ws://127.0.0.1:{cluster.port}{RECORDS}/{api}/subscribe/{record}?{query}"
    async with connect(url, additional_headers=headers, proxy=None, ping_interval=None) as socket:
        if init is not None:
            await socket.send(init if isinstance(init, str | bytes) else json.dumps(init))
        yield socket


async def next_of(socket: ClientConnection) -> dict[str, Any]:
    """The next event."""
    async with asyncio.timeout(15):
        event: dict[str, Any] = json.loads(await socket.recv())
    return event


async def code_of(socket: ClientConnection) -> int | None:
    """With which code the server closes it now."""
    with pytest.raises(ConnectionClosed) as closed:
        async with asyncio.timeout(15):
            await socket.recv()
    return None if closed.value.rcvd is None else closed.value.rcvd.code


async def until_it_hears(socket: ClientConnection, guest: httpx.Client, api: str = "room") -> None:
    """Nothing says when a socket is live: write until it hears of one, and of all of them."""
    first = create(guest, api, name="first", n=1)
    while True:
        try:
            async with asyncio.timeout(0.2):
                told = json.loads(await socket.recv())
        except TimeoutError:
            create(guest, api, name="first", n=1)
            continue
        last = create(guest, api, name="last", n=1)
        assert told["Insert"]["id"] >= int(first)
        while told["Insert"]["id"] != int(last):
            told = await next_of(socket)
        return


def test_events_are_messages(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """As in a stream, and without numbers."""

    async def scenario() -> None:
        async with opened(cluster, "room") as socket:
            await until_it_hears(socket, guest)
            room = create(guest, "room", name="new", n=1)
            update(guest, "room", room, n=2)
            delete(guest, "room", room)
            new = {"id": int(room), "name": "new", "n": 1}
            assert await next_of(socket) == {"Insert": new}
            assert await next_of(socket) == {"Update": {**new, "n": 2}}
            assert await next_of(socket) == {"Delete": {**new, "n": 2}}

    asyncio.run(scenario())


def test_who_may_listen(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """By the first message, or by the handshake's own header."""
    anna = somebody(cluster, "anna@sockets.example")

    async def scenario() -> None:
        named = {"Init": {"auth_token": anna.token}}
        async with opened(cluster, "guarded", init=named) as socket:
            await until_it_hears(socket, guest)
        headers = {"Authorization": f"Bearer {anna.token}"}
        async with opened(cluster, "guarded", init=None, headers=headers) as socket:
            await until_it_hears(socket, guest)
        cookie = {"Cookie": f"auth_token={anna.token}"}
        async with opened(cluster, "guarded", init=None, headers=cookie) as socket:
            await until_it_hears(socket, guest)
        elsewhere = {**cookie, "Origin": "https://elsewhere.example"}
        async with opened(cluster, "guarded", headers=elsewhere) as socket:
            assert await code_of(socket) == 1008

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("api", "init"),
    [
        ("guarded", INIT),
        ("nothing", INIT),
        ("silent", INIT),
        ("room", {"Init": {"auth_token": "no token"}}),
        ("room", {"Hello": 1}),
        ("room", "no JSON"),
        ("room", b"\x00"),
    ],
)
def test_who_may_not_listen(cluster: ClusterProcess, api: str, init: object) -> None:
    """The connection is closed as unauthorized."""

    async def scenario() -> None:
        async with opened(cluster, api, init=init) as socket:
            assert await code_of(socket) == 1008

    asyncio.run(scenario())


def test_access_that_is_lost(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """One error, and the connection is closed."""

    async def scenario() -> None:
        room = create(guest, "room", name="mine", n=1)
        async with opened(cluster, "positive", room) as socket:
            n = 1
            while True:  # until it is live
                n += 1
                update(guest, "room", room, n=n)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await socket.recv()
                        break
            update(guest, "room", room, n=0)
            told = await next_of(socket)
            while "Update" in told:
                told = await next_of(socket)
            assert told["Error"]["status"] == 1
            assert await code_of(socket) == 1008

    asyncio.run(scenario())


def test_handshakes_that_are_none(cluster: ClusterProcess) -> None:
    """Another path, no `ws=true`, a wrong filter: answered as requests are."""

    async def status(record: str, query: str) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(cluster, "room", record, query=query):
                pass
        return refused.value.response.status_code

    async def scenario() -> None:
        assert await status("*", "other=1") == 400
        assert await status("*/more", "ws=true") == 404
        assert await status("*", "ws=true&filter[]=1") == 400
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"ws://127.0.0.1:{cluster.port}{OLDER}?ws=true", proxy=None):
                pass
        assert refused.value.response.status_code in {403, 404}

    asyncio.run(scenario())
