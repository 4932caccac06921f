"""Subscriptions of one viewer to one case, over a stream of events or over a WebSocket.

Each listens to the whole collection, to every record for itself, and to the signal that ends each
step: when the signal of a step has come, nothing more will come of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from tests.sse import EventStream
from tests.visibility.case import Case, ident
from tests.visibility.readers import spelled
from tests.visibility.stage import SIGNALS, signal_of
from tests.websocket import LiveClient, Message

EVERY = "*"
_SIGNAL = "the signal"
_GONE = ("resync", "bye")


class Told(NamedTuple):
    """One event. `record` is its JSON, `""` of a leave."""

    action: str
    record: str


Heard = dict[str, list[Told]]
"""What was told by target: a record's id, or `*`; targets without events are missing."""


class Listener(Protocol):
    """A subscription over some transport. `name` is for what a test prints."""

    name: str
    leaves: bool

    async def until(self, number: int) -> Heard:
        """All that is told before the signal of that number, from the last call on."""

    async def close(self) -> None:
        """Hang up."""


@dataclass
class StreamListener:
    """Server-sent events in the dialect of the SDKs."""

    stream: EventStream
    targets: dict[str, str]
    name: str = "stream"
    leaves: bool = False

    @classmethod
    async def open(cls, port: int, case: Case, token: str) -> StreamListener:
        """Connect and subscribe."""
        stream = await EventStream.open(port)
        end = _stream_options(case)
        targets = {f"{case.name}/{target}{end}": target for target in _targets(case)}
        signal = f"{SIGNALS}/{ident(signal_of(case.name))}"
        status = await stream.subscribe(*targets, signal, token=token)
        assert status == 204, status
        return cls(stream, {**targets, signal: _SIGNAL})

    async def until(self, number: int) -> Heard:
        """Events up to the signal."""
        heard: Heard = {}
        while True:
            event = await self.stream.next()
            target = self.targets[event.name]
            if target == _SIGNAL:
                if event.data["record"]["n"] == number:
                    return heard
                continue
            told = Told(event.data["action"], spelled(event.data["record"]))
            heard.setdefault(target, []).append(told)

    async def close(self) -> None:
        """Hang up."""
        await self.stream.close()


@dataclass
class SocketListener:
    """The WebSocket protocol."""

    client: LiveClient
    name: str = "socket"
    leaves: bool = True

    @classmethod
    async def open(cls, port: int, case: Case, token: str) -> SocketListener:
        """Connect, log in and subscribe; it is live."""
        client = await LiveClient.open(port)
        await _log_in(client, token)
        await client.listen(*socket_topics(case))
        return cls(client)

    async def until(self, number: int) -> Heard:
        """Events up to the signal."""
        heard: Heard = {}
        while True:
            message = await self.client.next()
            kind, target = message["type"], message.get("sub", "")
            assert kind not in _GONE, message
            if kind in ("live", "heartbeat", "auth"):
                continue
            if target == _SIGNAL:
                if message["record"]["n"] == number:
                    return heard
                continue
            heard.setdefault(target, []).append(_told(message))

    async def close(self) -> None:
        """Hang up."""
        await self.client.close()


async def _log_in(client: LiveClient, token: str) -> None:
    """Become the viewer; he stays a guest where his token is no longer good, as in a request."""
    if token:
        answer = await client.ask({"type": "auth", "token": token})
        assert answer["type"] == "auth" or answer["status"] == 401, answer


async def snapshot(port: int, case: Case, token: str) -> list[Any] | None:
    """The records of a snapshot of the whole collection; None where it fails."""
    async with await LiveClient.open(port) as client:
        await _log_in(client, token)
        topic = _socket_topic(case, EVERY)
        pages = await client.listen({**topic, "snapshot": True})
        if [page["type"] for page in pages] == ["resync"] and pages[0]["reason"] == "fault":
            return None
        assert all(page["type"] == "snapshot" for page in pages), pages
        assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False], pages
        return [record for page in pages for record in page["records"]]


async def missed(port: int, case: Case, token: str, since: str) -> Heard:
    """What a client is told that comes back with the position `since`, until it is live again."""
    async with await LiveClient.open(port) as client:
        await _log_in(client, token)
        messages = await client.listen(*socket_topics(case), since=since)
    heard: Heard = {}
    for message in messages:
        assert message["type"] not in _GONE, message
        if message["sub"] != _SIGNAL:
            heard.setdefault(message["sub"], []).append(_told(message))
    return heard


def socket_topics(case: Case) -> list[Message]:
    """The subscriptions to a case: everything in it, each record, and the signal."""
    topics = [_socket_topic(case, target) for target in _targets(case)]
    signal = {"topic": f"{SIGNALS}/{ident(signal_of(case.name))}", "id": _SIGNAL}
    return [*({**topic, "leave": True} for topic in topics), signal]


def _socket_topic(case: Case, target: str) -> Message:
    asked = case.options
    named = {"filter": asked.filter, "expand": asked.expand, "fields": asked.fields}
    return {
        "topic": f"{case.name}/{target}",
        "id": target,
        **{name: text for name, text in named.items() if text},
        **({"query": dict(asked.query)} if asked.query else {}),
        **({"headers": dict(asked.headers)} if asked.headers else {}),
    }


def _told(message: Message) -> Told:
    if message["type"] == "leave":
        return Told("leave", message["id"])
    return Told(message["type"], spelled(message["record"]))


def _targets(case: Case) -> list[str]:
    return [EVERY, *map(case.ident, case.keys)]


def _stream_options(case: Case) -> str:
    asked = case.options
    if not asked.asked and not asked.headers:
        return ""
    return "?options=" + quote(json.dumps({"query": asked.asked, "headers": dict(asked.headers)}))
