"""POST `/api/transaction/v1/execute`: several writes in one request, where the settings allow it.

The answer has both forms that clients read: `results`, one for each operation, and `ids`, which
older clients read instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import orjson

from shared.errors import not_found
from worker.apis.transaction import Operation, Verb, execute
from worker.auth.users.caller import user_origin
from worker.context import Context
from worker.http.json_body import parse_json
from worker.http.request import Request
from worker.http.response import Response
from worker.wire.trailbase.body import is_json
from worker.wire.trailbase.encode import TEXT, text_response
from worker.wire.trailbase.writes import ask_of

_UNSUPPORTED, _MISTYPED = 415, 422
_STAYED: Final = "ignored"
"""What is told of a create that found a record of its key."""
_NOT_BEGUN: Final = "not begun in time"
"""What is told of an operation that was certainly not done, since those before it took too long."""


class _Create(msgspec.Struct):
    api_name: str
    value: dict[str, object]


class _Update(msgspec.Struct):
    api_name: str
    record_id: str | int
    value: dict[str, object]


class _Delete(msgspec.Struct):
    api_name: str
    record_id: str | int


class _Operation(msgspec.Struct, rename="pascal"):
    """Exactly one of them is there."""

    create: _Create | None = None
    update: _Update | None = None
    delete: _Delete | None = None


class _Transaction(msgspec.Struct):
    operations: list[_Operation]
    transaction: bool | None = None


async def run(context: Context, request: Request) -> Response:
    """POST …/execute."""
    if not context.catalog.current().config.server.enable_record_transactions:
        raise not_found()
    if not is_json(request):
        return Response(_UNSUPPORTED, b"", (), TEXT)
    body = parse_json(await request.body())
    try:
        asked = msgspec.convert(body, _Transaction)
        operations = [_operation(one) for one in asked.operations]
    except msgspec.ValidationError as error:
        return text_response(str(error), _MISTYPED)
    ids = await execute(
        context,
        operations,
        user_origin(request),
        ask_of(request),
        atomic=asked.transaction is not False,
    )
    return Response(200, orjson.dumps(_told(ids, len(operations))))


def _told(ids: Sequence[str | None], operations: int) -> dict[str, object]:
    """A result for each operation, and its id, "" where it has none."""
    late = operations - len(ids)
    results = [{"Error": _STAYED} if one is None else {"Id": one} for one in ids]
    results += [{"Error": _NOT_BEGUN}] * late
    return {"ids": [one or "" for one in ids] + [""] * late, "results": results}


def _operation(asked: _Operation) -> Operation:
    named = [one for one in (asked.create, asked.update, asked.delete) if one is not None]
    if len(named) != 1:
        raise msgspec.ValidationError("an operation is one of Create, Update and Delete")
    if asked.create is not None:
        return Operation(Verb.CREATE, asked.create.api_name, "", asked.create.value)
    if asked.update is not None:
        one = asked.update
        return Operation(Verb.UPDATE, one.api_name, str(one.record_id), one.value)
    assert asked.delete is not None
    return Operation(Verb.DELETE, asked.delete.api_name, str(asked.delete.record_id))
