"""What is behind the name of a record API: one of the settings, or else a collection.

Each function here is that of `worker.apis.read`, `write` or `schema`, or its like in
`worker.apis.collections`, and raises as they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.language.list_ask import ListAsk
from shared.schema.tables.mode import Mode
from worker.apis import read, schema, write
from worker.apis.collections import read as own_read
from worker.apis.collections import schema as own_schema
from worker.apis.collections import write as own_write
from worker.apis.names import served_collection
from worker.apis.read import Page
from worker.context import Context
from worker.records.caller import Origin
from worker.records.submit import Ask


def _is_collection(context: Context, name: str) -> bool:
    return served_collection(context.catalog.current(), name) is not None


async def list_records(context: Context, name: str, ask: ListAsk, origin: Origin) -> Page:
    """A page of records."""
    if _is_collection(context, name):
        return await own_read.list_records(context, name, ask, origin)
    return await read.list_records(context, name, ask, origin.caller)


async def read_record(
    context: Context, name: str, record_id: str, expand: tuple[str, ...], origin: Origin
) -> bytes:
    """One record's JSON."""
    if _is_collection(context, name):
        return await own_read.read_record(context, name, record_id, expand, origin)
    return await read.read_record(context, name, record_id, expand, origin.caller)


async def read_schema(context: Context, name: str, mode: Mode, origin: Origin) -> bytes:
    """The JSON Schema of one mode."""
    if _is_collection(context, name):
        return await own_schema.read_schema(context, name, mode, origin)
    return await schema.read_schema(context, name, mode, origin.caller)


async def create_records(
    context: Context,
    name: str,
    values: Sequence[Mapping[str, object]],
    origin: Origin,
    ask: Ask,
) -> list[str]:
    """Insert records, all or none; their ids."""
    if _is_collection(context, name):
        return await own_write.create_records(context, name, values, origin, ask)
    return await write.create_records(context, name, values, origin, ask)


async def update_record(
    context: Context,
    name: str,
    record_id: str,
    values: Mapping[str, object],
    origin: Origin,
    ask: Ask,
) -> None:
    """Change a record."""
    if _is_collection(context, name):
        await own_write.update_record(context, name, record_id, values, origin, ask)
    else:
        await write.update_record(context, name, record_id, values, origin, ask)


async def delete_record(
    context: Context, name: str, record_id: str, origin: Origin, ask: Ask
) -> None:
    """Delete a record."""
    if _is_collection(context, name):
        await own_write.delete_record(context, name, record_id, origin, ask)
    else:
        await write.delete_record(context, name, record_id, origin, ask)
