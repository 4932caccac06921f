"""The JSON schema of a record API, without what the API does not have."""

from __future__ import annotations

from dataclasses import replace

import orjson

from shared.schema.api import RecordApi
from shared.schema.catalog import Catalog
from shared.schema.tables.json_schema import Shape, json_schema
from shared.schema.tables.mode import Mode
from worker.apis.permissions import admit_to_schema
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Caller


async def read_schema(context: Context, name: str, mode: Mode, caller: Caller | None) -> bytes:
    """The schema's JSON. Raises METHOD (no such API), FORBIDDEN."""
    return await context.apis.read(name, _schema, mode, caller, transaction=caller is not None)


def _schema(
    snapshot: Snapshot, catalog: Catalog, api: RecordApi, mode: Mode, caller: Caller | None
) -> bytes:
    admit_to_schema(snapshot, catalog, api, caller)
    return orjson.dumps(json_schema(shape_of(api, catalog), mode))


def shape_of(api: RecordApi, catalog: Catalog) -> Shape:
    """What a schema of the API is made of."""
    schemas = {one.name: orjson.loads(one.schema) for one in catalog.config.schemas}
    return Shape(
        name=api.name,
        table=replace(api.table, columns=api.columns),
        expand={
            name: replace(referred.table, columns=referred.columns)
            for name, referred in api.references.items()
        },
        schemas=schemas,
    )
