"""What a handler answers: a whole response, or a stream of chunks. Data only; server.py sends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

Header = tuple[bytes, bytes]
JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
EVENT_STREAM = b"text/event-stream"


class Response:
    """A response whose body is known. `headers` have lower-case names and no content-type."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        headers: tuple[Header, ...] = (),
        content_type: bytes = JSON,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.content_type = content_type


class StreamResponse(Response):
    """A response whose chunks are made while it is sent, as for server-sent events.

    The stream ends when `chunks` does. `closed` is called once, when the client has gone: it must
    make `chunks` end soon.
    """

    __slots__ = ("chunks", "closed")

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        closed: Callable[[], None],
        headers: tuple[Header, ...] = (),
        content_type: bytes = EVENT_STREAM,
        status: int = 200,
    ) -> None:
        super().__init__(status, b"", headers, content_type)
        self.chunks = chunks
        self.closed = closed
