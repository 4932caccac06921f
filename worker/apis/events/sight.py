"""The sight of record APIs: topics name APIs of one database, and their SQL rules decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from shared.limits import REALTIME_VIEWS_PER_WORKER
from shared.messages.changes import Act, Change
from shared.schema.api import RecordApi, RecordApis
from shared.schema.tables.table import Table
from shared.sql.api.event import row_values
from worker.apis.catalog import ApiCatalog
from worker.apis.events.topic import ApiTopic
from worker.apis.events.view import ApiView, ApiViewKey, compile_view, show
from worker.realtime.principal import Principal, ended
from worker.realtime.topics.topic import EVERY_RECORD, NO_SOURCE, Topic
from worker.realtime.views.judge import Case, Verdicts, judge
from worker.realtime.views.sight import Rows
from worker.realtime.views.viewpoint import Seen, Viewpoint
from worker.records.plans import PlanCache

NOWHERE = ""
"""The table of an API that is not there."""


class ApiState(NamedTuple):
    """The APIs of one moment; `version` is None, and there are none, while they are being made."""

    version: RecordApis | None


_UNMADE = ApiState(None)


class ApiSight:
    """Sees the record APIs of one database."""

    def __init__(self, apis: ApiCatalog, plans: PlanCache, database: str) -> None:
        self._apis = apis
        self._plans = plans
        self._database = database
        self._names: set[str] = set()
        self._views: dict[ApiViewKey, ApiView | None] = {}
        self._tables: dict[str, Table] = {}
        self._compiled: RecordApis | None = None

    # --- States ---------------------------------------------------------------------------------

    def current(self) -> ApiState:
        """The state of the moment."""
        made = self._apis.made(self._names)
        return _UNMADE if made is None else ApiState(made)

    async def settled(self) -> ApiState:
        """The same, when the APIs are made."""
        return ApiState(await self._apis.renewed(self._names))

    # --- Places and views -----------------------------------------------------------------------

    def place(
        self, topic: Topic, principal: Principal | None, state: ApiState
    ) -> tuple[str, Seen | None] | None:
        """The table of the API, and how it is heard; None while the APIs are being made."""
        assert isinstance(topic, ApiTopic)
        self._names.add(topic.collection)
        if state.version is None:
            return None
        api = self._api(topic.collection, state.version)
        if api is None:
            return NOWHERE, None
        single, signed_in = topic.record != EVERY_RECORD, principal is not None
        key = ApiViewKey(api.name, single, topic.tree, signed_in)
        view = self._view(key, api, state.version)
        if view is None:
            return api.table.name, None
        point = Viewpoint(key, principal if view.personal else None, NO_SOURCE, leave=False)
        return api.table.name, Seen(point, view)

    def _api(self, name: str, apis: RecordApis) -> RecordApi | None:
        found = apis.find(name)
        if not isinstance(found, RecordApi) or found.database != self._database:
            return None
        return found

    def _view(self, key: ApiViewKey, api: RecordApi, apis: RecordApis) -> ApiView | None:
        if self._compiled is not apis:
            self._views.clear()
            self._tables.clear()
            self._compiled = apis
        elif len(self._views) >= 2 * REALTIME_VIEWS_PER_WORKER:
            self._views.clear()  # those that are heard live on in the index, and need their tables
        if key not in self._views:
            self._views[key] = compile_view(api, key)
            self._tables[api.table.name] = api.table
        return self._views[key]

    # --- Changes --------------------------------------------------------------------------------

    def name(self, table: str, state: ApiState) -> str:
        """A table may have several APIs, and no event says of which it is."""
        del table, state
        return ""

    def rows(self, change: Change, state: ApiState) -> Rows:
        """The values by the table's columns; of an update the new ones."""
        del state
        table = self._tables.get(change.table)
        logged = change.old if change.act is Act.DELETE else change.new
        if table is None or logged is None:
            return Rows(None, None)
        return Rows(row_values(table, logged), None)

    async def judge(
        self, state: ApiState, cases: list[Case], verdicts: Verdicts
    ) -> Verdicts | None:
        """Judge in one read, with the databases that the rules need. Raises as `Sight.judge`."""
        del state  # that it has moved is seen by its version, when all is read
        if not cases:
            return verdicts
        apis = [case.view.api for case in cases]
        needed = sorted({name for api in apis for name in api.databases})
        version, reader = apis[0].version[0], self._apis.reader
        if needed:
            return await reader.read_beside(
                needed, judge, self._plans, version, cases, verdicts, show, transaction=True
            )
        personal = any(case.principal is not None for case in cases)
        return await reader.read(
            judge, self._plans, version, cases, verdicts, show, transaction=personal
        )

    async def ended(self, principals: Iterable[Principal]) -> set[Principal]:
        """Those whose tokens are no longer good."""
        return await self._apis.reader.read(ended, principals)
