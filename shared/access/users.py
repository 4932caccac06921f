"""Records of `_user`, the table of those who log in through the auth API of record APIs.

It is an auth collection of its own kind: its ids are UUIDs, its columns are plain SQL, and no rule
of the expression language guards it.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Final

from shared.access.identity import Identity
from shared.schema.fields.field import Value
from shared.schema.reserved import USER_SECRETS, USERS_TABLE

USERS: Final = USERS_TABLE
"""Name of the table, and id and name of the collection that identities of it have."""
SECRET_COLUMNS: Final = USER_SECRETS
"""What nobody may compare or be shown."""

_ID_BYTES: Final = 16
_ID_CHARS: Final = 24


def user_identity(record: Mapping[str, Value]) -> Identity:
    """The identity of a row of `_user`; an admin is a superuser. `record`: values by column."""
    return Identity(USERS, USERS, record, bool(record.get("admin")), SECRET_COLUMNS)


def is_user(identity: Identity) -> bool:
    """Whether the identity is a row of `_user`."""
    return identity.collection_id == USERS


def user_id(identity: Identity) -> bytes | str | None:
    """What `_USER_.id` is: 16 bytes, the text id of any other auth collection, None for a guest."""
    value = identity.record.get("id")
    return value if isinstance(value, bytes) or (isinstance(value, str) and value) else None


def id_text(value: bytes) -> str:
    """An id as clients have it: URL-safe base64 of 16 bytes, with its padding."""
    return urlsafe_b64encode(value).decode()


def id_bytes(text: str) -> bytes | None:
    """The id behind such a text, None for what is none."""
    if len(text) != _ID_CHARS:
        return None
    try:
        value = urlsafe_b64decode(text.encode("ascii"))
    except (Base64Error, ValueError):
        return None
    return value if len(value) == _ID_BYTES and id_text(value) == text else None
