"""Table names that no collection or index may take, because the system's own tables have them."""

from __future__ import annotations

from typing import Final

COLLECTIONS_TABLE: Final = "_collections"

AUTH_SYSTEM: Final = ("_mfas", "_otps", "_externalAuths", "_authOrigins")
"""The system collections beside the auth collections (`shared.schema.auth_system`)."""

USERS_TABLE: Final = "_user"
"""Those who log in through the auth API of record APIs (`shared.sql.user_tables`)."""
PASSWORD_HASH, TOTP_SECRET = "password_hash", "totp_secret"
USER_SECRETS: Final = frozenset({PASSWORD_HASH, TOTP_SECRET})
"""Its columns that nobody may be shown."""

RESERVED_TABLES: Final = frozenset(
    {
        # the writer's own
        COLLECTIONS_TABLE,
        "_head",
        "_change",
        "_commit",
        "_batch",
        "_idempotency",
        "_attempts",
        "_schema_state",
        "_settings",
        # system collections and tables of PocketBase and TrailBase, so that imports find them free
        *(name.lower() for name in AUTH_SYSTEM),
        "_superusers",
        "_params",
        "_migrations",
        USERS_TABLE,
        "_user_avatar",
        "_schema_history",
    }
)

PROTECTED_TABLES: Final = frozenset(
    {
        COLLECTIONS_TABLE, "_head", "_change", "_commit", "_batch", "_idempotency", "_attempts",
        "_settings", "_schema_history", "_schema_state",
        "_session", "_authorization_code", "_otp_code",
    }
)  # fmt: skip
"""Tables whose rows only the system changes."""


def is_reserved_table(name: str) -> bool:
    """Whether `name`, in any case, belongs to the system or to SQLite."""
    lower = name.lower()
    return lower in RESERVED_TABLES or lower.startswith("sqlite_")
