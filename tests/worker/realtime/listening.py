"""Clients of a hub without a transport: what they listen to, and what was queued for them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from worker.realtime.clients.client import Client
from worker.realtime.clients.encoders import EVENT_STREAM, Encoder, MessageEncoder
from worker.realtime.clients.stream_client import StreamClient
from worker.realtime.hub import Hub
from worker.realtime.position import Position
from worker.realtime.principal import Principal
from worker.realtime.topics.text import read_topic
from worker.realtime.topics.topic import Topic

IP = "127.0.0.1"
MESSAGES = MessageEncoder(30.0)
Message = dict[str, Any]


def stream(hub: Hub, encoder: Encoder = EVENT_STREAM) -> StreamClient:
    """A client of server-sent events that has taken its first event."""
    client = hub.connect(IP, encoder, StreamClient)
    client._take()
    return client


def socket(hub: Hub) -> Client:
    """A client of the message encoder that has taken its first message."""
    client = hub.connect(IP, MESSAGES, Client)
    client.take()
    return client


def subscribe(
    hub: Hub,
    client: Client,
    *topics: str | Topic,
    principal: Principal | None = None,
    since: Position | None = None,
) -> None:
    """Let it listen to these as well."""
    hub.become(client, principal)
    hub.subscribe(client, [_topic(one) for one in topics], since)


def listen(hub: Hub, *topics: str | Topic, principal: Principal | None = None) -> StreamClient:
    """A client of server-sent events that listens to these."""
    client = stream(hub)
    subscribe(hub, client, *topics, principal=principal)
    return client


def topic(path: str, **given: Any) -> Topic:
    """A topic with options, as the WebSocket protocol has them."""
    return replace(read_topic(path), **given)


def _topic(one: str | Topic) -> Topic:
    return one if isinstance(one, Topic) else read_topic(one)


def messages(client: Client) -> list[Message]:
    """All that a client of the message encoder was told and has not taken."""
    taken = []
    while client.waiting:
        taken += client.take()
    return [json.loads(one) for one in taken]


def events(client: StreamClient) -> list[tuple[str, str, Any]]:
    """Name, action and record of the server-sent events that wait."""
    raw = b""
    while client.waiting:
        raw += client._take()
    told = []
    for block in raw.decode().split("\n\n")[:-1]:
        lines = dict(line.split(":", 1) for line in block.split("\n"))
        data = json.loads(lines["data"])
        told.append((lines["event"], data.get("action"), data.get("record")))
    return told


def read_slowly(hub: Hub, patch: pytest.MonkeyPatch) -> None:
    """Have each read begin a turn later, as it does where a thread has to take it."""
    real = hub.reader.read

    async def read(*args: Any, **given: Any) -> Any:
        await asyncio.sleep(0)
        return await real(*args, **given)

    patch.setattr(hub.reader, "read", read)


async def settle(hub: Hub) -> None:
    """Until the delivery and the joins have nothing left to do."""
    async with asyncio.timeout(10):
        while not hub._delivery.idle or hub._joins.count:  # noqa: ASYNC110 - no event for "idle"
            await asyncio.sleep(0)
