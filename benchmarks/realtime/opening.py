"""How a client becomes live on each transport, one step for whatever was just read.

sse     GET → the event that tells the client's id → POST of the subscription → 204
ws      upgrade → `connected` → `auth` for those who have a token, `subscribe` → `live`
bare    upgrade → `live`
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol
from urllib.parse import quote

import orjson

from benchmarks.realtime.frames import client_frame

SOCKET_PATH: Final = "/api/realtime/ws"
_STREAM_PATH: Final = "/api/realtime"
_CLIENT_ID: Final = re.compile(rb'"clientId":"([^"]+)"')
_KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
_TAIL_BYTES: Final = 64
_LIVE: Final = b'"type":"live"'
_CONNECTED: Final = b'"type":"connected"'
_ERROR: Final = b'"type":"error"'


class OpeningError(Exception):
    """The server answered something else than a client of this kind expects."""


class Opening(Protocol):
    """One client on its way."""

    request: bytes
    """What it sends as soon as it is connected."""

    def feed(self, data: bytes) -> bytes | None:
        """What to send after this was read; None when it is live. Raises OpeningError."""


class StreamOpening:
    """Server-sent events. `post` sends the subscription elsewhere, with `done` for its end."""

    def __init__(self, post: Callable[[bytes], None], topic: str, token: str, since: str) -> None:
        query = f"?resume=1&since={quote(since)}" if since else ""
        self.request = f"GET {_STREAM_PATH}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self._post = post
        self._topic = topic
        self._token = token
        self._seen = b""
        self._asked = False

    def feed(self, data: bytes) -> bytes | None:
        """Nothing is ever sent on the stream itself; who posted says when it is live."""
        if not self._asked:
            self._seen += data
            if (found := _CLIENT_ID.search(self._seen)) is not None:
                self._asked = True
                self._post(self._subscription(found[1].decode()))
            elif b"\r\n\r\n" in self._seen and b" 200 " not in self._seen[:32]:
                raise OpeningError(self._seen[:300].decode(errors="replace"))
        return b""

    def _subscription(self, client_id: str) -> bytes:
        body = orjson.dumps({"clientId": client_id, "subscriptions": [self._topic]})
        token = f"Authorization: {self._token}\r\n" if self._token else ""
        return (
            f"POST {_STREAM_PATH} HTTP/1.1\r\nHost: localhost\r\n{token}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class SocketOpening:
    """Our protocol over WebSocket."""

    def __init__(self, port: int, topic: str, token: str, since: str) -> None:
        self.request = _upgrade(port)
        wish: dict[str, object] = {"type": "subscribe", "topics": [topic]}
        if since:
            wish["since"] = since
        self._wishes = client_frame(orjson.dumps(wish))
        if token:
            self._wishes = (
                client_frame(orjson.dumps({"type": "auth", "token": token})) + self._wishes
            )
        self._asked = False
        self._tail = b""

    def feed(self, data: bytes) -> bytes | None:
        """The server may send missed events before it says that the client is live."""
        seen = self._tail + data
        self._tail = seen[-_TAIL_BYTES:]
        _refuse_errors(seen)
        if not self._asked:
            if _CONNECTED in seen:
                self._asked = True
                return self._wishes
        elif _LIVE in seen:
            return None
        return b""


class BareOpening:
    """The bare server says `live` by itself."""

    def __init__(self, port: int) -> None:
        self.request = _upgrade(port)
        self._seen = b""

    def feed(self, data: bytes) -> bytes | None:
        """Nothing is asked for."""
        self._seen += data
        _refuse_errors(self._seen)
        return None if _LIVE in self._seen else b""


def _upgrade(port: int) -> bytes:
    return (
        f"GET {SOCKET_PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def _refuse_errors(seen: bytes) -> None:
    refused = seen.startswith(b"HTTP/1.1 ") and b" 101 " not in seen[:32]
    if refused or _ERROR in seen:
        raise OpeningError(seen[:300].decode(errors="replace"))
