"""The last step of every answer in PocketBase's dialect: JSON bodies and the one error shape.

Knows statuses and shapes only; what went wrong is decided by the core, which raises QuillError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

from shared.errors import FieldError, Kind, QuillError
from worker.http import failures
from worker.http.request import Request
from worker.http.response import Response
from worker.records.fields import project

STATUS: Final[dict[Kind, int]] = {
    **failures.STATUS,
    Kind.METHOD: 404,  # this dialect tells an unknown method like an unknown route
}
_NO_CONTENT: Final = Response(204, b"")


def json_response(value: object, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """200 with `value` as JSON."""
    return Response(200, orjson.dumps(value), headers)


def cut_response(
    request: Request, value: object, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Response:
    """200 with `value` as JSON, as far as `?fields=` wants it. Raises INVALID."""
    fields = request.query.get("fields", "")
    return json_response(project(value, fields) if fields else value, headers)


def page_count(total: int, per_page: int) -> int:
    """How many pages `total` items fill; -1 where they were not counted."""
    return -(-total // per_page) if total >= 0 else -1


def raw_response(body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """200 with JSON that SQLite has already written."""
    return Response(200, body, headers)


def no_content(headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """204."""
    return Response(204, b"", headers) if headers else _NO_CONTENT


def error_response(error: QuillError) -> Response:
    """The error shape: `{"data": {field: {code, message, params?}}, "message", "status"}`."""
    status = STATUS[error.kind]
    body = orjson.dumps(
        {"data": _nested(error.fields), "message": _sentence(error.message), "status": status}
    )
    return Response(status, body, failures.failure_headers(error))


def _sentence(message: str) -> str:
    """Messages of this dialect are capitalised and end in a dot."""
    text = message.strip()
    if not text:
        return "Something went wrong while processing your request."
    ending = "" if text[-1] in ".!?" else "."
    return text[0].upper() + text[1:] + ending


def _nested(fields: Mapping[str, FieldError]) -> dict[str, object]:
    """Dotted names (`fields.2.name`) become nested objects."""
    data: dict[str, object] = {}
    for name, error in fields.items():
        *path, last = name.split(".")
        place = data
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place[last] = _error_json(error)
    return data


def _error_json(error: FieldError) -> dict[str, object]:
    told: dict[str, object] = {"code": error.code, "message": _sentence(error.message)}
    if error.params:
        told["params"] = dict(error.params)
    return told
