"""The last step of every answer in the dialect of record APIs.

Its errors have a text for the client where the request was wrong, and nothing but their status
otherwise.
"""

from __future__ import annotations

import math
from typing import Final

from shared.errors import Kind, QuillError
from worker.http.response import Header, Response

TEXT: Final = b"text/plain; charset=utf-8"
STATUS: Final[dict[Kind, int]] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD: 405,
    Kind.CONFLICT: 409,
    Kind.PRECONDITION: 412,
    Kind.TOO_LARGE: 413,
    Kind.TOO_MANY: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
    Kind.UNKNOWN_OUTCOME: 503,
    Kind.DISK_FULL: 507,
}
_OUTCOME: Final[dict[Kind, bytes]] = {
    Kind.UNAVAILABLE: b"not-applied",
    Kind.DISK_FULL: b"not-applied",
    Kind.UNKNOWN_OUTCOME: b"unknown",
}
PREFIXES: Final = ("/api/records/", "/api/transaction/", "/api/auth/v1/")
"""What the paths of this dialect begin with."""


def text_response(text: str, status: int = 200, headers: tuple[Header, ...] = ()) -> Response:
    """A status with a short text."""
    return Response(status, text.encode(), headers, TEXT)


def error_response(error: QuillError) -> Response:
    """The status, with the reason only for a request that was wrong."""
    status = STATUS[error.kind]
    body = error.message.encode("utf-8", "replace") if error.kind is Kind.INVALID else b""
    return Response(status, body, _headers(error), TEXT)


def _headers(error: QuillError) -> tuple[Header, ...]:
    headers: tuple[Header, ...] = ()
    if error.retry_after_seconds is not None:
        seconds = max(1, math.ceil(error.retry_after_seconds))
        headers += ((b"retry-after", str(seconds).encode()),)
    outcome = _OUTCOME.get(error.kind)
    if outcome is not None:
        headers += ((b"quill-outcome", outcome),)
    return headers
