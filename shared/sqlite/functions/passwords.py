"""Password hashes, for migrations that make users.

Each takes some 30 ms on purpose, so rules and views may not call it.
"""

from __future__ import annotations

from typing import Final

from shared.limits import SQL_PASSWORD_BYTES_MAX
from shared.sqlite.functions.function import Function, text_argument


def hash_password(value: object) -> str | None:
    """A salted hash in the PHC string format. Raises FunctionError."""
    if value is None:
        return None
    from shared.passwords import hash_password as hashed  # noqa: PLC0415 - at the first call

    return hashed(text_argument("hash_password", value, SQL_PASSWORD_BYTES_MAX))


FUNCTIONS: Final = (Function("hash_password", hash_password, 1, stable=False, in_rules=False),)
