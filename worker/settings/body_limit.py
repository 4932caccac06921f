"""How large the body of a request may be, as the settings have it.

Most kinds of request have a smaller bound of their own, which settings do not lift.
"""

from __future__ import annotations

from typing import Final

from shared.config.config import Config
from shared.limits import BODY_BYTES_MAX

_BATCH: Final = "batch"


def body_limit(config: Config, route: str) -> int:
    """The most bytes for a class of routes. What nobody could read back is never taken."""
    largest = min(config.server.request_size_limit_bytes, BODY_BYTES_MAX)
    if route == _BATCH and config.batch.max_body_bytes:
        return min(config.batch.max_body_bytes, BODY_BYTES_MAX)
    return largest
