"""The hub: all realtime clients of one worker, and the one task that tells them what changed.

```text
Feed.listen → take → gather (index: which views) → judge (one read) → tell (append to queues)
```
One task takes changes in the order of the log and queues events in that order, so each client
hears of each record in the order of its commits. The catalog is compared again after the judging
and right before the telling: no event is judged by a rule that was replaced when the change of
the rule had been answered.

Where changes cannot be told one by one (a RESET of a table, more changes than the hub can hold, a
judging that fails), the clients concerned are closed, and no others. PocketBase's dialect has no
event that says "read again"; but its clients connect again by themselves, subscribe again, and
applications that care reread on connect. A gap is therefore always visible, never silent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from shared import metrics
from shared.errors import Kind, QuillError
from shared.limits import (
    REALTIME_CLIENTS_PER_WORKER,
    REALTIME_JUDGEMENTS_PER_READ,
    REALTIME_SWEEP_SECONDS,
)
from shared.logs import get_logger
from shared.messages.changes import Change
from shared.schema.catalog import Catalog
from worker.engine.catalog_cache import CatalogCache
from worker.engine.failures import SQLError
from worker.engine.feed import EVERY_TABLE
from worker.engine.reader import Reader
from worker.realtime.backlog import Backlog
from worker.realtime.client import Client
from worker.realtime.client_id import Owner, new_client_id
from worker.realtime.index import Group, TopicIndex
from worker.realtime.judge import Case, Verdicts, judge
from worker.realtime.principal import Principal
from worker.realtime.telling import Heard, chunks, row_of, tell_all, tell_unheard, untellable, weigh
from worker.realtime.topics import Topic

_log = get_logger()


class Hub:
    """Clients, their topics, and the delivery of changes to them."""

    def __init__(self, owner: Owner, reader: Reader, catalog: CatalogCache) -> None:
        self.owner = owner
        self._reader = reader
        self._catalog = catalog
        self._index = TopicIndex()
        self._clients: dict[str, Client] = {}
        self._changes = Backlog()
        self._heard: Heard | None = None
        self._arrived = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    # --- Life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver. The caller connects `on_changes` and `wanted` to the feed."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._deliver()), loop.create_task(self._sweep())]

    def close_all(self) -> None:
        """End all streams after what they have queued, and refuse new ones: the worker drains."""
        self._closing = True
        for client in list(self._clients.values()):
            client.close()

    def stop(self) -> None:
        """End the delivery itself."""
        for task in self._tasks:
            task.cancel()

    def wanted(self) -> bool:
        """Whether anybody listens to anything, so that the feed must read the log."""
        return self._index.count > 0

    @property
    def subscriptions(self) -> int:
        """Subscriptions of all clients."""
        return self._index.count

    def has_room(self, topics: Iterable[Topic]) -> bool:
        """Whether the worker can judge these, too."""
        return self._index.has_room(topics)

    def __len__(self) -> int:
        """Connected clients."""
        return len(self._clients)

    # --- Clients --------------------------------------------------------------------------------

    def connect(self, ip: str) -> Client:
        """A new client. Raises UNAVAILABLE when the worker drains or has too many."""
        if self._closing or len(self._clients) >= REALTIME_CLIENTS_PER_WORKER:
            raise QuillError(
                Kind.UNAVAILABLE, "No more realtime clients now.", retry_after_seconds=1.0
            )
        client = Client(new_client_id(self.owner), ip, time.monotonic(), self._left)
        self._clients[client.id] = client
        return client

    def find(self, client_id: str) -> Client | None:
        """A client whose stream is open here."""
        client = self._clients.get(client_id)
        return None if client is None or client.closed else client

    def subscribe(
        self, client: Client, principal: Principal | None, topics: tuple[Topic, ...]
    ) -> None:
        """Make `topics`, heard as `principal`, all that the client listens to."""
        if self._heard is not None:  # what is being told now, in several reads, is older than these
            old = {topic.subscription for topic in client.topics}
            names = (topic.subscription for topic in topics)
            self._heard.update((client, name) for name in names if name not in old)
        client.principal = principal
        client.topics = topics
        self._index.replace(client, topics, self._catalog.current())

    def _left(self, client: Client) -> None:
        """A stream has ended, for whatever reason."""
        self._clients.pop(client.id, None)
        self._index.remove(client)

    # --- Delivery -------------------------------------------------------------------------------

    def on_changes(self, changes: list[Change]) -> None:
        """Take committed changes from the feed, in order. Never waits."""
        if not self._index.count:
            return
        if self._changes.extend(changes):
            self._arrived.set()
            return
        self._changes = Backlog()  # a new one: the round that runs still holds the old one
        _log.warning("realtime is overrun", clients=len(self._clients))
        _lose(self._index.clients())

    async def _deliver(self) -> None:
        """The delivery loop: one for the worker, and never ended by a fault in one round."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._changes:
                changes = self._changes
                try:
                    await self._round(changes)
                except Exception:  # noqa: BLE001 - the outermost loop of the delivery
                    _log.exception("realtime round failed")
                    _lose(self._index.clients())
                    changes.drop(len(changes))
                await asyncio.sleep(0)  # let the streams send what was told

    async def _round(self, changes: Backlog) -> None:
        """Gather, judge and tell what fits in one read; leave it all in place if a rule moved."""
        catalog = await self._placed()
        taken, told, cases = self._gather(changes, catalog)
        edits = self._index.edits
        if not taken:
            await self._tell_apart(changes.first())
            taken = 1
        elif cases:
            try:
                verdicts = await self._reader.read(judge, catalog.version, cases, Verdicts())
            except (QuillError, SQLError) as error:
                _log.warning("realtime judging failed", reason=str(error), cases=len(cases))
                await self._tell_apart(changes.first())
                taken = 1
            else:
                if verdicts is None or self._catalog.current().version != catalog.version:
                    return
                if verdicts.lost:
                    self._demote(verdicts.lost)
                    return
                if self._index.edits == edits:
                    tell_all(told, verdicts.records)
                else:  # somebody set topics again during a slow read, and is in no group of it
                    await self._tell_apart(changes.first())
                    taken = 1
        changes.drop(taken)

    async def _placed(self) -> Catalog:
        """The catalog of the moment, when every subscription was compiled for it."""
        while True:
            catalog = self._catalog.current()
            if self._index.refresh(catalog):
                return catalog
            await asyncio.sleep(0)

    def _gather(
        self, changes: Backlog, catalog: Catalog
    ) -> tuple[int, list[tuple[Change, Group]], list[Case]]:
        """The cases of the first changes that wait; how many changes they are of.

        None of them when the first one alone is too much for one read.
        """
        taken, told, cases = 0, list[tuple[Change, Group]](), list[Case]()
        room = REALTIME_JUDGEMENTS_PER_READ
        for change in changes:
            if untellable(change):
                self._reset(change.table)
                taken += 1
                continue
            groups = list(self._index.groups(change.table, str(change.key)))
            room -= weigh(groups)
            if room < 0:
                break
            taken += 1
            row = row_of(change, catalog) if groups else None
            for group in groups:
                told.append((change, group))
                cases.append(Case(group.view, group.principal, change.key, row))
        return taken, told, cases

    # --- One change in many reads ---------------------------------------------------------------

    async def _tell_apart(self, change: Change) -> None:
        """Tell one change in as many reads as it needs, each to whom it was judged for.

        Between the reads clients come, go and change their topics, rules move, and a read may
        fail; so it is remembered who has heard it, and gathered again until all have.
        """
        if untellable(change):
            return
        heard: Heard = set()
        self._heard = heard
        try:
            catalog = await self._placed()
            while groups := self._unheard(change, heard):
                for some in chunks(groups):
                    if not await self._tell_some(change, catalog, some, heard):
                        break
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
                catalog = await self._placed()
        finally:
            self._heard = None

    def _unheard(self, change: Change, heard: Heard) -> list[Group]:
        return [
            group
            for group in self._index.groups(change.table, str(change.key))
            if any(member.key not in heard and not member.client.closed for member in group.members)
        ]

    async def _tell_some(
        self, change: Change, catalog: Catalog, groups: list[Group], heard: Heard
    ) -> bool:
        """Judge and tell some groups in one read. False: gather again, and go on with the rest.

        When the read fails, those that it had judged are told. One that fails as the first has
        had all the time there is: its clients have lost an event.
        """
        groups = [group for group in groups if group.members]
        if not groups:
            return True
        row = row_of(change, catalog)
        cases = [Case(group.view, group.principal, change.key, row) for group in groups]
        verdicts, failed = Verdicts(), False
        try:
            if await self._reader.read(judge, catalog.version, cases, verdicts) is None:
                return False
        except (QuillError, SQLError) as error:
            _log.warning("realtime judging failed", reason=str(error), cases=len(cases))
            failed = True
        if self._catalog.current().version != catalog.version:
            return False
        if verdicts.lost:
            self._demote(verdicts.lost)
            return False
        tell_unheard(change, groups, verdicts.records, heard)
        if failed and not verdicts.records:
            heard.update(member.key for member in groups[0].members)
            lost = {member.client for member in groups[0].members}
            _lose(lost)
            for client in lost:  # not when its stream has ended: the next read would fail as well
                self._index.remove(client)
        return not failed

    def _reset(self, table: str) -> None:
        """Too much changed to be told: end the streams of those who listen to the table."""
        every = table == EVERY_TABLE
        for client in self._index.clients() if every else self._index.listeners(table):
            client.close()

    def _demote(self, lost: set[Principal]) -> None:
        """Make guests of the clients whose tokens are no longer good."""
        for client in self._index.clients():
            if client.principal in lost:
                self.subscribe(client, None, client.topics)

    # --- The clock ------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        """Heartbeats, idle and old clients, gauges."""
        while True:
            await asyncio.sleep(REALTIME_SWEEP_SECONDS)
            now = time.monotonic()
            for client in list(self._clients.values()):
                client.tick(now)
            metrics.REALTIME_CLIENTS.set(len(self._clients))
            metrics.REALTIME_SUBSCRIPTIONS.set(self._index.count)


def _lose(clients: Iterable[Client]) -> None:
    """Tell them that they have lost events, and end their streams."""
    for client in clients:
        client.overflow()
