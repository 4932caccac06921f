"""The sight of collections: topics name them by id or name, and their view rules decide."""

from __future__ import annotations

from collections.abc import Iterable

from shared.messages.changes import Change
from shared.schema.catalog import Catalog
from worker.engine.reader import Reader
from worker.realtime.delivery.telling import rows_of
from worker.realtime.principal import Principal, ended
from worker.realtime.views.judge import Case, Verdicts, judge
from worker.realtime.views.sight import Rows
from worker.realtime.views.viewpoint import Views
from worker.records.plans import PlanCache


class CollectionSight:
    """Sees collections under main's catalog. `views`: compiled for it."""

    def __init__(self, reader: Reader, plans: PlanCache) -> None:
        self._reader = reader
        self._plans = plans
        self.views = Views()
        self.current = reader.catalog.current
        self.place = self.views.place

    async def settled(self) -> Catalog:
        """The catalog of the moment."""
        return self.current()

    def name(self, table: str, state: Catalog) -> str:
        """The collection's name."""
        collection = state.by_id(table)
        return "" if collection is None else collection.name

    def rows(self, change: Change, state: Catalog) -> Rows:
        """By the fields of the collection."""
        return rows_of(change, state)

    async def judge(self, state: Catalog, cases: list[Case], verdicts: Verdicts) -> Verdicts | None:
        """Judge in one read, and in one transaction where more than one thing is read."""
        expands = any(case.view.expand for case in cases)
        return await self._reader.read(
            judge, self._plans, state.version, cases, verdicts, transaction=expands
        )

    async def ended(self, principals: Iterable[Principal]) -> set[Principal]:
        """Those whose tokens are no longer good."""
        return await self._reader.read(ended, principals)
