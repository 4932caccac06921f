"""A connection with the functions, and one call on it."""

from __future__ import annotations

from typing import Any

import apsw

from shared.sqlite.functions.register import register


class Calling:
    """Calls functions by SQL, over values that are bound."""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        self.connection.pragma("trusted_schema", value=False)
        register(self.connection)

    def __call__(self, expression: str, *values: object) -> Any:
        """The value of one expression."""
        return self.connection.execute(f"SELECT {expression}", values).get


call = Calling()
