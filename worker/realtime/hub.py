"""The hub: all realtime clients of one worker, and the one task that tells them what changed.

```text
Feed.listen → take → gather (index: which views) → judge (one read) → tell (append to queues)
```
One task takes changes in the order of the log and queues events in that order, so each client
hears of each record in the order of its commits. The catalog is compared again after the judging
and right before the telling: no event is judged by a rule that was replaced when the change of
the rule had been answered.

Where changes cannot be told one by one (a RESET of a table, more changes than the hub can hold, a
judging that fails), the clients concerned are closed. PocketBase's dialect has no event that says
"read again"; but its clients connect again by themselves, subscribe again, and applications that
care reread on connect. A gap is therefore always visible, never silent.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator

from shared import metrics
from shared.errors import Kind, QuillError
from shared.limits import (
    REALTIME_CHANGES_WAITING_MAX,
    REALTIME_CLIENTS_PER_WORKER,
    REALTIME_JUDGEMENTS_PER_READ,
    REALTIME_SWEEP_SECONDS,
)
from shared.logs import get_logger
from shared.messages.changes import Act, Change
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.row import row_values_by_id
from worker.engine.catalog_cache import CatalogCache
from worker.engine.feed import EVERY_TABLE
from worker.engine.reader import Reader
from worker.realtime import sse
from worker.realtime.client import Client
from worker.realtime.client_id import Owner, new_client_id
from worker.realtime.index import Group, TopicIndex
from worker.realtime.judge import Case, Verdicts, judge
from worker.realtime.principal import Principal
from worker.realtime.topics import Topic

_ACTIONS = {Act.CREATE: b"create", Act.UPDATE: b"update", Act.DELETE: b"delete"}
_log = get_logger()


class Hub:
    """Clients, their topics, and the delivery of changes to them."""

    def __init__(self, owner: Owner, reader: Reader, catalog: CatalogCache) -> None:
        self.owner = owner
        self._reader = reader
        self._catalog = catalog
        self._index = TopicIndex()
        self._clients: dict[str, Client] = {}
        self._changes: deque[Change] = deque()
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
        self, client: Client, principal: Principal | None, topics: Iterable[Topic]
    ) -> None:
        """Make `topics`, heard as `principal`, all that the client listens to."""
        client.principal = principal
        client.topics = tuple(topics)
        self._index.replace(client, client.topics, self._catalog.current())

    def _left(self, client: Client) -> None:
        """A stream has ended, for whatever reason."""
        self._clients.pop(client.id, None)
        self._index.remove(client)

    # --- Delivery -------------------------------------------------------------------------------

    def on_changes(self, changes: list[Change]) -> None:
        """Take committed changes from the feed, in order. Never waits."""
        if not self._index.count:
            return
        if len(self._changes) + len(changes) > REALTIME_CHANGES_WAITING_MAX:
            self._changes = deque()
            _log.warning("realtime_overrun", clients=len(self._clients))
            self._lose(self._index.clients())
            return
        self._changes.extend(changes)
        self._arrived.set()

    async def _deliver(self) -> None:
        """The delivery loop: one for the worker, and never ended by a fault in one round."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._changes:
                try:
                    await self._round(self._changes)
                    await asyncio.sleep(0)  # let the streams send what was told
                except Exception:  # noqa: BLE001 - the outermost loop of the delivery
                    _log.exception("realtime_round_failed")
                    self._changes = deque()
                    self._lose(self._index.clients())

    async def _round(self, changes: deque[Change]) -> None:
        """Gather, judge and tell what fits in one read; leave it all in place if a rule moved."""
        catalog = self._catalog.current()
        self._index.refresh(catalog)
        taken, told, cases = self._gather(changes, catalog)
        if cases:
            verdicts = await self._judge(catalog, cases, told)
            if verdicts is None or self._catalog.current().version != catalog.version:
                return
            if verdicts.lost:
                self._demote(verdicts.lost)
                return
            _tell(told, verdicts.records)
        for _ in range(taken):
            changes.popleft()

    def _gather(
        self, changes: deque[Change], catalog: Catalog
    ) -> tuple[int, list[tuple[Change, Group]], list[Case]]:
        """The cases of the first changes that wait; how many changes they are of."""
        taken, told, cases = 0, list[tuple[Change, Group]](), list[Case]()
        for change in changes:
            if len(cases) >= REALTIME_JUDGEMENTS_PER_READ:
                break
            taken += 1
            if change.act == Act.RESET or (change.act == Act.DELETE and change.old is None):
                self._reset(change.table)
                continue
            for group, row in self._cases(change, catalog):
                told.append((change, group))
                cases.append(Case(group.view, group.principal, change.key, row))
        return taken, told, cases

    def _cases(
        self, change: Change, catalog: Catalog
    ) -> Iterator[tuple[Group, tuple[Value, ...] | None]]:
        groups = list(self._index.groups(change.table, str(change.key)))
        collection = catalog.by_id(change.table) if groups else None
        if collection is None:
            return
        logged = change.old if change.act == Act.DELETE else change.new
        row = None if logged is None else row_values_by_id(collection, logged)
        for group in groups:
            yield group, row

    async def _judge(
        self, catalog: Catalog, cases: list[Case], told: list[tuple[Change, Group]]
    ) -> Verdicts | None:
        try:
            return await self._reader.read(judge, catalog.version, cases)
        except QuillError as error:
            _log.warning("realtime_judging_failed", reason=error.message, cases=len(cases))
            self._lose({member.client for _, group in told for member in group.members})
            return Verdicts([None] * len(cases))

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

    def _lose(self, clients: Iterable[Client]) -> None:
        for client in clients:
            client.overflow()

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


def _tell(told: list[tuple[Change, Group]], records: list[str | None]) -> None:
    """Encode each shown record once, and queue the same bytes for all who share the view."""
    sent = dropped = 0
    for (change, group), record in zip(told, records, strict=True):
        if record is None:
            continue
        rest = b'{"action":"%b","record":%b}%b' % (
            _ACTIONS[change.act], record.encode(), sse.EVENT_END,
        )  # fmt: skip
        for member in group.members:
            if member.client.offer(member.prefix, rest):
                sent += 1
            else:
                dropped += 1
    metrics.REALTIME_SENT.add(sent)
    metrics.REALTIME_DROPPED.add(dropped)
