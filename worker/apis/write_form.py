"""What all writes to one record API have in common, made once for each version of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.config.record_api import ConflictResolution
from shared.schema.api import Action, RecordApi
from shared.schema.catalog import Catalog
from shared.schema.tables.eligibility import KeyKind
from shared.sql.api.rules import Judge, judge
from shared.sql.api.write import (
    AT_WRITER,
    GEOJSON_SQL,
    GEOMETRY_SQL,
    delete_sql,
    insert_sql,
    kept_sql,
    means_the_same,
    update_sql,
    worker_judge,
)
from shared.sql.plan import Value
from worker.apis.json_columns import check_json_columns
from worker.apis.values import GeoJson, decoders, wrong
from worker.engine.failures import SQLError
from worker.engine.snapshot import Snapshot
from worker.records.plans import PlanCache

_WRITES: Final = (Action.CREATE, Action.UPDATE, Action.DELETE)


class Guard(NamedTuple):
    """A guard as the writer asks it, and as a worker may ask it beforehand, if it may."""

    at_writer: Judge
    at_worker: Judge | None


class Statement(NamedTuple):
    """Insert statements of one set of columns: where the key is sent, and where it is told."""

    plain: str
    telling: str


class ApiForm:
    """Templates for writing records of one API.

    `key`: the name of its key. `uuid`: that its keys are UUIDs. `create_guard`: that of a create, None
    without a rule. `ignores`: that a create leaves a record that it finds as it is. `replaces`: that
    it may replace one. `replaced`: the columns that such a record gets anew, sent or not.
    """

    def __init__(self, api: RecordApi) -> None:
        self.api = api
        self.key = api.key.column.name
        self.decoders = decoders(api.columns)
        self.guards = {
            one: Guard(judge(api, one, AT_WRITER), worker_judge(api, one)) for one in _WRITES
        }
        self.create_guard = self.guards[Action.CREATE] if Action.CREATE in api.rules else None
        self.delete_sql = delete_sql(api)
        self.uuid = api.key.kind is KeyKind.UUID
        self.replaced = tuple(self.decoders)
        self.ignores = api.conflict is ConflictResolution.IGNORE
        self.replaces = api.conflict is ConflictResolution.REPLACE
        self._geometries = {one.name for one in api.columns if one.geometry}
        self._has_json = any(one.json is not None for one in api.columns)
        self._kept: dict[bool, Guard] = {}

    def read(self, snapshot: Snapshot, body: Mapping[str, object]) -> dict[str, Value]:
        """The values of a body by column, as they are stored; what is no column is left out.

        Raises INVALID.
        """
        decode = self.decoders
        values: dict[str, Value] = {}
        for name, value in body.items():
            found = decode.get(name)
            if found is not None:
                values[name] = found(value)
        if self._geometries:
            self._read_geometries(snapshot, values)
        if self._has_json:
            check_json_columns(self.api, values)
        return values

    def _read_geometries(self, snapshot: Snapshot, values: dict[str, Value]) -> None:
        for name in self._geometries & values.keys():
            stored = values[name]
            if type(stored) is GeoJson:
                values[name] = _geometry(snapshot, name, GEOMETRY_SQL, str(stored))
            else:  # one that could not be shown would fail every list
                _geometry(snapshot, name, GEOJSON_SQL, stored)

    def kept(self, *, may_update: bool) -> Guard | None:
        """The guard that no row is replaced which the caller may not change, if one is due."""
        api = self.api
        rule = api.rules.get(Action.UPDATE)
        if not self.replaces or (may_update and rule is None):
            return None
        found = self._kept.get(may_update)
        if found is None:
            at_worker = None
            if not may_update or means_the_same(api, rule):
                at_worker = kept_sql(api, api.database, may_update=may_update)
            at_writer = kept_sql(api, AT_WRITER, may_update=may_update)
            found = self._kept[may_update] = Guard(at_writer, at_worker)
        return found


def form_of(catalog: Catalog, plans: PlanCache, api: RecordApi) -> ApiForm:
    """The templates of an API, from the cache or made now."""
    key = ("api-write", api.name, api.version)
    found: ApiForm | None = plans.get(catalog.version, key)
    if found is None:
        found = ApiForm(api)
        plans.put(catalog.version, key, found)
    return found


def insert_of(
    catalog: Catalog, plans: PlanCache, api: RecordApi, columns: tuple[str, ...]
) -> Statement:
    """The statements that insert these columns, from the cache or made now."""
    key = ("api-insert", api.name, api.version, columns)
    found: Statement | None = plans.get(catalog.version, key)
    if found is None:
        plain = insert_sql(api, columns, returning=False)
        found = Statement(plain, insert_sql(api, columns, returning=True))
        plans.put(catalog.version, key, found, len(plain) * 2)
    return found


def update_of(catalog: Catalog, plans: PlanCache, api: RecordApi, columns: tuple[str, ...]) -> str:
    """The statement that updates these columns, from the cache or made now."""
    key = ("api-update", api.name, api.version, columns)
    found: str | None = plans.get(catalog.version, key)
    if found is None:
        found = update_sql(api, columns)
        plans.put(catalog.version, key, found, len(found))
    return found


def _geometry(snapshot: Snapshot, name: str, sql: str, sent: Value) -> Value:
    try:
        return snapshot.value(sql, (sent,))
    except SQLError:
        raise wrong(
            name, "this is no geometry that GeoJSON has, or one of too many parts"
        ) from None
