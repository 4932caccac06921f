"""Failures of reads that code above the engine has to tell apart; it may not import the driver."""

from __future__ import annotations

from typing import Final

from shared.sqlite.driver import InterruptError, SQLError, TooBigError

__all__ = ["InterruptError", "SQLError", "TooBigError", "is_pattern_too_long"]

_PATTERN_TOO_LONG: Final = "pattern too complex"


def is_pattern_too_long(error: SQLError) -> bool:
    """Whether LIKE gave up because its pattern has more bytes than the connection allows.

    SQLite has no code for it, only the words (sqlite.org/limits.html).
    """
    return _PATTERN_TOO_LONG in str(error)
