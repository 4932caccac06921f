"""The JSON schema of a collection, for those who may do what it is for.

The rule of that action tells: where it is null superusers, where it is empty everybody. Any other
is about records, and without one there is nothing to judge it by; then whoever is logged in.
"""

from __future__ import annotations

from typing import Final

import orjson

from shared.access.decide import ALLOW, DENY, decide
from shared.errors import forbidden
from shared.schema.catalog import Catalog
from shared.schema.collection_schema import collection_schema
from shared.schema.tables.mode import Mode
from worker.apis.collections.caller import own_origin
from worker.apis.names import require_collection
from worker.context import Context
from worker.engine.snapshot import Snapshot
from worker.records.caller import Origin, identity_in

_ACTIONS: Final = {Mode.INSERT: "create", Mode.SELECT: "view", Mode.UPDATE: "update"}


async def read_schema(context: Context, name: str, mode: Mode, origin: Origin) -> bytes:
    """The schema's JSON. Raises METHOD (no longer a collection), FORBIDDEN."""
    return await context.reader.read(
        _schema, name, mode, own_origin(origin), transaction=origin.caller is not None
    )


def _schema(snapshot: Snapshot, catalog: Catalog, name: str, mode: Mode, origin: Origin) -> bytes:
    collection = require_collection(catalog, name)
    identity = identity_in(origin.caller, snapshot, catalog)
    verdict = decide(collection.rule(_ACTIONS[mode]), identity)
    if verdict is DENY or (verdict is not ALLOW and identity.guest):
        raise forbidden()
    return orjson.dumps(collection_schema(collection, mode, hidden=identity.superuser))
