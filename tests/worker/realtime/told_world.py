"""The world of the exactly-once tests: a real database, feed and hub on a loop that a test steps.

Reads take a few turns of the loop, before and after they look, as they do in threads. Pages of the
log, portions of judgements and room for joins are tiny, so that a short history has many of each.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest

from shared.schema.catalog import Catalog
from tests.worker.realtime.listening import MESSAGES
from tests.worker.realtime.place import OWNER, Place
from worker.engine import feed as feed_module
from worker.engine.change_log import PageLimits
from worker.engine.feed import Feed
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot
from worker.realtime.clients.client import Client
from worker.realtime.delivery import delivery as delivery_module
from worker.realtime.delivery import join as join_module
from worker.realtime.delivery import snapshot as snapshot_module
from worker.realtime.delivery import telling as telling_module
from worker.realtime.hub import Hub
from worker.records.plans import PlanCache

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
CROWDED = 6
PORTION = 5


class SlowReader(Reader):
    """A reader whose reads take turns of the loop, and are repeated as the real ones are."""

    turns: Callable[[], int] = staticmethod(lambda: 0)

    async def read(
        self,
        work: Callable[[Snapshot, Catalog, *Ts], T],
        *args: *Ts,
        transaction: bool = False,
        in_thread: bool = False,
    ) -> T:
        """As the real one, later."""
        while True:
            await _turns(self.turns())
            catalog = self.catalog.current()
            result = await super().read(work, *args, transaction=transaction)
            await _turns(self.turns())
            if self.catalog.is_current(catalog):
                return result


class CrowdedClient(Client):
    """One that joins have to wait for at once, and that live events never overflow."""

    @property
    def crowded(self) -> bool:
        """A few are many."""
        return len(self._queue) >= CROWDED


class World:
    """Everything of one worker that tells changes, and nothing else."""

    def __init__(self, seed: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        self.place = Place(folder)
        self.place.reader.close()
        reader = SlowReader(folder / "main.db", self.place.words)
        self.place.reader = reader
        self.place.store("posts")
        self.place.make_table("posts")
        chance = random.Random(seed)
        reader.turns = lambda: chance.choice((0, 0, 1, 3, 9))
        self._patches = pytest.MonkeyPatch()
        self._make_tiny()
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._start())

    def _make_tiny(self) -> None:
        put = self._patches.setattr
        put(join_module, "PAGE_LIMITS", PageLimits(rows=7, scanned=11))
        put(feed_module, "_READ", PageLimits(rows=9))
        for module in (join_module, delivery_module, telling_module):
            put(module, "REALTIME_JUDGEMENTS_PER_READ", PORTION)
        put(snapshot_module, "CLIENT_CHUNK_BYTES", 400)

    async def _start(self) -> None:
        place = self.place
        self.feed = Feed("inproc://nobody", place.reader.snapshot, place.words)
        self.feed._loop = self.loop
        self.hub = Hub(OWNER, place.reader, PlanCache(), place.words)
        self.hub.mark = lambda: self.feed.position
        self.feed.wanted = self.hub.wanted
        self.feed.interest = self.hub.interest
        self.feed.listen(self.hub.on_changes)
        self.hub.start()

    def close(self) -> None:
        """End it all."""
        self.hub.close_all()
        self.hub.stop()
        self.run(3)
        self.loop.close()
        self.feed._socket.close()
        self.place.close()
        self._patches.undo()
        self._folder.cleanup()

    def run(self, turns: int) -> None:
        """Let the loop turn so often."""
        self.loop.run_until_complete(_turns(turns))

    def call(self, work: Callable[[], T]) -> T:
        """Call what needs a running loop."""

        async def called() -> T:
            return work()

        return self.loop.run_until_complete(called())

    def advance(self) -> None:
        """What a notice, or the poll, does."""
        self.call(self.feed.advance)

    def settled(self) -> bool:
        """Everything that was committed has been told to those who take it."""
        words = self.place.words
        return (
            self.feed.position == words.head
            and self.feed._feed == words.feed
            and self.hub._delivery.idle
            and not self.hub._joins.count
        )

    def connect(self) -> Client:
        """A client of the message encoder."""
        return self.call(lambda: self.hub.connect("127.0.0.1", MESSAGES, CrowdedClient))


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
