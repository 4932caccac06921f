"""One HTTP request as handlers see it: cheap to make, everything else parsed when asked for.

It must not know a dialect. Whatever bytes a client sends, reading them here raises QuillError or
`Disconnected`, never anything else.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from falcon.uri import parse_query_string

from shared.errors import Kind, QuillError
from shared.limits import (
    BODY_BYTES_DISCARDED_MAX,
    BODY_BYTES_UNCOUNTED,
    COLLECTION_BODY_BYTES_MAX,
    SMALL_BODY_BYTES_MAX,
)
from worker.http.bodies import Bodies, Receive
from worker.http.client_address import ProxyTrust

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_LENGTH_DIGITS_MAX: Final = 19
_BODY_BYTES_MAX: Final[Mapping[str, int]] = {
    "auth": SMALL_BODY_BYTES_MAX,
    "realtime": SMALL_BODY_BYTES_MAX,
    "setup": SMALL_BODY_BYTES_MAX,
    "collections": COLLECTION_BODY_BYTES_MAX,
}
_ID_PREFIX: Final = os.urandom(6).hex()
_count = itertools.count(1)


class Disconnected(Exception):  # noqa: N818 - an event, not an error
    """The client went away before its request was read."""


class Request:
    """A request in progress.

    `method`: GET for a HEAD request too.  `path`: percent-decoded.  `raw_query`: as it came.
    `id`: goes through worker, writer and logs.  `scope`, `receive`, `send`: the ASGI call, for
    handlers that stream by themselves.  `route`: class for the metrics, and for how large a body
    may be.  `held_bytes`: of its body, counted in `bodies`; to be released when it is over.
    """

    __slots__ = (
        "_bodies",
        "_headers",
        "_proxies",
        "_query",
        "held_bytes",
        "id",
        "method",
        "path",
        "raw_query",
        "receive",
        "route",
        "scope",
        "send",
    )

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, proxies: ProxyTrust, bodies: Bodies
    ) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_query: bytes = scope["query_string"]
        self.route = "other"
        self.held_bytes = 0
        self._proxies = proxies
        self._bodies = bodies
        self._query: dict[str, str] | None = None
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        inbound = self._headers.get(b"x-request-id")
        self.id = _sane_id(inbound) if inbound else f"{_ID_PREFIX}{next(_count):08x}"

    def header(self, name: bytes) -> str | None:
        """Value of a header, `name` in lower case; the last one when it is repeated."""
        value = self._headers.get(name)
        return None if value is None else value.decode("latin-1")

    def headers(self, name: bytes) -> list[str]:
        """All values of a header that may be repeated, in order."""
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == name]

    @property
    def query(self) -> dict[str, str]:
        """Query parameters, decoded; the first one when a name is repeated.

        Invalid UTF-8 becomes U+FFFD and a broken percent sequence stays as it is.
        """
        if self._query is None:
            self._query = parse_query(self.raw_query) if self.raw_query else {}
        return self._query

    @property
    def client_ip(self) -> str:
        """Address of the client, through trusted proxies; "" when it cannot be known."""
        return self._proxies.client_ip(self.scope, self.headers(b"x-forwarded-for"))

    @property
    def is_loopback(self) -> bool:
        """The client is on this machine, as far as the trusted proxies can tell."""
        return self._proxies.is_loopback(self.scope, self.headers(b"x-forwarded-for"))

    async def body(self) -> bytes:
        """The whole body.

        Raises QuillError: TOO_LARGE, UNAVAILABLE (no room for it, or the worker ends), INVALID (it
        does not arrive); and Disconnected when the client is gone.
        """
        expected = self._expected_bytes()
        if expected == 0:
            return b""
        largest = self._largest() if not 0 < expected <= BODY_BYTES_UNCOUNTED else expected
        if expected > largest:
            await self._discard_body(expected)
            raise _too_large(largest)
        if expected > BODY_BYTES_UNCOUNTED:
            self._bodies.check_room(expected)
        message = await self._bodies.next(self.receive)
        chunk: bytes = message.get("body", b"")
        if len(chunk) == expected <= BODY_BYTES_UNCOUNTED:
            return chunk
        return await self._rest_of_body(message, largest)

    async def chunks(self, largest: int) -> AsyncIterator[bytes]:
        """The body in parts as they come, for one that is never held whole.

        Raises as `body`; TOO_LARGE also in the middle, when more than `largest` bytes came.
        """
        expected = self._expected_bytes()
        if expected > largest:
            raise _too_large(largest)
        size, more = 0, expected != 0
        while more:
            message = await self._bodies.next(self.receive)
            if message["type"] != "http.request":
                raise Disconnected
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > largest:
                raise _too_large(largest)
            if part:
                yield part
            more = message.get("more_body", False)

    def _largest(self) -> int:
        """The most bytes that the body may have; every bound leaves room for small ones."""
        largest = self._bodies.largest(self.route)
        return min(_BODY_BYTES_MAX.get(self.route, largest), largest)

    def _expected_bytes(self) -> int:
        """Content-Length, or -1 when only the end of the stream will tell."""
        text = self._headers.get(b"content-length")
        if text is None:
            return -1 if b"transfer-encoding" in self._headers else 0
        return int(text) if text.isdigit() and len(text) < _LENGTH_DIGITS_MAX else -1

    async def _rest_of_body(self, message: MutableMapping[str, Any], largest: int) -> bytes:
        parts, size = [], 0
        while True:
            if message["type"] != "http.request":
                raise Disconnected
            part: bytes = message.get("body", b"")
            size += len(part)
            if size <= largest:
                self._hold(len(part))
                parts.append(part)
            elif parts:
                parts.clear()
                self.release()
            if not message.get("more_body", False) or size > BODY_BYTES_DISCARDED_MAX:
                break
            message = await self._bodies.next(self.receive)
        if size > largest:
            raise _too_large(largest)
        return b"".join(parts)

    def _hold(self, size: int) -> None:
        self._bodies.hold(size)
        self.held_bytes += size

    def release(self) -> None:
        """The request is over, or its body is not wanted."""
        self._bodies.release(self.held_bytes)
        self.held_bytes = 0

    async def _discard_body(self, expected: int) -> None:
        """Read what is too large, within reason.

        Answered before, a client that only sends would see a reset instead of the 413. One that
        waits for `100 Continue` is told at once.
        """
        if expected > BODY_BYTES_DISCARDED_MAX or b"expect" in self._headers:
            return
        while True:
            message = await self._bodies.next(self.receive)
            if message["type"] != "http.request" or not message.get("more_body", False):
                return


def _too_large(largest: int) -> QuillError:
    return QuillError(Kind.TOO_LARGE, f"The request body is larger than {largest} bytes.")


def _sane_id(inbound: bytes) -> str:
    """A caller's own request id when it is short and plain, else a new one."""
    text = inbound.decode("latin-1")
    return text if _ID.match(text) else f"{_ID_PREFIX}{next(_count):08x}"


def parse_query(raw: bytes) -> dict[str, str]:
    """The parameters of a raw query, as `Request.query` has them."""
    parsed = parse_query_string(raw.decode("utf-8", "replace"), keep_blank=True, csv=False)
    for name, value in parsed.items():
        if type(value) is list:
            parsed[name] = value[0]
    return parsed  # type: ignore[return-value]
