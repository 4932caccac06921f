"""The tokens of keyset paging: where a list goes on, as the values of its order's terms.

A token is bound to what was listed and how: collection, sort and filter. It holds values of the
last record that the client was shown, so that it stays good when that record is gone. It is checked
against damage and against use for another list, and needs no secret: whoever makes one himself
could as well have filtered by these values. (The addresses of other auth records, which he could
not, are no `keyset` terms.)
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Hashable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from shared.errors import QuillError, invalid
from shared.limits import CURSOR_CHARS_MAX
from shared.sql.order import Order
from shared.sql.plan import Value

_CHECK_BYTES: Final = 6
_ID: Final = 'r."id"'  # of a view, too, which has columns that may be null


def check_order(order: Order) -> None:
    """Raises INVALID where a page cannot begin after a record in this order."""
    if not all(term.keyset or term.sql == _ID for term in order.terms):
        raise invalid(
            "A cursor needs a sort by fields of the record itself that are never null: no relation"
            " paths, JSON or @random."
        )


def write_cursor(form: tuple[Hashable, ...], values: Sequence[Value]) -> str:
    """The token of a page that begins after a record with these values. Raises INVALID."""
    packed = msgspec.msgpack.encode(list(values))
    token = urlsafe_b64encode(_check(form, packed) + packed).rstrip(b"=").decode()
    if len(token) > CURSOR_CHARS_MAX:
        raise invalid("The values of the sort fields are too long for a cursor.")
    return token


def read_cursor(form: tuple[Hashable, ...], token: str, terms: int) -> tuple[Value, ...]:
    """The values in a token. Raises INVALID for one that is damaged or of another list."""
    if len(token) > CURSOR_CHARS_MAX:
        raise _bad_cursor()
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        check, packed = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
        if check != _check(form, packed):
            raise _bad_cursor()
        values = msgspec.msgpack.decode(packed)
    except (UnicodeEncodeError, binascii.Error, msgspec.DecodeError):
        raise _bad_cursor() from None
    if not isinstance(values, list) or len(values) != terms:
        raise _bad_cursor()
    if any(isinstance(value, bool) or not _bindable(value) for value in values):
        raise _bad_cursor()
    return tuple(values)


def _bindable(value: object) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float | str | bytes)


def _check(form: tuple[Hashable, ...], packed: bytes) -> bytes:
    digest = blake2b(packed, digest_size=_CHECK_BYTES)
    digest.update(repr(form).encode("utf-8", "surrogatepass"))
    return digest.digest()


def _bad_cursor() -> QuillError:
    return invalid("The cursor is damaged, or belongs to another list.")
