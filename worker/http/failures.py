"""What HTTP itself says of a failure, in every dialect: the status, and the headers beside it.

A dialect shapes the body, and may tell a kind by another status.
"""

from __future__ import annotations

import math
from typing import Final

from shared.errors import Kind, QuillError
from worker.http.response import Header

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


def failure_headers(error: QuillError) -> tuple[Header, ...]:
    """When to try again, and whether a write was applied, where that can be told."""
    headers: tuple[Header, ...] = ()
    if error.retry_after_seconds is not None:
        seconds = max(1, math.ceil(error.retry_after_seconds))
        headers += ((b"retry-after", str(seconds).encode()),)
    outcome = _OUTCOME.get(error.kind)
    if outcome is not None:
        headers += ((b"quill-outcome", outcome),)
    return headers
