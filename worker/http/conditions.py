"""Headers that make a write conditional, refused where they would not be kept to.

Whoever sends one relies on it: that nothing else has changed meanwhile (RFC 9110, section 13.1.1),
or that a repeated write is applied once.
"""

from __future__ import annotations

from typing import Final

from shared.errors import invalid
from worker.http.request import Request

_CONDITIONS: Final = (b"if-match", b"idempotency-key")


def refuse_conditions(request: Request) -> None:
    """Raises INVALID where a write to a record API has one."""
    for name in _CONDITIONS:
        if request.header(name) is not None:
            raise invalid("Record APIs take no If-Match and no Idempotency-Key.")
