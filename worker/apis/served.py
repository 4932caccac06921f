"""What is behind the name of a record API: one of the settings, or else a collection.

Each function here is that of `worker.apis.read`, `write` or `schema`, or its like in
`worker.apis.collections`, and raises as they do. None is a coroutine itself: they only choose one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence

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


def list_records(context: Context, name: str, ask: ListAsk, origin: Origin) -> Awaitable[Page]:
    """A page of records."""
    if _is_collection(context, name):
        return own_read.list_records(context, name, ask, origin)
    return read.list_records(context, name, ask, origin.caller)


def read_record(
    context: Context, name: str, record_id: str, expand: tuple[str, ...], origin: Origin
) -> Awaitable[bytes]:
    """One record's JSON."""
    if _is_collection(context, name):
        return own_read.read_record(context, name, record_id, expand, origin)
    return read.read_record(context, name, record_id, expand, origin.caller)


def read_schema(context: Context, name: str, mode: Mode, origin: Origin) -> Awaitable[bytes]:
    """The JSON Schema of one mode."""
    if _is_collection(context, name):
        return own_schema.read_schema(context, name, mode, origin)
    return schema.read_schema(context, name, mode, origin.caller)


def create_records(
    context: Context,
    name: str,
    values: Sequence[Mapping[str, object]],
    origin: Origin,
    ask: Ask,
) -> Awaitable[list[str]]:
    """Insert records, all or none; their ids."""
    if _is_collection(context, name):
        return own_write.create_records(context, name, values, origin, ask)
    return write.create_records(context, name, values, origin, ask)


def update_record(
    context: Context,
    name: str,
    record_id: str,
    values: Mapping[str, object],
    origin: Origin,
    ask: Ask,
) -> Awaitable[None]:
    """Change a record."""
    if _is_collection(context, name):
        return own_write.update_record(context, name, record_id, values, origin, ask)
    return write.update_record(context, name, record_id, values, origin, ask)


def delete_record(
    context: Context, name: str, record_id: str, origin: Origin, ask: Ask
) -> Awaitable[None]:
    """Delete a record."""
    if _is_collection(context, name):
        return own_write.delete_record(context, name, record_id, origin, ask)
    return write.delete_record(context, name, record_id, origin, ask)
