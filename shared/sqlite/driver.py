"""The driver's names that reading code outside this folder needs, so that it need not import APSW."""

from __future__ import annotations

from apsw import BusyError, Connection, Error, InterruptError, SQLError

__all__ = ["BusyError", "Connection", "Error", "InterruptError", "SQLError"]
