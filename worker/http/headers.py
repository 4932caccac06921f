"""The headers that every answer carries, made ready once so that an answer only joins tuples."""

from __future__ import annotations

from collections.abc import Iterable

from shared.status_page import DatabaseWords
from worker.http.request import Request
from worker.http.response import Header

CLOSE: Header = (b"connection", b"close")
_SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
)
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"etag, quill-position, quill-outcome, idempotent-replay, x-request-id, retry-after",
)
_ANY_ORIGIN: Header = (b"access-control-allow-origin", b"*")
_VARY_ORIGIN: Header = (b"vary", b"origin")
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (b"access-control-max-age", b"86400"),
    (b"vary", b"access-control-request-headers"),
)


class Position:
    """`Quill-Position: main:<feed id in hex>:<n>`, formatted again only when it moved.

    Taken before a request is handled, it is never later than what the answer shows: a client may
    resume the feed from it and misses nothing.
    """

    __slots__ = ("_feed", "_head", "_header", "_words")

    def __init__(self, words: DatabaseWords) -> None:
        self._words = words
        self._head = self._feed = -1
        self._header: Header = (b"", b"")

    def header(self) -> Header:
        """The position now."""
        words = self._words
        head, feed = words.head, words.feed
        if head != self._head or feed != self._feed:
            self._head, self._feed = head, feed
            self._header = (b"quill-position", b"main:%x:%d" % (feed, head))
        return self._header


class FixedHeaders:
    """Security headers, and what browsers of other origins may do (Fetch standard, CORS)."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)
        self.any_origin = "*" in self._origins
        self.always = _SECURITY + ((_ANY_ORIGIN, _EXPOSED) if self.any_origin else (_VARY_ORIGIN,))

    def for_origin(self, request: Request) -> tuple[Header, ...]:
        """What to add when only some origins are allowed."""
        origin = request.header(b"origin")
        if origin is None or origin not in self._origins:
            return ()
        return ((b"access-control-allow-origin", origin.encode("latin-1")), _EXPOSED)

    def preflight(self, request: Request) -> tuple[Header, ...]:
        """What to add to the answer of an OPTIONS request."""
        asked = request.header(b"access-control-request-headers")
        allowed = asked.encode("latin-1") if asked else b"authorization, content-type"
        return (*_PREFLIGHT, (b"access-control-allow-headers", allowed))
