"""The few ways in which a request can fail, in words that no wire dialect owns.

The core raises these; each dialect maps `kind` to its own status and body at its edge. A cause is
logged, never sent.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Kind(enum.Enum):
    """Machine-readable class of a failure."""

    INVALID = "invalid"  # the request is wrong; 400
    UNAUTHENTICATED = "unauthenticated"  # 401
    FORBIDDEN = "forbidden"  # 403
    NOT_FOUND = "not_found"  # 404
    METHOD = "method"  # 405, told as 404 by dialects that do so
    CONFLICT = "conflict"  # 409
    PRECONDITION = "precondition"  # 412
    TOO_LARGE = "too_large"  # 413
    TOO_MANY = "too_many"  # 429
    INTERNAL = "internal"  # 500, a fault of ours
    UNAVAILABLE = "unavailable"  # 503, certainly not applied
    UNKNOWN_OUTCOME = "unknown_outcome"  # 503, may have been applied: retry with Idempotency-Key
    DISK_FULL = "disk_full"  # 507, certainly not applied


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: a stable code, our wording, and the numbers in it."""

    code: str
    message: str
    params: Mapping[str, object] | None = None


Problems = dict[str, FieldError]
"""What is wrong with a body, by the dotted key of its place."""


class QuillError(Exception):
    """The one exception that the core raises for a request that cannot be served.

    `fields` maps a field name (dotted for nested ones: `fields.2.name`) to its error.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        fields: Mapping[str, FieldError] | None = None,
        *,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.fields = dict(fields or {})
        self.retry_after_seconds = retry_after_seconds


def invalid(message: str, fields: Mapping[str, FieldError] | None = None) -> QuillError:
    """A 400, with the fields at fault."""
    return QuillError(Kind.INVALID, message, fields)


def not_found(message: str = "The requested resource wasn't found.") -> QuillError:
    """A 404, also for what the caller may not know to exist."""
    return QuillError(Kind.NOT_FOUND, message)


def forbidden(message: str = "You are not allowed to perform this request.") -> QuillError:
    """A 403."""
    return QuillError(Kind.FORBIDDEN, message)


def sentence_of(error: OSError) -> str:
    """What the system tells, with the file that it is about; of two the one that was to be made."""
    where = "" if error.filename is None else f"{error.filename2 or error.filename}: "
    return f"{where}{error.strerror or error}."
