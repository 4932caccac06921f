"""Both ends of every write: its Idempotency-Key, and the answer as the query wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from worker.context import Context
from worker.http.request import Request
from worker.http.response import Response
from worker.records.caller import Origin
from worker.records.fields import check_fields, project
from worker.records.idempotency import read_key
from worker.records.shown import Shown, expand_shown
from worker.records.submit import Ask, Written
from worker.wire.pocketbase.asked import wanted_expand
from worker.wire.pocketbase.encode import no_content, raw_response

_KEY: Final = b"idempotency-key"
REPLAYED: Final = ((b"idempotent-replay", b"true"),)


def ask_of(request: Request, body: Mapping[str, object]) -> Ask:
    """What the request says beside its values.

    Raises INVALID for a key that cannot be one, and for `fields` that the answer could not be cut
    by: once the write is done it is too late.
    """
    if request.raw_query:
        check_fields(request.query.get("fields", ""))
    header = request.header(_KEY)
    if header is None:
        return Ask(request.id)
    target = f"{request.path}?{request.raw_query.decode('latin-1')}"
    return Ask(request.id, read_key(header, request.method, target, body))


def written_response(request: Request, written: Written) -> Response:
    """200 with the record, or 204; a replayed answer says so."""
    headers = REPLAYED if written.replayed else ()
    if not written.body:
        return no_content(headers)
    body = written.body.encode()
    fields = request.query.get("fields", "") if request.raw_query else ""
    return raw_response(projected(body, fields) if fields else body, headers)


async def record_response(
    context: Context, request: Request, written: Written, origin: Origin
) -> Response:
    """As `written_response`, with what the query expands."""
    expand = wanted_expand(request.query) if request.raw_query and written.body else ""
    if expand:
        shown = Shown(orjson.loads(written.body), expand, origin)
        await expand_shown(context, [shown])
        written = written._replace(body=orjson.dumps(shown.record).decode())
    return written_response(request, written)


def projected(body: bytes, fields: str) -> bytes:
    """The part of a JSON answer that the client wants."""
    return orjson.dumps(project(orjson.loads(body), fields))
