"""A real HTTP server of ours in the test's own loop, over handlers that the test gives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.status_page import StatusPage
from worker.http.client_address import ProxyTrust
from worker.http.headers import FixedHeaders, Position
from worker.http.listener import Listener
from worker.http.request import Request
from worker.http.response import Response
from worker.http.routes import Route, Routes
from worker.http.server import Application
from worker.wire.pocketbase.encode import error_response


@dataclass
class Serving:
    """A running server: where it is, and what it is made of."""

    port: int
    application: Application
    listener: Listener
    page: StatusPage
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, raw: bytes) -> bytes:
        """Send bytes on a new connection and return all that comes until the server closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(raw)
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        return answer


async def echo(_context: object, request: Request, *parameters: str) -> Response:
    """Tell what was understood of a request."""
    body = await request.body()
    told = [request.method, request.path, *parameters, str(len(body)), str(request.query)]
    return Response(200, "\n".join(told).encode(), (), b"text/plain")


ECHO_ROUTES = (
    Route("GET", "/api/collections/{collection}/records/{id}", echo, "view"),
    Route("POST", "/api/collections/{collection}/records", echo, "create"),
    Route("GET", "/other/{name}", echo, "other"),
    Route("POST", "/other/{name}", echo, "other"),
)


@asynccontextmanager
async def serving(
    folder: Path,
    routes: Iterable[Route] = ECHO_ROUTES,
    *,
    origins: Iterable[str] = ("*",),
    trusted: Iterable[str] = ("unix",),
    unix_path: str = "",
) -> AsyncIterator[Serving]:
    """Serve on a free port, or on a unix socket, until the end of the block."""
    page = StatusPage.create(folder / "status")
    application = Application(
        Routes(None, routes),
        error_response,
        Position(page.database()),
        FixedHeaders(origins),
        ProxyTrust(trusted),
    )
    with _listening(unix_path) as bound:
        port = 0 if unix_path else bound.getsockname()[1]
        listener = Listener(application, bound.detach())
    task = asyncio.ensure_future(listener.serve())
    try:
        yield Serving(port, application, listener, page, task)
    finally:
        listener.stop()  # type: ignore[no-untyped-call]
        await task
        listener.listening.close()


def _listening(unix_path: str) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX if unix_path else socket.AF_INET)
    bound.bind(unix_path or ("127.0.0.1", 0))
    bound.listen(128)
    return bound
