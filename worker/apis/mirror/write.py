"""Writing records of a record API as a collection's: the same columns, with a text `id` beside them.

The answer is the record as its writer may read it, or its id alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from shared.errors import Kind, QuillError, invalid
from shared.schema.api import RecordApi
from shared.schema.mirror import ID, mirror_problem
from shared.schema.tables.eligibility import KeyKind
from worker.apis import write
from worker.apis.ids import read_id, write_id
from worker.apis.mirror.read import view_record
from worker.apis.names import require_api
from worker.context import Context
from worker.records.caller import Origin
from worker.records.submit import Ask

_UNSEEN: Final = (Kind.FORBIDDEN, Kind.NOT_FOUND)
_SIGNS: Final = "+-"


async def create_record(
    context: Context, name: str, body: Mapping[str, object], origin: Origin, ask: Ask
) -> bytes:
    """Insert a record, and its JSON. Raises METHOD, FORBIDDEN, INVALID."""
    api = await _api(context, name)
    values = _values(api, body)
    sent = body.get(ID)
    if sent not in (None, ""):
        values[api.key.column.name] = _key(api, sent)
    (made,) = await write.create_records(context, name, [values], origin, ask)
    if not made:
        raise invalid("There is such a record already, and it stays as it is.")
    return await _shown(context, name, made, origin)


async def update_record(
    context: Context,
    name: str,
    record_id: str,
    body: Mapping[str, object],
    origin: Origin,
    ask: Ask,
) -> bytes:
    """Change a record, and its JSON. Raises METHOD, FORBIDDEN, NOT_FOUND, INVALID."""
    api = await _api(context, name)
    values = _values(api, body)
    sent = body.get(ID)
    if sent not in (None, "") and _key(api, sent) != _key(api, record_id):
        raise invalid("The id of a record cannot be changed.")
    # Also where nothing is left of it: whoever may not update is told so.
    await write.update_record(context, name, record_id, values, origin, ask)
    return await _shown(context, name, record_id, origin)


async def delete_record(
    context: Context, name: str, record_id: str, origin: Origin, ask: Ask
) -> None:
    """Delete a record. Raises as `update_record`."""
    await _api(context, name)
    await write.delete_record(context, name, record_id, origin, ask)


async def _api(context: Context, name: str) -> RecordApi:
    """Raises METHOD (it cannot be served), INVALID (it cannot be shown as a collection)."""
    found = require_api(await context.apis.current(), name)
    problem = mirror_problem(found)
    if problem:
        raise invalid(problem)
    return found


def _values(api: RecordApi, body: Mapping[str, object]) -> dict[str, object]:
    """What was sent for columns; clients send records back with keys that are none."""
    values = {}
    for name, value in body.items():
        if name == ID:
            continue
        if api.column(name) is not None:
            values[name] = value
        elif api.column(name.strip(_SIGNS)) is not None:
            raise invalid(f"{name[:40]}: modifiers are for fields of collections.")
    return values


def _key(api: RecordApi, sent: object) -> object:
    """A text id as the key's column takes it. Raises INVALID."""
    if not isinstance(sent, str):
        return sent
    stored = read_id(api, sent)
    return stored if api.key.kind is KeyKind.INTEGER else write_id(stored)


async def _shown(context: Context, name: str, record_id: str, origin: Origin) -> bytes:
    try:
        return await view_record(context, name, record_id, origin)
    except QuillError as error:
        if error.kind not in _UNSEEN:
            raise
        return orjson.dumps({"collectionId": name, "collectionName": name, ID: record_id})
