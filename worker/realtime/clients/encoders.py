"""How what is told is spelled: as server-sent events, with or without positions, or as messages.

An encoder makes bytes and nothing else. An event is spelled once for all who are told it in the
same words (`Spelling`); what differs from client to client stands in each subscription's prefix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import orjson

from worker.realtime.clients import sse
from worker.realtime.reasons import FAULT, OVERFLOW

MESSAGE: Final = b"message"
LEAVE: Final = b"leave"
UNSHOWN: Final = b"unshown"
"""A change of a record that has no JSON; told only where there is a word for it."""
_LOST: Final = (OVERFLOW, FAULT)


class Told(NamedTuple):
    """One event.

    `action`: create, update, delete, leave or message.  `source`: JSON text, the collection's name
    or the path of a custom topic.  `body`: JSON, the record as shown; of a `leave` its id; of a
    message what was published.
    """

    action: bytes
    source: bytes
    position: bytes
    body: bytes


class Spelling:
    """Subscriptions with the same one get the very same bytes behind their prefix."""

    __slots__ = ("__weakref__", "_encoder", "_name")

    def __init__(self, encoder: Encoder, name: str) -> None:
        self._encoder = encoder
        self._name = name

    def event(self, told: Told) -> bytes:
        """The event, without the subscription's prefix."""
        return self._encoder.event(self._name, told)


class Encoder(ABC):
    """A way of spelling. None: what this encoder cannot say.

    `one_position`: its clients remember the last position that they saw, for all they listen to.
    `ends_denied`: a client ends when it may not hear what it listens to.
    """

    one_position = False
    ends_denied = False

    @abstractmethod
    def prefix(self, client_id: str, name: str) -> bytes:
        """What stands before each event of a subscription."""

    @abstractmethod
    def spelling(self, name: str) -> Spelling:
        """What is shared by all subscriptions that are spelled alike."""

    @abstractmethod
    def event(self, name: str, told: Told) -> bytes:
        """An event behind its prefix."""

    @abstractmethod
    def connected(self, client_id: str, position: str) -> bytes | None:
        """The first thing a client is told."""

    @abstractmethod
    def heartbeat(self, client_id: str, position: str) -> bytes | None:
        """Something for a quiet connection; `position` is "" where it cannot be told."""

    @abstractmethod
    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """The last thing a client is told."""

    def snapshot(self, name: str, position: str, records: str, *, more: bool) -> bytes | None:
        """One page of the present list; `records` is a JSON array."""
        del name, position, records, more
        return None

    def live(self, name: str, position: str) -> bytes | None:
        """From here on a subscription is told what happens as it happens."""
        del name, position
        return None

    def resync(
        self, client_id: str, names: Iterable[str], position: str, reason: str
    ) -> list[bytes] | None:
        """Events may be missing before `position`. None: the client has to be closed instead."""
        del client_id, names, position, reason
        return None

    def signed_out(self, reason: str) -> bytes | None:
        """The client is nobody any more."""
        del reason
        return None


class EventStreamEncoder(Encoder):
    """PocketBase's events, as old clients know them."""

    def __init__(self) -> None:
        self._spelling = Spelling(self, "")

    def prefix(self, client_id: str, name: str) -> bytes:
        """The id and the name; SDKs learn their client's id from there."""
        return sse.prefix(client_id, name)

    def spelling(self, name: str) -> Spelling:
        """All are spelled alike: the name stands in the prefix."""
        del name
        return self._spelling

    def event(self, name: str, told: Told) -> bytes:
        """The data, on one line."""
        del name
        return _data(told) + sse.EVENT_END

    def connected(self, client_id: str, position: str) -> bytes:
        """`PB_CONNECT`."""
        del position
        return sse.connect_event(client_id)

    def heartbeat(self, client_id: str, position: str) -> bytes:
        """A comment."""
        del client_id, position
        return sse.HEARTBEAT

    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """Only a client that lost events is told why its stream ends."""
        return sse.overflow_event(client_id) if reason in _LOST else None


