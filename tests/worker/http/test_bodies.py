"""Bodies take bounded memory and bounded patience, over all requests of a worker."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from shared.limits import BODY_BYTES_UNCOUNTED, COLLECTION_BODY_BYTES_MAX, SMALL_BODY_BYTES_MAX
from tests.waiting import until_async
from tests.worker.http.serving import ECHO_ROUTES, Serving, echo, serving
from worker.http import bodies as bodies_module
from worker.http.request import Request
from worker.http.response import Response
from worker.http.routes import Route

_HALF = b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s"
_LARGE = 2 * BODY_BYTES_UNCOUNTED


async def _refusal(server: Serving, raw: bytes) -> dict[str, object]:
    """What a request that is never completed is told."""
    head, _, body = (await server.ask(raw)).partition(b"\r\n\r\n")
    told: dict[str, object] = json.loads(body)
    assert int(head.split(b" ")[1]) == told["status"]
    assert set(told) == {"data", "message", "status"}
    return told


def _waits(server: Serving) -> int:
    return len(server.application.bodies._waits)


@pytest.mark.parametrize("sent", [b"", b"abc", b"x" * BODY_BYTES_UNCOUNTED])
def test_a_stalled_body_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A client that stops sending is told so, and what it sent is forgotten."""
    monkeypatch.setattr(bodies_module, "BODY_STALL_SECONDS", 0.1)
    monkeypatch.setattr(bodies_module, "BODY_SWEEP_SECONDS", 0.05)

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            told = await _refusal(server, _HALF % (_LARGE, sent))
            assert told["status"] == 400
            assert server.application.bodies.held_bytes == _waits(server) == 0

    asyncio.run(scenario())


def test_a_drain_cuts_what_is_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-sent request is refused as not applied; complete ones are served on."""
    monkeypatch.setattr(bodies_module, "BODY_DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(bodies_module, "BODY_SWEEP_SECONDS", 0.05)

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            asking = asyncio.ensure_future(_refusal(server, _HALF % (10, b"abc")))
            await until_async(lambda: _waits(server) == 1, what="the body is awaited")
            server.application.bodies.drain()
            assert (await asking)["status"] == 503
            answer = await server.ask(
                b"POST /other/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
                b"content-length: 3\r\n\r\nabc"
            )
            assert answer.startswith(b"HTTP/1.1 200")

    asyncio.run(scenario())


def test_large_bodies_share_one_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than fits is refused at once; when another is over, there is room again."""
    monkeypatch.setattr(bodies_module, "BODY_BYTES_IN_FLIGHT_MAX", _LARGE + 1)

    async def scenario() -> None:
        release = asyncio.Event()

        async def hold(_context: object, request: Request, _name: str) -> Response:
            size = len(await request.body())
            await release.wait()
            return Response(200, b"%d" % size)

        routes = (*ECHO_ROUTES, Route("POST", "/hold/{name}", hold, "other"))
        async with (
            serving(tmp_path, routes) as server,
            httpx.AsyncClient(base_url=server.url) as client,
        ):
            bodies = server.application.bodies
            first = asyncio.ensure_future(client.post("/hold/x", content=b"x" * _LARGE))
            await until_async(lambda: bodies.held_bytes == _LARGE, what="the body is held")
            told = await _refusal(server, _HALF % (_LARGE, b"x"))
            assert told["status"] == 503
            assert (await client.post("/other/x", content=b"small")).status_code == 200
            release.set()
            assert (await first).text == str(_LARGE)
            await until_async(lambda: bodies.held_bytes == 0, what="there is room again")
            assert (await client.post("/other/x", content=b"x" * _LARGE)).status_code == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("label", "largest"),
    [
        ("auth", SMALL_BODY_BYTES_MAX),
        ("realtime", SMALL_BODY_BYTES_MAX),
        ("setup", SMALL_BODY_BYTES_MAX),
        ("collections", COLLECTION_BODY_BYTES_MAX),
    ],
)
def test_each_class_of_route_has_its_bound(tmp_path: Path, label: str, largest: int) -> None:
    """As large as allowed is served, one byte more is 413, announced or in chunks."""

    async def chunks() -> object:
        yield b"x" * largest
        yield b"x"

    async def scenario() -> None:
        routes = (Route("POST", "/sized/{name}", echo, label),)
        async with (
            serving(tmp_path, routes) as server,
            httpx.AsyncClient(base_url=server.url) as client,
        ):
            assert (await client.post("/sized/x", content=b"x" * largest)).status_code == 200
            for content in (b"x" * (largest + 1), chunks()):
                answer = await client.post("/sized/x", content=content)  # type: ignore[arg-type]
                assert answer.status_code == 413
                assert str(largest) in answer.json()["message"]
            assert server.application.bodies.held_bytes == 0

    asyncio.run(scenario())
