"""The hub: the exchange of main's collections and custom topics, with joins from the past.

```text
subscribe → live at once, or Joins: snapshot, missed changes → live
```
"""

from __future__ import annotations

from shared.schema.catalog import Catalog
from shared.status_page import DatabaseWords
from worker.engine.reader import Reader
from worker.realtime.census import Census
from worker.realtime.clients.client import Client
from worker.realtime.clients.client_id import Owner
from worker.realtime.clients.subscription import Subscription
from worker.realtime.collection_sight import CollectionSight
from worker.realtime.delivery.join import Joins
from worker.realtime.exchange import Exchange
from worker.realtime.position import Position
from worker.records.plans import PlanCache


class Hub(Exchange):
    """The clients that listen to collections.

    `reader`, `plans`: what reads for them.
    """

    sight: CollectionSight

    def __init__(
        self,
        owner: Owner,
        reader: Reader,
        plans: PlanCache,
        words: DatabaseWords,
        census: Census | None = None,
    ) -> None:
        """`census`: of the worker; one of its own where this is all that it has."""
        super().__init__(owner, words, CollectionSight(reader, plans), census or Census())
        self.reader = reader
        self.plans = plans
        self._joins = Joins(self)

    def stop(self) -> None:
        """End the delivery and the joins."""
        super().stop()
        self._joins.stop()

    def catalog(self) -> Catalog:
        """The catalog of the moment."""
        return self.sight.current()

    @property
    def subscriptions(self) -> int:
        """Subscriptions of all clients, those that are being joined included."""
        return self.index.count + self._joins.count

    def _begin(
        self, client: Client, subscriptions: list[Subscription], since: Position | None
    ) -> None:
        self._joins.begin(client, subscriptions, since)
