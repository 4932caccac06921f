"""Joins: bringing new subscriptions to the live stream, without a gap and without a double.

```text
now       → live, told what comes after the head of this moment
since P   → the changes after P, page by page, then live
snapshot  → the list and the n of one and the same read, then as since that n
```
A join reads the log itself and tells what its own subscriptions may see. When it has come to where
the feed is, they are made live in the same turn of the loop, with the n that they have been told up
to. Where P is not of this log, or is trimmed away, or a table was reset since, the client is told
that it may have missed something, and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakKeyDictionary

from shared.limits import (
    CLIENT_QUEUE_EVENTS,
    LOG_PAGE_ROWS,
    REALTIME_JOINS_AT_ONCE,
    REALTIME_JUDGEMENTS_PER_READ,
)
from shared.logs import get_logger
from shared.messages.changes import TOPICS, Act, Change
from shared.schema.catalog import Catalog
from worker.engine.change_log import PAGE_LIMITS, ChangePage, read_changes, redefined_after
from worker.engine.feed import EVERY_TABLE
from worker.engine.snapshot import Snapshot
from worker.realtime.clients.client import Client
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.snapshot import TooManyRecordsError, send_snapshot
from worker.realtime.delivery.telling import (
    case_of,
    message_of,
    rows_of,
    tell,
    told_of,
    untellable,
)
from worker.realtime.position import Position
from worker.realtime.reasons import FAULT, GONE, LARGE, RESET
from worker.realtime.topics.topic import EVERY_RECORD
from worker.realtime.views.judge import Case, Verdict, Verdicts

if TYPE_CHECKING:
    from worker.realtime.hub import Hub

_log = get_logger()
_ANEW_AT_ONCE: Final = CLIENT_QUEUE_EVENTS // 4
"""Two messages each, into a queue that is half empty."""


class _Heard(NamedTuple):
    """A change, its position, and one of the subscriptions that may hear of it."""

    change: Change
    position: str
    subscription: Subscription


class Joins:
    """The joins that are under way in one worker. `count`: their subscriptions."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: dict[Client, list[Subscription]] = {}
        """Of clients that have one at a time."""
        self._turns = asyncio.Semaphore(REALTIME_JOINS_AT_ONCE)
        self._lines: WeakKeyDictionary[Client, asyncio.Lock] = WeakKeyDictionary()
        self.count = 0

    def begin(
        self, client: Client, subscriptions: list[Subscription], since: Position | None
    ) -> None:
        """Make these live: at once, or as soon as they have been told what they asked for.

        Their `after` is the head of this moment. A client that remembers one position for all that
        it listens to has one join at a time: what it adds meanwhile comes along, else it would be
        told of later events before earlier ones.
        """
        running = self._running.get(client)
        if running is not None:
            running += subscriptions
            self.count += len(subscriptions)
            return
        later: dict[Position | None, list[Subscription]] = {}
        for subscription in subscriptions:
            topic = subscription.topic
            begins = topic.since or since
            if topic.snapshot or begins is not None:
                later.setdefault(None if topic.snapshot else begins, []).append(subscription)
            elif client.crowded:  # as many as there is room for; the others follow
                now = Position(self._hub.words.feed, subscription.after)
                later.setdefault(now, []).append(subscription)
            else:
                self._hub.go_live(subscription, subscription.after)
        for position, some in later.items():
            task = asyncio.get_running_loop().create_task(self._join(client, some, position))
            self.count += len(some)
            if client.encoder.one_position:
                self._running[client] = some
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @asynccontextmanager
    async def _turn(self, client: Client) -> AsyncIterator[None]:
        """To read. However many joins a client has, one of them stands in the line with others'."""
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = asyncio.Lock()
        async with line, self._turns:
            yield

    def stop(self) -> None:
        """End them all."""
        for task in list(self._tasks):
            task.cancel()

    async def _join(
        self, client: Client, subscriptions: list[Subscription], since: Position | None
    ) -> None:
        """While it waits for the client, a join holds neither a turn nor anything it has read."""
        try:
            if since is not None:
                await self._from_position(client, subscriptions, since)
                return
            for subscription in subscriptions:
                await self._from_snapshot(client, subscription)
        except Exception as error:  # noqa: BLE001 - the outermost loop of a join
            _log.warning("realtime join failed", reason=str(error), exc_info=True)
            await self._start_anew(client, subscriptions, FAULT)
        finally:
            self._running.pop(client, None)
            self.count -= len(subscriptions)

    async def _from_snapshot(self, client: Client, subscription: Subscription) -> None:
        """The list, then what came after it."""
        at = None
        while at is None:
            await client.room()
            try:
                async with self._turn(client):
                    if not _wanted([subscription]):
                        return
                    at = await send_snapshot(self._hub, client, subscription)
            except TooManyRecordsError:
                await self._start_anew(client, [subscription], LARGE)
                return
        await self._from_position(client, [subscription], at)

    async def _from_position(
        self, client: Client, subscriptions: list[Subscription], since: Position
    ) -> None:
        """What came after a position."""
        for subscription in subscriptions:
            subscription.after = since.n
        await self._catch_up(client, subscriptions, since)

    async def _start_anew(
        self, client: Client, subscriptions: Iterable[Subscription], reason: str
    ) -> None:
        """Live from now on; what was before may be missing, and the client is told so.

        As many at once as the client has room for, so that this does not close it.
        """
        words = self._hub.words
        while joining := _wanted(subscriptions):
            n, some = words.head, joining[:_ANEW_AT_ONCE]
            client.resync(some, str(Position(words.feed, n)), reason)
            for subscription in some:
                self._hub.go_live(subscription, n)
            await client.room()

    # --- The log --------------------------------------------------------------------------------

    async def _catch_up(
        self, client: Client, subscriptions: list[Subscription], since: Position
    ) -> None:
        hub = self._hub
        n, found = since.n, since.n <= hub.words.head
        looked_at = -1
        while True:
            left = _wanted(subscriptions)
            if not left:
                return
            if hub.words.feed != since.feed:
                break
            if found and hub.mark() <= n:
                self._go_live_while_room(client, left, n)
                await client.room()
                continue
            async with self._turn(client):
                left = _wanted(left)
                if not left:
                    return
                if looked_at != hub.catalog().version:
                    looked_at = await self._pass_former(client, left, Position(since.feed, n))
                page = await hub.reader.read(
                    _page,
                    n,
                    self._tables(left),
                    transaction=True,
                    in_thread=hub.words.head - n > LOG_PAGE_ROWS,  # to look through many takes long
                )
                if page.gone or page.feed != since.feed:
                    break
                n, found = await self._tell_page(client, left, page, looked_at), True
            await asyncio.sleep(0)  # neither a read nor a turn that is free hands the loop over
            await client.room()
        await self._start_anew(client, subscriptions, GONE)

    def _go_live_while_room(
        self, client: Client, subscriptions: Iterable[Subscription], n: int
    ) -> None:
        for subscription in subscriptions:
            if client.crowded:
                return
            self._hub.go_live(subscription, max(n, subscription.after))

    async def _pass_former(
        self, client: Client, subscriptions: list[Subscription], at: Position
    ) -> int:
        """Tell nothing of what was stored under a former definition of a collection.

        Returns the version of the catalog for which that has been seen to.
        """
        hub = self._hub
        while True:
            catalog = hub.catalog()
            redefined = await hub.reader.read(
                _redefined,
                at.n,
                self._tables(subscriptions),
                in_thread=hub.words.head - at.n > LOG_PAGE_ROWS,
            )
            if hub.catalog().version == catalog.version:
                break
        for subscription in _wanted(subscriptions):
            collection = catalog.find(subscription.topic.collection)
            n = -1 if collection is None else redefined.get(collection.id, -1)
            if subscription.after < n:
                subscription.after = n
                client.resync([subscription], str(at._replace(n=n)), RESET)
        return catalog.version

    def _tables(self, subscriptions: Iterable[Subscription]) -> frozenset[str]:
        """The tables of the log that matter to these."""
        catalog = self._hub.catalog()
        found = (catalog.find(one.topic.collection) for one in subscriptions)
        tables = (TOPICS if collection is None else collection.id for collection in found)
        return frozenset((*tables, EVERY_TABLE))

    async def _tell_page(
        self, client: Client, subscriptions: list[Subscription], page: ChangePage, version: int
    ) -> int:
        """Each change to whom it may concern; in portions of one read each.

        Returns the n that all have been told up to: not the page's when the client is crowded, or
        when the catalog has moved from `version`.
        """
        waiting: list[_Heard] = []
        for heard in self._heard(subscriptions, page):
            waiting.append(heard)
            if len(waiting) >= REALTIME_JUDGEMENTS_PER_READ:
                stopped_at = await self._tell(client, waiting, version)
                if stopped_at is not None:
                    return stopped_at.n - 1
                waiting = []
                await asyncio.sleep(0)  # others have their turn
        stopped_at = await self._tell(client, waiting, version)
        return page.upto if stopped_at is None else stopped_at.n - 1

    def _heard(self, subscriptions: list[Subscription], page: ChangePage) -> Iterator[_Heard]:
        for change in page.changes:
            position = str(Position(page.feed, change.n))
            for subscription in subscriptions:
                topic = subscription.topic
                if change.act is Act.MESSAGE:
                    concerned = topic.path == str(change.key)
                else:
                    concerned = untellable(change) or topic.record in (
                        EVERY_RECORD,
                        str(change.key),
                    )
                if concerned:
                    yield _Heard(change, position, subscription)

    async def _tell(self, client: Client, waiting: list[_Heard], version: int) -> Change | None:
        """Judge and tell; once more when the listener moved meanwhile.

        Returns the change at which the client had no more room or the catalog had moved, None when
        all were told.
        """
        hub = self._hub
        while waiting and not client.closed:
            catalog, principal = hub.catalog(), client.principal
            if catalog.version != version:
                return waiting[0].change
            cases = [self._case(heard, catalog) for heard in waiting]
            asked = [case for case in cases if case is not None]
            verdicts = await hub.sight.judge(catalog, asked, Verdicts())
            if verdicts is None or hub.catalog().version != catalog.version:
                continue
            if verdicts.lost:
                hub.demote(verdicts.lost)
            if client.principal != principal:
                continue
            records = iter(verdicts.records)
            for heard, case in zip(waiting, cases, strict=True):
                if client.crowded:
                    return heard.change
                self._tell_one(heard, None if case is None else next(records), catalog)
            break
        return None

    def _case(self, heard: _Heard, catalog: Catalog) -> Case | None:
        """What has to be judged for it; None where nothing has."""
        change, _, subscription = heard
        if change.act is Act.MESSAGE or untellable(change):
            return None
        client = subscription.client
        seen = self._hub.sight.views.viewpoint(subscription.topic, client.principal, catalog)
        if seen is None or seen.viewpoint.key.collection_id != change.table:
            return None
        return case_of(seen, change, rows_of(change, catalog))

    def _tell_one(self, heard: _Heard, verdict: Verdict, catalog: Catalog) -> None:
        change, position, subscription = heard
        collection = catalog.find(subscription.topic.collection)
        table = TOPICS if collection is None else collection.id
        if change.table not in (table, EVERY_TABLE) or subscription.gone:
            return
        if untellable(change):
            seen = self._hub.sight.views.viewpoint(
                subscription.topic, subscription.client.principal, catalog
            )
            if seen is None and collection is not None and change.table != EVERY_TABLE:
                return  # not a word about a collection that it may not hear at all
            if subscription.after < change.n:
                subscription.after = change.n
                subscription.client.resync([subscription], position, RESET)
        elif change.act is Act.MESSAGE:
            tell(change, message_of(change, position), (subscription,))
        else:
            name = "" if collection is None else collection.name
            tell(change, told_of(change, verdict, name, position), (subscription,))


def _page(snapshot: Snapshot, _catalog: Catalog, n: int, tables: frozenset[str]) -> ChangePage:
    return read_changes(snapshot, n, PAGE_LIMITS, tables)


def _redefined(
    snapshot: Snapshot, _catalog: Catalog, n: int, tables: frozenset[str]
) -> dict[str, int]:
    return redefined_after(snapshot, n, tables)


def _wanted(subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Those that are still to be made live; none when the client is closed."""
    return [one for one in subscriptions if not (one.gone or one.live or one.client.closed)]
