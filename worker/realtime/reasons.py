"""Why a client is told that it missed something, is closed, or is a guest again.

Clients read these words (docs/realtime.md, docs/realtime-protocol.md).
"""

from __future__ import annotations

from typing import Final

# A connection ends.
OVERFLOW: Final = "overflow"
DRAIN: Final = "drain"
BINARY: Final = "binary"
TOO_BIG: Final = "too big"
FULL: Final = "full"
AGE: Final = "age"
IDLE: Final = "idle"
FORBIDDEN: Final = "forbidden"

# Events may be missing; a stream without a word for that ends.
RESET: Final = "reset"
GONE: Final = "gone"
FAULT: Final = "fault"
LARGE: Final = "large"

# An identity has ended.
REVOKED: Final = "revoked"
EXPIRED: Final = "expired"
