"""How events of record APIs are spelled, and the client of a stream of them.

```text
: ping

data: {"Insert":{…},"seq":1}

data: {"Error":{"status":2,"message":"…"},"seq":2}
```
Clients split what arrives at once into blocks and take those that begin with `data: `, so each event
is sent by itself, and no comment stands in a block with one. `seq` counts what a stream is told; the
queue holds events without it, which are the same bytes for all who hear them.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

import orjson

from shared.limits import API_STREAM_HEARTBEAT_SECONDS
from worker.realtime.clients.client import Client
from worker.realtime.clients.encoders import UNSHOWN, Encoder, Spelling, Told
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.reasons import FAULT, FORBIDDEN, OVERFLOW

_WORDS: Final = {b"create": b"Insert", b"update": b"Update", b"delete": b"Delete"}
_PING: Final = b": ping\n\n"
_COMMENT: Final = b":\n\n"


class ErrorStatus(enum.IntEnum):
    """What an error event says."""

    UNKNOWN = 0
    FORBIDDEN = 1
    LOSS = 2
    SERIALIZATION = 3


_MESSAGES: Final = {
    ErrorStatus.FORBIDDEN: "access denied",
    ErrorStatus.LOSS: "events may have been lost",
    ErrorStatus.SERIALIZATION: "the record cannot be told in JSON",
}
_FAREWELLS: Final = {
    FORBIDDEN: ErrorStatus.FORBIDDEN,
    OVERFLOW: ErrorStatus.LOSS,
    FAULT: ErrorStatus.LOSS,
}


def error_event(status: ErrorStatus) -> bytes:
    """An error as an event."""
    return orjson.dumps({"Error": {"status": int(status), "message": _MESSAGES.get(status)}})


class MessageSpelling(Encoder):
    """Events as messages of a WebSocket: one JSON object each."""

    ends_denied = True

    def __init__(self) -> None:
        self._spelling = Spelling(self, "")

    def prefix(self, client_id: str, name: str) -> bytes:
        """Nothing is a client's own."""
        del client_id, name
        return b""

    def spelling(self, name: str) -> Spelling:
        """All are spelled alike."""
        del name
        return self._spelling

    def event(self, name: str, told: Told) -> bytes:
        """What happened, and the record."""
        del name
        if told.action == UNSHOWN:
            return error_event(ErrorStatus.SERIALIZATION)
        return b'{"%b":%b}' % (_WORDS[told.action], told.body)

    def connected(self, client_id: str, position: str) -> bytes | None:
        """Nothing is said before the first event."""
        del client_id, position
        return None

    def heartbeat(self, client_id: str, position: str) -> bytes | None:
        """Nothing: every message is an event."""
        del client_id, position
        return None

    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """An error, where the client is to know of one."""
        del client_id
        status = _FAREWELLS.get(reason)
        return None if status is None else error_event(status)

    def resync(
        self, client_id: str, names: Iterable[str], position: str, reason: str
    ) -> list[bytes] | None:
        """Events are lost; the stream goes on."""
        del client_id, names, position, reason
        return [error_event(ErrorStatus.LOSS)]


class StreamSpelling(MessageSpelling):
    """The same for server-sent events, with comments that keep a stream open."""

    def connected(self, client_id: str, position: str) -> bytes | None:
        """A comment, so that the headers are sent."""
        del client_id, position
        return _PING

    def heartbeat(self, client_id: str, position: str) -> bytes | None:
        """A comment."""
        del client_id, position
        return _COMMENT


MESSAGES: Final = MessageSpelling()
STREAM: Final = StreamSpelling()


class EventClient(StreamClient):
    """Whoever listens to a record API over a stream of server-sent events."""

    _seq = 0

    def tick(self, now: float, position: str) -> None:
        """A quiet stream stays open for as long as its client likes."""
        if now - self.heard_at >= API_STREAM_HEARTBEAT_SECONDS and not self.waiting:
            self.send(self.encoder.heartbeat(self.id, position))

    def _take(self) -> bytes:
        """One event, numbered, or one comment."""
        taken = Client.take(self, 1)[0]
        if taken.startswith(b":"):
            return taken
        self._seq += 1
        return b'data: %b,"seq":%d}\n\n' % (taken[:-1], self._seq)
