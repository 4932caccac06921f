"""What sends the writes that the crowd waits for: raw keep-alive connections, or bare's control.

A write's time is taken right before it is sent.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from time import monotonic_ns
from typing import Final

import orjson

from benchmarks.realtime.marks import FIELD
from benchmarks.realtime.members import HOST
from benchmarks.target import TargetError

_READ_BYTES: Final = 65_536
_SECONDS: Final = 30.0
_PROBE: Final = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class RecordWriter:
    """Creates records of one collection over HTTP. Raises TargetError at a refusal."""

    def __init__(self, port: int, collection: str, text: str, connections: int) -> None:
        self._path = f"/api/collections/{collection}/records"
        self._text = text
        self._lines = [_connected(port) for _ in range(connections)]

    def write(
        self, marks: Sequence[str], fields: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """Create a record a mark, as many at once as there are connections; when each was sent."""
        sent: dict[str, int] = {}
        for start in range(0, len(marks), len(self._lines)):
            some = marks[start : start + len(self._lines)]
            pairs = list(zip(some, self._lines, strict=False))
            requests = [self._request(mark, fields or {}) for mark in some]
            for (mark, line), request in zip(pairs, requests, strict=True):
                sent[mark] = monotonic_ns()
                line.sendall(request)
            for _, line in pairs:
                self._take_answer(line)
        return sent

    def position(self) -> str:
        """A position after everything that was written: a write's own answer may name one before."""
        self._lines[0].sendall(_PROBE)
        return self._take_answer(self._lines[0])

    def _request(self, mark: str, fields: Mapping[str, str]) -> bytes:
        body = orjson.dumps({FIELD: mark, "text": self._text, **fields})
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def _take_answer(self, line: socket.socket) -> str:
        """The position that it names. Raises TargetError."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += _received(line)
        head, _, body = data.partition(b"\r\n\r\n")
        headers = dict(
            text.lower().split(": ", 1) for text in head.decode("latin-1").split("\r\n")[1:]
        )
        while len(body) < int(headers["content-length"]):
            body += _received(line)
        if b" 200 " not in head[:32]:
            raise TargetError(f"a write was refused: {head[:32]!r} {body[:300]!r}")
        return headers["quill-position"]

    def close(self) -> None:
        """Hang up."""
        for line in self._lines:
            line.close()


class BareWriter:
    """Tells the bare server what to broadcast: messages as ours, made before."""

    def __init__(self, port: int, text: str) -> None:
        self._text = text
        self._line = _connected(port)

    def write(
        self, marks: Sequence[str], fields: Mapping[str, str] | None = None
    ) -> dict[str, int]:
        """Have each broadcast, all in one go; when that was."""
        lines = b"".join(self._message(mark, fields or {}) + b"\n" for mark in marks)
        sent = monotonic_ns()
        self._line.sendall(lines)
        return dict.fromkeys(marks, sent)

    def position(self) -> str:
        """It keeps nothing to resume from."""
        return ""

    def _message(self, mark: str, fields: Mapping[str, str]) -> bytes:
        """Has the size of ours."""
        record = {
            "collectionId": "c00000000000000",
            "collectionName": "posts",
            "id": f"r000000{mark}",
            FIELD: mark,
            "text": self._text,
            **fields,
        }
        event = {
            "type": "create",
            "sub": "posts",
            "collection": "posts",
            "position": f"main:0123456789abcdef:{mark}",
            "record": record,
        }
        return orjson.dumps(event)

    def close(self) -> None:
        """Hang up."""
        self._line.close()


def _connected(port: int) -> socket.socket:
    made = socket.create_connection((HOST, port), _SECONDS)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _received(line: socket.socket) -> bytes:
    try:
        data = line.recv(_READ_BYTES)
    except OSError as error:
        raise TargetError(f"no answer to a write: {error}") from error
    if not data:
        raise TargetError("the server hung up on a write")
    return data
