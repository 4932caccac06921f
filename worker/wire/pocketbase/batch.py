"""`POST /api/batch`: several writes of records that hold together or not at all.

The body is `{"requests": [{"method", "url", "headers"?, "body"?}]}`; in a form it stands in
`@jsonPayload`, and parts named `requests.N.field` or `requests[N].field` go to the Nth body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import orjson

from shared.access.request import BATCH
from shared.errors import FieldError, QuillError, forbidden, invalid
from shared.schema.fields.field import REQUIRED
from worker.auth.identity import origin_of
from worker.context import Context
from worker.http.request import Request, parse_query
from worker.http.response import Response
from worker.records.batch import BatchRequest, run_batch
from worker.records.caller import Origin
from worker.records.draft import Call
from worker.records.fields import check_fields, project
from worker.records.shown import Shown, expand_shown
from worker.records.submit import BatchFailedError, Written
from worker.wire.pocketbase.asked import wanted_expand
from worker.wire.pocketbase.decode import check_text, json_object
from worker.wire.pocketbase.encode import error_response, raw_response
from worker.wire.pocketbase.written import REPLAYED, ask_of, projected

_REQUESTS: Final = "requests"
_PART: Final = re.compile(r"requests(?:\.([0-9]{1,4})|\[([0-9]{1,4})\])\.(.+)", re.DOTALL)
_URL: Final = re.compile(r"/api/collections/([^/?#]+)/records(?:/([^/?#]+))?/?(?:\?([^#]*))?")
_UPSERT: Final = "PUT"
_ACTIONS: Final = {
    ("POST", False): "create",
    ("PATCH", True): "update",
    ("DELETE", True): "delete",
    (_UPSERT, False): "create",
}
_FAILED: Final = "batch_request_failed"
_NOT_FORWARDED: Final = frozenset({"authorization", "content-type", "content-length"})


class _Source(NamedTuple):
    """One request of a batch as rules see it; headers that it lacks are the batch's own."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    outer: Request

    def header(self, name: bytes) -> str | None:
        """The value of a header; `name` in lower case."""
        own = self.headers.get(name.decode())
        return self.outer.header(name) if own is None else own


async def run(context: Context, request: Request) -> Response:
    """POST /api/batch."""
    allowed = context.catalog.current().config.batch
    if not allowed.enabled:
        raise forbidden("Batch requests are not allowed.")
    body = await json_object(request)
    origin = origin_of(request)._replace(context=BATCH)
    try:
        requests = _read(body, request, origin, allowed.max_requests)
        ask = ask_of(request, body)
        written = await run_batch(context, requests, origin, ask, allowed.timeout_sec)
    except BatchFailedError as failed:
        return _failure(failed)
    response = await _answer(context, written, requests)
    fields = request.query.get("fields", "") if request.raw_query else ""
    if fields:
        response.body = projected(response.body, fields)
    return response


# --- The body -----------------------------------------------------------------------------------


def _read(
    body: Mapping[str, object], request: Request, origin: Origin, most: int
) -> list[BatchRequest]:
    """The requests of a body. Raises INVALID, BatchFailedError."""
    asked = body.get(_REQUESTS)
    if not asked:
        raise _wrong_list(REQUIRED)
    if not isinstance(asked, list):
        raise _wrong_list(FieldError("validation_invalid_value", "Must be a list of requests."))
    if len(asked) > most:
        params = {"max": most, "min": 0}
        message = f"A batch has no more than {most} requests."
        raise _wrong_list(FieldError("validation_length_too_long", message, params))
    parts = _parts(body)
    read = []
    for index, one in enumerate(asked):
        try:
            read.append(_read_one(one, parts.get(index, {}), request, origin))
        except QuillError as error:
            raise BatchFailedError(index, error) from None
    return read


def _parts(body: Mapping[str, object]) -> dict[int, dict[str, object]]:
    """What a form's parts add to the bodies, by the index of the request."""
    found: dict[int, dict[str, object]] = {}
    for key, value in body.items():
        part = _PART.fullmatch(key) if key != _REQUESTS else None
        if part is not None:
            found.setdefault(int(part[1] or part[2]), {})[part[3]] = value
    return found


def _read_one(
    asked: object, parts: Mapping[str, object], request: Request, origin: Origin
) -> BatchRequest:
    if not isinstance(asked, dict):
        raise invalid("A request of a batch must be an object.")
    method, url = asked.get("method"), asked.get("url")
    body, headers = asked.get("body"), asked.get("headers")
    body, headers = {} if body is None else body, {} if headers is None else headers
    if not (isinstance(method, str) and isinstance(url, str)):
        raise invalid("A request of a batch needs a method and a url.")
    if not (isinstance(body, dict) and isinstance(headers, dict)):
        raise invalid("The body and headers of a request of a batch must be objects.")
    found, method = _URL.fullmatch(url), method.upper()
    action = _ACTIONS.get((method, bool(found and found[2])))
    if found is None or action is None:
        raise invalid("A batch takes requests that create, update, upsert or delete records.")
    name, record_id = check_text(unquote(found[1])), check_text(unquote(found[2] or ""))
    query = parse_query(found[3].encode()) if found[3] else {}
    check_fields(query.get("fields", ""))
    own = {str(key).lower(): str(value) for key, value in headers.items()}
    source = _Source(
        method,
        query,
        {key: value for key, value in own.items() if key not in _NOT_FORWARDED},
        request,
    )
    if_match = source.headers.get("if-match")
    call = Call(origin._replace(source=source), name, record_id, {**body, **parts}, if_match)
    if method != _UPSERT:
        return BatchRequest(action, call)
    return BatchRequest(action, _as("POST", call), _as("PATCH", call))


def _as(method: str, call: Call) -> Call:
    """The call with another method, for rules to see."""
    source = call.origin.source
    assert isinstance(source, _Source)
    return call._replace(origin=call.origin._replace(source=source._replace(method=method)))


def _wrong_list(error: FieldError) -> QuillError:
    return invalid("Something went wrong while processing your request.", {_REQUESTS: error})


# --- The answer ---------------------------------------------------------------------------------


async def _answer(context: Context, written: Written, requests: list[BatchRequest]) -> Response:
    """200 with what each request answers; expanded and cut as each one's query wants."""
    headers = REPLAYED if written.replayed else ()
    queries = [_query(one) for one in requests]
    if not any("fields" in query or "expand" in query for query in queries):
        return raw_response(written.body.encode(), headers)
    answers: list[dict[str, Any]] = orjson.loads(written.body)
    shown = [
        Shown(answer["body"], expand, one.call.origin)
        for answer, query, one in zip(answers, queries, requests, strict=True)
        if answer["body"] is not None and (expand := wanted_expand(query))
    ]
    await expand_shown(context, shown)
    for answer, query in zip(answers, queries, strict=True):
        if answer["body"] is not None and (fields := query.get("fields", "")):
            answer["body"] = project(answer["body"], fields)
    return raw_response(orjson.dumps(answers), headers)


def _query(request: BatchRequest) -> Mapping[str, str]:
    source = request.call.origin.source
    return {} if source is None else source.query


def _failure(failed: BatchFailedError) -> Response:
    """400 with the answer that the request at fault would have got."""
    response = orjson.loads(error_response(failed.cause).body)
    told = {"code": _FAILED, "message": "Batch request failed.", "response": response}
    body = {
        "data": {_REQUESTS: {str(failed.index): told}},
        "message": "Batch transaction failed.",
        "status": 400,
    }
    return Response(400, orjson.dumps(body))
