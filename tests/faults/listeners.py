"""Listeners that never give up: what each heard, from one connect to the end of that connection.

Four kinds: server-sent events as old clients know them, the same with positions, and WebSockets on
either port. Those of the first kind and half of the WebSockets begin anew after each end, the
others resume where they were. A spell is what was heard over one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from websockets.exceptions import InvalidHandshake, InvalidMessage

from tests.sse import Closed, Connection, EventStream
from tests.websocket import Ended, LiveClient, Refused

SECONDS = 60.0
LAST_STEP = -1
"""Of the record that is created when everything else is over."""
_AGAIN_SECONDS = 0.05
_CUTS = (3, 60)  # a listener that cuts itself off hears so many events before it does


class Broken(Exception):  # noqa: N818 - an event, not an error
    """The connection has ended, or could not be made."""


class Heard(NamedTuple):
    """One event. `n`: its place in the log, 0 where the transport does not tell."""

    record: str
    action: str
    step: int
    n: int


@dataclass
class Spell:
    """One connection. `begins`: every event after this n should have been heard.

    `exact`: and none before it.  `told`: the reason of a resync that ended it, "" otherwise.
    """

    begins: int
    exact: bool
    heard: list[Heard] = field(default_factory=list)
    told: str = ""


class Listener(ABC):
    """One subscriber of all records of `collection`, whatever happens to its connections.

    `resumes`: it goes on from its last position.  `listening`: it is connected and subscribed.
    `cuts`: drops the connection at random, in the middle of whatever comes.
    `witness` is called with the worker's slot and each event, at once.
    """

    exact = True

    def __init__(self, port: int, collection: str, number: int, *, resumes: bool) -> None:
        self.port = port
        self.topic = f"{collection}/*"
        self.resumes = resumes
        self.spells: list[Spell] = []
        self.position = ""
        self.listening = False
        self.cuts = False
        self.done = False
        self.slot = -1
        self.slots: set[int] = set()
        self.witness: Callable[[int, Heard], None] = lambda _slot, _heard: None
        self.refused = 0
        self.last_n: int | None = None
        self._random = random.Random(number)

    @property
    def heard(self) -> list[Heard]:
        """Everything, over all connections."""
        return list(itertools.chain.from_iterable(spell.heard for spell in self.spells))

    async def run(self) -> None:
        """Listen until the last write was heard, or passed while it was away."""
        while not self.done:
            try:
                await self._listen()
            except Broken:
                await asyncio.sleep(_AGAIN_SECONDS)  # the server may be starting
            finally:
                self.listening = False
                await self._hang_up()

    def end(self, last_n: int) -> None:
        """Nothing will be written after this n."""
        self.last_n = last_n
        if self.listening and self.spells[-1].begins >= last_n:
            self.done = True
            self.drop()

    async def _listen(self) -> None:
        since = self.position if self.resumes else ""
        try:
            position = await self._connect(since)
        except Broken:
            self.refused += 1
            raise
        self.position = self.position or position
        self.slots.add(self.slot)
        begins = number_of(since or position)
        self.spells.append(Spell(begins, self.exact or bool(since)))
        self.listening = True
        cut_after = self._random.randint(*_CUTS)
        while not self._finished():
            heard = await self._hear()
            if heard is not None:
                self.witness(self.slot, heard)
                self.spells[-1].heard.append(heard)
            if self.cuts and len(self.spells[-1].heard) >= cut_after:
                raise Broken
        self.done = True

    def _finished(self) -> bool:
        spell = self.spells[-1]
        if spell.heard and spell.heard[-1].step == LAST_STEP:
            return True
        return self.done or (self.last_n is not None and spell.begins >= self.last_n)

    def _resync(self, reason: str) -> None:
        """The server says that there is a gap: what was heard before it is a spell of its own."""
        self.spells[-1].told = reason
        self.spells.append(Spell(number_of(self.position), exact=True))

    @abstractmethod
    async def _connect(self, since: str) -> str:
        """Connect and subscribe; the position from which on everything will be told.

        Raises Broken.
        """

    @abstractmethod
    async def _hear(self) -> Heard | None:
        """The next event; None for something else. Raises Broken."""

    @abstractmethod
    async def _hang_up(self) -> None:
        """Cut the connection, if there is one."""

    @abstractmethod
    def drop(self) -> None:
        """Make `_hear` raise Broken soon."""


class StreamListener(Listener):
    """Server-sent events."""

    def __init__(self, port: int, collection: str, number: int, *, resumes: bool) -> None:
        super().__init__(port, collection, number, resumes=resumes)
        self.exact = resumes
        self._stream: EventStream | None = None

    async def _connect(self, since: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                self._stream = stream = await EventStream.open(
                    self.port, resume=self.resumes and not since, since=since
                )
                self.slot = stream.slot
                return await self._subscribe(stream)
        except (OSError, Closed, asyncio.IncompleteReadError, AssertionError) as error:
            raise Broken from error

    async def _subscribe(self, stream: EventStream) -> str:
        """The answer's position is that of a moment after it was carried out."""
        async with await Connection.open(self.port) as connection:
            body = {"clientId": stream.client_id, "subscriptions": [self.topic]}
            status, answer = await connection.request("POST", "/api/realtime", body)
            if status != 204:
                raise Broken(answer)
            if self.resumes:
                return stream.position
            return await connection.position()

    async def _hear(self) -> Heard | None:
        assert self._stream is not None
        try:
            event = await self._stream.next(SECONDS)
        except Closed as closed:
            raise Broken from closed
        if self.resumes:
            self.position = event.position
        if event.name == "QUILL_RESYNC":
            self._resync(event.data["reason"])
        if event.name != self.topic:
            return None
        return _heard(event.data["action"], event.data["record"], number_of(event.position))

    async def _hang_up(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.close()

    def drop(self) -> None:
        if self._stream is not None:
            self._stream.events.put_nowait(None)


class SocketListener(Listener):
    """The WebSocket protocol, on whichever port."""

    def __init__(self, port: int, collection: str, number: int, *, resumes: bool) -> None:
        super().__init__(port, collection, number, resumes=resumes)
        self._client: LiveClient | None = None

    async def _connect(self, since: str) -> str:
        try:
            async with asyncio.timeout(SECONDS):
                self._client = client = await LiveClient.open(self.port)
                self.slot = client.slot
                answer = await client.subscribe(self.topic, **({"since": since} if since else {}))
        except (OSError, Ended, Refused, InvalidHandshake, InvalidMessage, EOFError) as error:
            raise Broken from error
        position: str = answer["topics"][0]["position"]
        return position

    async def _hear(self) -> Heard | None:
        assert self._client is not None
        try:
            message = await self._client.next(SECONDS)
        except Ended as ended:
            raise Broken from ended
        if "position" in message:
            self.position = message["position"]
        if message["type"] == "live" and not self.resumes:
            assert not self.spells[-1].heard, "an event before the subscription was live"
            self.spells[-1].begins = number_of(message["position"])
        if message["type"] == "resync":
            self._resync(message["reason"])
        if "record" not in message:
            return None
        return _heard(message["type"], message["record"], number_of(message["position"]))

    async def _hang_up(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            client.drop()
            with contextlib.suppress(OSError):
                await client.close()

    def drop(self) -> None:
        if self._client is not None:
            self._client.drop()


def _heard(action: str, record: dict[str, Any], n: int) -> Heard:
    return Heard(record["id"], action, record["step"], n)


def number_of(position: str) -> int:
    """The n of a position, 0 of none."""
    return int(position.rpartition(":")[2] or 0)


def listeners(count: int, collection: str, port: int, second_port: int) -> list[Listener]:
    """Equally many of each kind; of the WebSockets of a port every second one resumes."""
    kinds: list[Callable[[int], Listener]] = [
        lambda number: StreamListener(port, collection, number, resumes=False),
        lambda number: StreamListener(port, collection, number, resumes=True),
        lambda number: SocketListener(port, collection, number, resumes=number % 8 < 4),
        lambda number: SocketListener(second_port, collection, number, resumes=number % 8 < 4),
    ]
    return [kinds[number % len(kinds)](number) for number in range(count)]