class ResumableStreamEncoder(EventStreamEncoder):
    """The same for clients that asked for positions: each event's id ends with one."""

    one_position = True

    def prefix(self, client_id: str, name: str) -> bytes:
        """The position comes last on the line of the id, so the rest can be shared."""
        return f"event:{name}\nid:{client_id};".encode()

    def event(self, name: str, told: Told) -> bytes:
        """The position and the data."""
        del name
        return b"%b\ndata:%b%b" % (told.position, _data(told), sse.EVENT_END)

    def connected(self, client_id: str, position: str) -> bytes:
        """`PB_CONNECT` with its plain id, and the position in its data."""
        return sse.connect_event(client_id, position)

    def heartbeat(self, client_id: str, position: str) -> bytes:
        """An id without data is no event, but a browser remembers it (WHATWG HTML, 9.2.6)."""
        return f"id:{client_id};{position}\n\n".encode() if position else sse.HEARTBEAT

    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """Without an id: the client keeps that of the last event, and resumes behind it."""
        return sse.overflow_event(client_id, named=False) if reason in _LOST else None

    def resync(
        self, client_id: str, names: Iterable[str], position: str, reason: str
    ) -> list[bytes] | None:
        """One event for all of them."""
        data = {"subscriptions": list(names), "position": position, "reason": reason}
        head = f"event:{sse.RESYNC}\nid:{client_id};{position}\ndata:".encode()
        return [head + orjson.dumps(data) + sse.EVENT_END]


class MessageEncoder(Encoder):
    """Messages of the WebSocket protocol: one JSON object each (docs/realtime-protocol.md)."""

    def __init__(self, heartbeat_seconds: float) -> None:
        self._heartbeat_seconds = int(heartbeat_seconds)
        self._spellings: WeakValueDictionary[str, Spelling] = WeakValueDictionary()

    def prefix(self, client_id: str, name: str) -> bytes:
        """Nothing is a client's own."""
        del client_id, name
        return b""

    def spelling(self, name: str) -> Spelling:
        """One for each name."""
        spelling = self._spellings.get(name)
        if spelling is None:
            spelling = self._spellings[name] = Spelling(self, name)
        return spelling

    def event(self, name: str, told: Told) -> bytes:
        """A record's change, a leave, or what was published."""
        if told.action == MESSAGE:
            where, what = b"topic", b"data"
        else:
            where, what = b"collection", b"id" if told.action == LEAVE else b"record"
        return b'{"type":"%b","sub":%b,"%b":%b,"position":"%b","%b":%b}' % (
            told.action, orjson.dumps(name), where, told.source, told.position, what, told.body,
        )  # fmt: skip

    def connected(self, client_id: str, position: str) -> bytes:
        """Who the client is, and where the log stands."""
        return orjson.dumps(
            {
                "type": "connected",
                "client": client_id,
                "position": position,
                "heartbeat": self._heartbeat_seconds,
                "protocol": 1,
            }
        )

    def heartbeat(self, client_id: str, position: str) -> bytes:
        """With a position to resume from, where every subscription has been told up to it."""
        del client_id
        told = {"type": "heartbeat"}
        return orjson.dumps({**told, "position": position} if position else told)

    def farewell(self, client_id: str, reason: str) -> bytes | None:
        """Why the connection ends."""
        del client_id
        return orjson.dumps({"type": "bye", "reason": reason})

    def snapshot(self, name: str, position: str, records: str, *, more: bool) -> bytes | None:
        """A page of the list."""
        return b'{"type":"snapshot","sub":%b,"position":"%b","records":%b,"more":%b}' % (
            orjson.dumps(name), position.encode(), records.encode(), b"true" if more else b"false",
        )  # fmt: skip

    def live(self, name: str, position: str) -> bytes | None:
        """The join is done."""
        return orjson.dumps({"type": "live", "sub": name, "position": position})

    def resync(
        self, client_id: str, names: Iterable[str], position: str, reason: str
    ) -> list[bytes] | None:
        """One message for each."""
        del client_id
        return [
            orjson.dumps({"type": "resync", "sub": name, "position": position, "reason": reason})
            for name in names
        ]

    def signed_out(self, reason: str) -> bytes | None:
        """The identity ended, and with it what only it could hear."""
        return orjson.dumps({"type": "auth", "record": None, "reason": reason})


def _data(told: Told) -> bytes:
    if told.action == MESSAGE:
        return told.body
    return b'{"action":"%b","record":%b}' % (told.action, told.body)


EVENT_STREAM: Final = EventStreamEncoder()
RESUMABLE_STREAM: Final = ResumableStreamEncoder()
