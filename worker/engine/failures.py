"""Failures of reads that code above the engine has to tell apart; it may not import the driver."""

from __future__ import annotations

from shared.sqlite.driver import InterruptError, SQLError

__all__ = ["InterruptError", "SQLError"]
