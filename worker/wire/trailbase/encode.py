"""The last step of every answer in the dialect of record APIs.

Its errors have a text for the client where the request was wrong, and nothing but their status
otherwise.
"""

from __future__ import annotations

from typing import Final

from shared.errors import Kind, QuillError
from worker.http.failures import STATUS, failure_headers
from worker.http.response import Header, Response

TEXT: Final = b"text/plain; charset=utf-8"
PREFIXES: Final = ("/api/records/", "/api/transaction/", "/api/auth/v1/")
"""What the paths of this dialect begin with."""


def text_response(text: str, status: int = 200, headers: tuple[Header, ...] = ()) -> Response:
    """A status with a short text."""
    return Response(status, text.encode(), headers, TEXT)


def error_response(error: QuillError) -> Response:
    """The status, with the reason only for a request that was wrong."""
    status = STATUS[error.kind]
    body = error.message.encode("utf-8", "replace") if error.kind is Kind.INVALID else b""
    return Response(status, body, failure_headers(error), TEXT)
