"""The tables of databases, made in memory so that SQL rules over them can be judged before they run.

What a rule may read is decided by whoever asks; that it is one expression and nothing else is
decided by SQLite itself (`shared.sqlite.expression`).
"""

from __future__ import annotations

from shared.sqlite.expression import (
    ExpressionScratch,
    MayReadIn,
    Reading,
    UserSqlError,
    plain_table,
)

__all__ = ["ExpressionScratch", "MayReadIn", "Reading", "UserSqlError", "plain_table"]
