"""Every request gets one answer, with everything that an answer carries."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from shared.errors import Kind, QuillError
from shared.limits import BODY_BYTES_MAX
from tests.worker.http.serving import ECHO_ROUTES, Serving, serving
from worker.http.request import Request
from worker.http.response import Response, StreamResponse
from worker.http.routes import Route

RECORD = "/api/collections/posts/records/abc"
RECORDS = "/api/collections/posts/records"


async def _get(server: Serving, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as client:
        return await client.get(path, headers=headers)


def test_both_ways_lead_to_the_same_answer(tmp_path: Path) -> None:
    """The short path and Falcon's router hand over the same request."""

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            short = await _get(server, RECORD + "?a=1&a=2&b=%ff")
            assert short.text.split("\n") == [
                "GET", RECORD, "posts", "abc", "0", "{'a': '1', 'b': '\ufffd'}",
            ]  # fmt: skip
            other = await _get(server, "/other/thing/")
            assert other.text.split("\n")[2] == "thing"

    asyncio.run(scenario())


def test_every_answer_carries_its_headers(tmp_path: Path) -> None:
    """Position, request id, security and CORS headers, on success and on failure."""

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            server.page.database().feed = 0xABC
            server.page.database().head = 7
            for path in (RECORD, "/nowhere"):
                answer = await _get(server, path)
                assert answer.headers["quill-position"] == "main:abc:7"
                assert answer.headers["x-request-id"]
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["access-control-allow-origin"] == "*"
                assert "connection" not in answer.headers

    asyncio.run(scenario())


def test_a_sane_request_id_is_kept(tmp_path: Path) -> None:
    """One that is not gets another."""

    async def scenario() -> None:
        async with serving(tmp_path) as server:
            kept = await _get(server, RECORD, **{"X-Request-Id": "abc-1"})
            assert kept.headers["x-request-id"] == "abc-1"
            for bad in ("a b", "x" * 65, "<script>"):
                answer = await _get(server, RECORD, **{"X-Request-Id": bad})
                assert answer.headers["x-request-id"] not in ("", bad)

    asyncio.run(scenario())


