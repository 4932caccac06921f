"""The exchanges of record APIs in one worker: one for each database that somebody listens to.

Each reads the log of its database by itself, so whoever listens to none costs nothing, and what
collections are told costs no more for those who listen to tables. It ends when nobody is left.
"""

from __future__ import annotations

from functools import partial

from shared.depot.layout import MAIN
from worker.apis.catalog import ApiCatalog
from worker.apis.events.exchange import ApiExchange
from worker.apis.events.sight import ApiSight
from worker.engine.others import Other
from worker.engine.snapshot import quick_snapshot
from worker.realtime.census import Census
from worker.realtime.clients.client_id import Owner
from worker.records.plans import PlanCache


class ApiExchanges:
    """Finds the exchange of a database, and makes it when it is asked for."""

    def __init__(
        self,
        owner: Owner,
        apis: ApiCatalog,
        plans: PlanCache,
        census: Census,
        main: Other,
        endpoint: str,
    ) -> None:
        """`main`: the main database. `endpoint`: where the writer tells of commits."""
        self._owner = owner
        self._apis = apis
        self._plans = plans
        self._census = census
        self._main = main
        self._endpoint = endpoint
        self._running: dict[str, ApiExchange] = {}
        self._closing = False

    def of(self, database: str) -> ApiExchange:
        """The exchange of a database's APIs. Raises UNAVAILABLE when that is not open."""
        found = self._running.get(database)
        if found is None:
            found = self._running[database] = self._made(database)
            found.start()
            if self._closing:
                found.close_all()
        return found

    def close_all(self) -> None:
        """End all connections after what they have queued, and refuse new ones: we drain."""
        self._closing = True
        for one in self._running.values():
            one.close_all()

    def stop(self) -> None:
        """End them all."""
        for one in self._running.values():
            one.stop()
        self._running.clear()

    def __len__(self) -> int:
        """Those that run."""
        return len(self._running)

    def _made(self, database: str) -> ApiExchange:
        other = self._main if database == MAIN else self._apis.reader.other(database)
        return ApiExchange(
            self._owner,
            other.words,
            ApiSight(self._apis, self._plans, database),
            self._census,
            self._endpoint,
            partial(quick_snapshot, other.path, other.words),
            partial(self._end, database),
        )

    def _end(self, database: str, one: ApiExchange) -> None:
        if self._running.get(database) is one:
            del self._running[database]
        one.stop()
