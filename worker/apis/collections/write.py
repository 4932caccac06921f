"""Writing records of a collection through its record API: as in its own dialect, answered shorter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import orjson

from shared.errors import Kind, QuillError, invalid
from shared.limits import API_BULK_PASSWORDS_MAX, API_BULK_RECORDS_MAX, WRITE_DEADLINE_SECONDS
from shared.schema.collection import AUTH, Collection
from worker.apis.collections.caller import own_origin
from worker.apis.names import require_collection
from worker.apis.values import FormText
from worker.context import Context
from worker.records import write
from worker.records.batch import BatchRequest, run_batch
from worker.records.caller import Origin
from worker.records.draft import Call
from worker.records.submit import Ask, BatchFailedError

_Values = Mapping[str, object]


async def create_records(
    context: Context, name: str, values: Sequence[_Values], origin: Origin, ask: Ask
) -> list[str]:
    """Insert records, all or none; their ids.

    Raises METHOD (a view, no longer a collection), FORBIDDEN (the rule is null), INVALID.
    """
    collection = _writable(context, name)
    if not values:
        raise invalid("no values provided")
    most = API_BULK_PASSWORDS_MAX if collection.type == AUTH else API_BULK_RECORDS_MAX
    if len(values) > most:
        raise invalid(f"Bulk creation exceeds limit: {most}")
    own = own_origin(origin)
    if len(values) == 1:
        try:
            written = await write.create_record(context, name, _plain(values[0]), own, ask)
        except QuillError as error:
            _tell(error)
        return [str(orjson.loads(written.body)["id"])]
    requests = [BatchRequest("create", Call(own, name, "", _plain(one))) for one in values]
    try:
        written = await run_batch(context, requests, own, ask, WRITE_DEADLINE_SECONDS)
    except BatchFailedError as error:
        _tell(error.cause, f"record {error.index}: ")
    return [str(one["body"]["id"]) for one in orjson.loads(written.body)]


async def update_record(
    context: Context, name: str, record_id: str, values: _Values, origin: Origin, ask: Ask
) -> None:
    """Change a record. Raises as `create_records`, and NOT_FOUND, also where the rule fails."""
    _writable(context, name)
    own = own_origin(origin)
    try:
        await write.update_record(context, name, record_id, _plain(values), own, ask)
    except QuillError as error:
        _tell(error)


async def delete_record(
    context: Context, name: str, record_id: str, origin: Origin, ask: Ask
) -> None:
    """Delete a record. Raises as `update_record`."""
    _writable(context, name)
    try:
        await write.delete_record(context, name, record_id, own_origin(origin), ask)
    except QuillError as error:
        _tell(error)


def _writable(context: Context, name: str) -> Collection:
    collection = require_collection(context.catalog.current(), name)
    if collection.is_view:
        raise QuillError(Kind.METHOD, "Records of a view collection cannot be written.")
    return collection


def _plain(values: _Values) -> dict[str, object]:
    """What was sent; texts of forms are texts like others, which fields read as they do."""
    return {
        key: str(value) if isinstance(value, FormText) else value for key, value in values.items()
    }


def _tell(error: QuillError, where: str = "") -> NoReturn:
    """Answers of record APIs have one text, so what is wrong with the fields stands in it."""
    if error.kind is not Kind.INVALID or not (error.fields or where):
        raise error
    told = [f"{name}: {one.message}" for name, one in error.fields.items()]
    raise invalid(f"{where}{' '.join([error.message, *told])}", error.fields) from None