def test_head_is_get_without_a_body(tmp_path: Path) -> None:
    """The length is that of the GET."""

    async def scenario() -> None:
        async with serving(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            whole, head = await client.get(RECORD), await client.head(RECORD)
            assert head.status_code == 200
            assert head.content == b""
            assert head.headers["content-length"] == str(len(whole.content))

    asyncio.run(scenario())


def test_options_is_answered_for_every_path(tmp_path: Path) -> None:
    """A preflight gets 204 and the headers it asked for."""

    async def scenario() -> None:
        async with serving(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            asked = {"Origin": "https://a.example", "Access-Control-Request-Headers": "x-own"}
            answer = await client.options("/whatever", headers=asked)
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-headers"] == "x-own"
            assert "PATCH" in answer.headers["access-control-allow-methods"]

    asyncio.run(scenario())


def test_only_named_origins_are_allowed(tmp_path: Path) -> None:
    """With a list of origins, others get no permission and caches are told to vary."""

    async def scenario() -> None:
        async with serving(tmp_path, origins=("https://a.example",)) as server:
            allowed = await _get(server, RECORD, Origin="https://a.example")
            refused = await _get(server, RECORD, Origin="https://b.example")
            assert allowed.headers["access-control-allow-origin"] == "https://a.example"
            assert "access-control-allow-origin" not in refused.headers
            assert refused.headers["vary"] == "origin"

    asyncio.run(scenario())


def test_errors_have_the_dialects_shape(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A refusal keeps its status; an unexpected exception is a 500 that tells nothing."""

    async def refuse(_context: object, _request: Request, _name: str) -> Response:
        raise QuillError(Kind.CONFLICT, "Taken.")

    async def fail(_context: object, _request: Request) -> Response:
        raise ZeroDivisionError("secret detail")

    async def scenario() -> None:
        routes = (
            Route("GET", "/refuse/{name}", refuse, "other"),
            Route("GET", "/fail", fail, "other"),
        )
        async with serving(tmp_path, routes) as server:
            assert (await _get(server, "/refuse/x")).json()["status"] == 409
            failed = await _get(server, "/fail", **{"X-Request-Id": "find-me"})
            assert failed.status_code == 500
            assert "secret detail" not in failed.text

    asyncio.run(scenario())
    logged = capfd.readouterr().err
    assert "secret detail" in logged
    assert "find-me" in logged


@pytest.mark.parametrize(
    "target",
    [
        b"/", b"//", b"/%", b"/%zz", b"/%ff%fe", b"*", b"/other/%00", b"/other/%f0%f0",
        b"/api/collections/%ff/records/%00", b"/api/collections/a%2fb/records/c", b"/../../etc",
        b"/?" + b"%ff=&" * 300, b"/other/{name}", b"/" + b"a" * 9000, b"/other/" + b"%c3" * 50,
        b"/\xff", b"/?\xff=\xfe",
    ],
)  # fmt: skip
def test_hostile_targets_are_never_a_500(tmp_path: Path, target: bytes) -> None:
    """Whatever the request line says, the answer is a success or a 4xx."""

    async def scenario() -> bytes:
        async with serving(tmp_path) as server:
            return await server.ask(
                b"GET " + target + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            )

    status = int(asyncio.run(scenario()).split(b" ")[1])
    assert status < 500


@pytest.mark.parametrize(
    "head",
    [
        b"GET /other/x HTTP/1.0\r\n",
        b"FOO /other/x HTTP/1.1\r\nhost: x\r\n",
        b"TRACE / HTTP/1.1\r\nhost: x\r\n",
        b"DELETE /other/x HTTP/1.1\r\nhost: x\r\n",
        b"GET /other/x HTTP/1.1\r\nhost: \xff\r\nauthorization: \xff\xfe\r\nx-request-id: \xff\r\n",
        b"GET /other/x HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 600_000 + b"\r\n",
        b"GET /other/x HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 500,
        b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n",
        b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999999\r\n",
        b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: x\r\n",
        b"GET /other/x HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ],
)  # fmt: skip
def test_hostile_heads_are_never_a_500(tmp_path: Path, head: bytes) -> None:
    """Whatever the head says, the answer is a success or a 4xx."""

    async def scenario() -> bytes:
        async with serving(tmp_path) as server:
            return await server.ask(head + b"connection: close\r\n\r\n")

    status = int(asyncio.run(scenario()).split(b" ")[1])
    assert status < 500


def test_bodies_of_all_kinds_are_read(tmp_path: Path) -> None:
    """None, empty, sized, chunked, and exactly as large as allowed."""

    async def chunks() -> object:
        for _ in range(10):
            yield b"x" * 10_000

    async def scenario() -> None:
        async with serving(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            for path in (RECORDS, "/other/x"):
                sizes = []
                for content in (None, b"", b"x" * 1000, chunks(), b"x" * BODY_BYTES_MAX):
                    answer = await client.post(path, content=content)  # type: ignore[arg-type]
                    sizes.append(int(answer.text.split("\n")[3]))
                assert sizes == [0, 0, 1000, 100_000, BODY_BYTES_MAX]

    asyncio.run(scenario())


def test_a_body_that_is_too_large_is_a_413(tmp_path: Path) -> None:
    """Also for a client that sends everything before it reads; one that claims terabytes too."""

    async def scenario() -> None:
        async with serving(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            answer = await client.post(RECORDS, content=b"x" * (BODY_BYTES_MAX + 1))
            assert answer.status_code == 413
            assert answer.json()["status"] == 413
            claimed = await server.ask(
                b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9999999999999\r\n\r\nx"
            )
            assert claimed.startswith(b"HTTP/1.1 413")

    asyncio.run(scenario())


def test_clients_that_leave_do_no_harm(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Gone in the middle of a body, or before the answer: nothing is logged as an error."""
    release: list[asyncio.Event] = []

    async def wait(_context: object, _request: Request) -> Response:
        await release[0].wait()
        return Response(200, b"late")

    async def scenario() -> None:
        release.append(asyncio.Event())
        routes = (*ECHO_ROUTES, Route("GET", "/wait", wait, "other"))
        async with serving(tmp_path, routes) as server:
            for raw in (
                b"POST /other/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
                b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n",
            ):
                _reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(raw)
                await writer.drain()
                await _get(server, RECORD)
                writer.close()
                await writer.wait_closed()
            release[0].set()
            assert (await _get(server, RECORD)).status_code == 200

    asyncio.run(scenario())
    assert "error" not in capfd.readouterr().err


def test_a_stream_is_sent_as_it_comes(tmp_path: Path) -> None:
    """Each chunk at once, and the end when the chunks end."""

    async def scenario() -> None:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def chunks() -> object:
            while (chunk := await queue.get()) is not None:
                yield chunk

        async def stream(_context: object, _request: Request) -> Response:
            return StreamResponse(chunks(), lambda: queue.put_nowait(None))  # type: ignore[arg-type]

        async with (
            serving(tmp_path, (Route("GET", "/s", stream, "realtime"),)) as server,
            httpx.AsyncClient(base_url=server.url) as client,
            client.stream("GET", "/s") as answer,
        ):
            assert answer.headers["content-type"] == "text/event-stream"
            assert "content-length" not in answer.headers
            received = answer.aiter_raw()
            for n in range(3):
                queue.put_nowait(b"data: %d\n\n" % n)
                assert await anext(received) == b"data: %d\n\n" % n
            queue.put_nowait(None)
            assert [chunk async for chunk in received] == []

    asyncio.run(scenario())


def test_a_stream_learns_that_its_client_has_gone(tmp_path: Path) -> None:
    """`closed` is called once, and the chunks end."""

    async def scenario() -> None:
        gone: list[str] = []
        ended = asyncio.Event()
        waiting = asyncio.Event()

        async def chunks() -> object:
            yield b"first"
            await waiting.wait()
            ended.set()

        def closed() -> None:
            gone.append("closed")
            waiting.set()

        async def stream(_context: object, _request: Request) -> Response:
            return StreamResponse(chunks(), closed)  # type: ignore[arg-type]

        async with serving(tmp_path, (Route("GET", "/s", stream, "realtime"),)) as server:
            async with (
                httpx.AsyncClient(base_url=server.url) as client,
                client.stream("GET", "/s") as answer,
            ):
                assert await anext(answer.aiter_raw()) == b"first"
            async with asyncio.timeout(5):
                await ended.wait()
        assert gone == ["closed"]

    asyncio.run(scenario())
