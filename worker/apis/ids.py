"""The ids of records as clients write them, and as they are stored.

| key | text | stored |
|---|---|---|
| INTEGER | decimal digits, 64 bits | the number |
| UUID | padded URL-safe base64, or the 36 characters of a UUID | 16 bytes |
| TEXT | as it is | the text |
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from typing import Final
from uuid import UUID

from shared.errors import QuillError, invalid
from shared.schema.api import RecordApi
from shared.schema.tables.eligibility import KeyKind
from shared.sql.plan import Value

_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_CHARS: Final = 36
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw](==)?")
"""Of 16 bytes. The last character has four bits too many, which are 0: no id has other spellings."""


def read_id(api: RecordApi, text: str) -> Value:
    """The stored key behind an id. Raises INVALID for what can be none."""
    kind = api.key.kind
    if kind is KeyKind.UUID:
        return _uuid(text)
    if kind is KeyKind.INTEGER:
        return _whole(text)
    return _text(text)


def read_base64(text: str) -> bytes:
    """Bytes of URL-safe base64, padded or not: more padding than is needed is skipped.

    `urlsafe_b64decode` takes three times as long (m). Raises binascii.Error.
    """
    return a2b_base64(text.replace("-", "+").replace("_", "/") + "==")


def write_id(value: Value) -> str:
    """The id of a stored key."""
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    return str(value)


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of an address that are no UTF-8
        raise _wrong() from None
    if "\x00" in text:
        raise _wrong()
    return text


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise _wrong()
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise _wrong()
    return number


def _uuid(text: str) -> bytes:
    if len(text) == _UUID_CHARS and _UUID.fullmatch(text):
        return UUID(text).bytes
    if _BASE64.fullmatch(text) is None:
        raise _wrong()
    return read_base64(text)


def _wrong() -> QuillError:
    return invalid("Invalid id")
