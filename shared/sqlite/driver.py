"""The driver's names that reading code outside this folder needs, so that it need not import APSW."""

from __future__ import annotations

from apsw import (
    BusyError,
    CantOpenError,
    Connection,
    ConstraintError,
    Error,
    InterruptError,
    SQLError,
    TooBigError,
)

__all__ = [
    "BusyError",
    "CantOpenError",
    "Connection",
    "ConstraintError",
    "Error",
    "InterruptError",
    "SQLError",
    "TooBigError",
]
