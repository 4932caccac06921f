"""An exchange: realtime clients, what they listen to, and the changes of one log on their way there.

```text
Feed.listen → take → Delivery: gather (index: which views) → judge (one read) → tell (queues)
```
What topics name, who may see it and how it is shown is said by its `Sight`; here nothing is known
of that. A subscription knows up to which n it has been told (`after`), so that nothing is told
twice, whoever tells it.

Where changes cannot be told one by one (a RESET of a table, more changes than may wait, a judging
that fails), the clients concerned are told that they may have missed something, or closed where
their dialect has no word for that. A gap is always visible, never silent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from shared.errors import Kind, QuillError
from shared.limits import (
    REALTIME_CLIENTS_PER_WORKER,
    REALTIME_SUBSCRIPTIONS_PER_WORKER,
    REALTIME_SWEEP_SECONDS,
)
from shared.messages.changes import Change
from shared.sql.plan import Value
from shared.status_page import DatabaseWords
from worker.realtime.census import Census
from worker.realtime.clients.client import Admission, Client
from worker.realtime.clients.client_id import Owner, new_client_id
from worker.realtime.clients.encoders import Encoder
from worker.realtime.clients.signed_in import SignedIn
from worker.realtime.clients.subscription import Subscription
from worker.realtime.delivery.delivery import Delivery
from worker.realtime.delivery.index import TopicIndex
from worker.realtime.position import Position
from worker.realtime.principal import Principal
from worker.realtime.reasons import DRAIN, EXPIRED, REVOKED
from worker.realtime.topics.topic import Topic
from worker.realtime.views.sight import Sight

_Client = TypeVar("_Client", bound=Client)
Maker = Callable[[Admission], _Client]
"""What makes a client of some transport: its class."""


class Exchange:
    """Clients, their topics, and the delivery of changes to them.

    `sight`: what topics name, and who may see it.  `mark`: the n up to which the feed has handed
    changes over, or skipped them because nobody wanted any; replace it with the feed's own.
    `feed`: id of the log that is being told.
    """

    def __init__(self, owner: Owner, words: DatabaseWords, sight: Sight, census: Census) -> None:
        self.owner = owner
        self.words = words
        self.sight = sight
        self.feed = words.feed
        self.index = TopicIndex(sight)
        self.mark: Callable[[], int] = lambda: words.head
        self._census = census
        self._clients: dict[str, Client] = {}
        self._present = SignedIn()
        self._delivery = Delivery(self)
        self._sweeper: asyncio.Task[None] | None = None
        self._closing = False
        census.add(self)

    # --- Life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver. The caller connects `on_changes`, `wanted` and `mark` to the feed."""
        self._delivery.start()
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def close_all(self) -> None:
        """End all connections after what they have queued, and refuse new ones: we drain."""
        self._closing = True
        for client in list(self._clients.values()):
            client.close(DRAIN)

    def stop(self) -> None:
        """End the delivery itself."""
        self._census.remove(self)
        self._delivery.stop()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def on_changes(self, changes: list[Change]) -> None:
        """Take committed changes from the feed, in order. Never waits."""
        self._delivery.take(changes)

    def wanted(self) -> bool:
        """Whether anybody listens to anything, so that the feed must read the log."""
        return self.index.count > 0

    def interest(self, table: str, key: Value) -> bool:
        """Whether a change of this key matters: somebody may hear of it, or is it."""
        return self.index.hears(table, key, self.sight.current()) or bool(
            self._present.of(table, key)
        )

    def principals(self, table: str, key: Value) -> Collection[Principal]:
        """As whom clients are here whose record has this key."""
        return self._present.of(table, key)

    def all_principals(self) -> list[Principal]:
        """As whom clients are here."""
        return self._present.all()

    def look_at_feed(self) -> None:
        """While nobody listened, nobody was told that there is another log."""
        if not self.index.count:
            self.feed = self.words.feed

    def position(self, n: int) -> str:
        """A place in the log that is being told, as clients know it."""
        return str(Position(self.feed, n))

    def told_upto(self) -> int:
        """Every live subscription has been told everything up to this n."""
        return self._delivery.told_upto()

    # --- Clients --------------------------------------------------------------------------------

    def connect(self, ip: str, encoder: Encoder, make: Maker[_Client]) -> _Client:
        """A new client. Raises UNAVAILABLE when the worker drains or has too many."""
        if self._closing or self._census.clients >= REALTIME_CLIENTS_PER_WORKER:
            raise QuillError(
                Kind.UNAVAILABLE, "No more realtime clients now.", retry_after_seconds=1.0
            )
        position = str(Position(self.words.feed, self.words.head))
        client = make(Admission(new_client_id(self.owner), ip, encoder, position, self._left))
        self._clients[client.id] = client
        return client

    def find(self, client_id: str) -> Client | None:
        """A client whose connection is open here."""
        client = self._clients.get(client_id)
        return None if client is None or client.closed else client

    def __len__(self) -> int:
        """Connected clients."""
        return len(self._clients)

    @property
    def room(self) -> int:
        """How many more subscriptions the worker takes."""
        return REALTIME_SUBSCRIPTIONS_PER_WORKER - self._census.subscriptions

    @property
    def subscriptions(self) -> int:
        """Subscriptions of all clients."""
        return self.index.count

    def _left(self, client: Client) -> None:
        """A connection has ended, for whatever reason; its transport may say so more than once."""
        if self._clients.pop(client.id, None) is None:
            return
        self._present.move(client.principal, None)
        self.unsubscribe(client, list(client.subscriptions))

    # --- Subscriptions --------------------------------------------------------------------------

    def subscribe(
        self,
        client: Client,
        topics: Iterable[Topic],
        since: Position | None = None,
        announce: Callable[[list[Subscription]], None] = lambda _made: None,
    ) -> None:
        """Let a client listen to these as well; one of the same name is replaced.

        `since`: where those begin that do not say so themselves.  `announce`: is called before
        anything of them is told.
        """
        self.look_at_feed()
        made, head = [], self.words.head  # read once: what is announced is what is done
        for topic in topics:
            self.unsubscribe(client, [topic.subscription])
            subscription = Subscription(client, topic)
            subscription.after = head
            client.subscriptions[topic.subscription] = subscription
            self.index.ask(topic)
            made.append(subscription)
        announce(made)
        self._begin(client, made, since)

    def _begin(
        self, client: Client, subscriptions: list[Subscription], since: Position | None
    ) -> None:
        """Let these be told what comes. Where there is more to it, others override this."""
        del client, since
        for subscription in subscriptions:
            self.go_live(subscription, subscription.after)

    def go_live(self, subscription: Subscription, n: int) -> None:
        """It has been told up to `n`, which is not before where the feed is."""
        if subscription.gone:
            return
        client = subscription.client
        self.look_at_feed()
        subscription.after, subscription.feed = n, self.words.feed
        self.index.add(subscription, self.sight.current())
        client.send(client.encoder.live(subscription.name, str(Position(self.words.feed, n))))

    def unsubscribe(self, client: Client, names: Iterable[str]) -> list[str]:
        """Let a client not listen to these any more; which of them it did listen to."""
        ended = []
        for name in names:
            subscription = client.subscriptions.pop(name, None)
            if subscription is not None:
                self.index.remove(subscription)
                self.index.forget(subscription.topic)
                ended.append(name)
        return ended

    def become(self, client: Client, principal: Principal | None) -> None:
        """Let a client be somebody else: all that it listens to is heard as that from now on."""
        if client.principal == principal:
            return
        self._present.move(client.principal, principal)
        client.principal = principal
        state = self.sight.current()
        for subscription in client.subscriptions.values():
            self.index.move(subscription, state)

    def demote(self, lost: set[Principal]) -> None:
        """Sign out the clients whose tokens are no longer good."""
        for client in list(self._clients.values()):
            if client.principal in lost:
                self.sign_out(client, REVOKED)

    def sign_out(self, client: Client, reason: str) -> None:
        """Make a guest of a client, and tell it, or end it where its dialect knows no guests."""
        self.become(client, None)
        client.send(client.encoder.signed_out(reason))
        client.denied()

    # --- The clock ------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        """Heartbeats, idle and old clients, gauges."""
        while True:
            await asyncio.sleep(REALTIME_SWEEP_SECONDS)
            now, position = time.monotonic(), self.position(self.told_upto())
            for client in list(self._clients.values()):
                if client.expires is not None and client.expires <= time.time():
                    client.expires = None
                    self.sign_out(client, EXPIRED)
                client.tick(now, position)
            self._census.publish()
            self._swept()

    def _swept(self) -> None:
        """All clients have been looked at. For others to override."""
