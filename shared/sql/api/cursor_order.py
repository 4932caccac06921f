"""The order of a list, and pages that begin after a row of it, whatever the order.

An order always ends with the key, so that no tie is open, and a cursor holds the values of all its
columns: a page begins after them, also when their row is gone. NULL is the least value, as SQLite
orders.

What follows a row is told in parts, each one range of an index: all columns but the last equal and
the last beyond, then all but the last two equal and the next beyond, and so on. Run one after the other until the page
is full, they reach it at once among any number of ties; as one condition, joined by OR, they do not.

A cursor is the values with a check by a secret key, which also binds it to its API and its order.
So it is good for as long as the key is, and nobody can make one. Values that are too long for an
address are not held: then the row itself has to tell them.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.errors import QuillError, invalid
from shared.language.list_ask import OrderBy
from shared.limits import CURSOR_CHARS_MAX
from shared.schema.api import RecordApi
from shared.schema.tables.column import Column
from shared.sql.api.filters import Condition, column_sql
from shared.sql.plan import Value

_CHECK_BYTES: Final = 16
_PURPOSE: Final = "record-api-cursor"


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """A column that rows are ordered by. `nullable`: it may be NULL."""

    column: Column
    descending: bool
    nullable: bool

    @property
    def sql(self) -> str:
        """The column of the row."""
        return column_sql(self.column)


@dataclass(frozen=True, slots=True)
class CursorOrder:
    """An order without open ties: its last term is the key."""

    terms: tuple[OrderTerm, ...]

    @property
    def sql(self) -> str:
        """What stands after ORDER BY."""
        return ", ".join(term.sql + (" DESC" if term.descending else "") for term in self.terms)

    @property
    def columns(self) -> tuple[str, ...]:
        """The SQL of the values that a cursor holds, in its order."""
        return tuple(term.sql for term in self.terms)

    @property
    def form(self) -> tuple[tuple[str, bool], ...]:
        """What a cursor is bound to."""
        return tuple((term.column.name, term.descending) for term in self.terms)


def order_of(asked: Sequence[OrderBy], api: RecordApi) -> CursorOrder:
    """The order that a client asked for, ended by the key; newest key first if it asked for none.

    The key goes in the direction of the column before it, as the index of that column has it.
    Raises INVALID for what is no shown column.
    """
    shown = {column.name for column in api.shown}
    terms: dict[str, OrderTerm] = {}
    for one in asked:
        column = api.column(one.column)
        if column is None or column.name not in shown:
            raise invalid(f"Invalid query: there is no column {one.column[:40]!r} to order by")
        terms.setdefault(column.name, _term(column, api, descending=one.descending))
        if column.name == api.key.column.name:
            break
    key = api.key.column
    if key.name not in terms:
        descending = asked[-1].descending if asked else True
        terms[key.name] = _term(key, api, descending=descending)
    return CursorOrder(tuple(terms.values()))


def _term(column: Column, api: RecordApi, *, descending: bool) -> OrderTerm:
    # What a view's column may be is inferred, and its rows are not checked against that.
    is_key = column.name == api.key.column.name
    return OrderTerm(column, descending, column.nullable or (api.is_view and not is_key))


def parts_after(order: CursorOrder, values: Sequence[Value]) -> tuple[Condition, ...]:
    """The conditions of the rows after one with these values, in the order of their rows.

    No row is in two of them, and within each the rows have the order's order.
    """
    assert len(values) == len(order.terms)
    parts = []
    for number in reversed(range(len(order.terms))):
        same = [_same(*pair) for pair in zip(order.terms[:number], values[:number], strict=True)]
        parts += [_all([*same, one]) for one in _beyond(order.terms[number], values[number])]
    return tuple(parts)


def _same(term: OrderTerm, value: Value) -> Condition:
    if value is None:
        return Condition(f"{term.sql} IS NULL")
    return Condition(f"{term.sql} = ?", (value,))


def _beyond(term: OrderTerm, value: Value) -> list[Condition]:
    """Where the column is beyond the value, range by range."""
    if value is None:
        return [] if term.descending else [Condition(f"{term.sql} IS NOT NULL")]
    if not term.descending:
        return [Condition(f"{term.sql} > ?", (value,))]
    below = Condition(f"{term.sql} < ?", (value,))
    return [below, Condition(f"{term.sql} IS NULL")] if term.nullable else [below]


def _all(conditions: Sequence[Condition]) -> Condition:
    return Condition(
        " AND ".join(one.sql for one in conditions),
        tuple(value for one in conditions for value in one.params),
    )


def write_cursor(
    key: bytes, api_name: str, order: CursorOrder, values: Sequence[Value]
) -> str | None:
    """The cursor of the page after a row with these values.

    Where they are too long for one it holds the last alone, the row's key, and is good as long as
    the row is there; None if that is too long, too. `key`: the secret that cursors are checked by.
    """
    for held in (values, values[-1:]):
        packed = msgspec.msgpack.encode(list(held))
        check = _check(key, api_name, order, packed)
        text = urlsafe_b64encode(check + packed).rstrip(b"=").decode()
        if len(text) <= CURSOR_CHARS_MAX:
            return text
    return None


def read_cursor(key: bytes, api_name: str, order: CursorOrder, cursor: str) -> tuple[Value, ...]:
    """The values in a cursor, or the key alone.

    Raises INVALID for one that is damaged or of another list.
    """
    if len(cursor) > CURSOR_CHARS_MAX:
        raise bad_cursor()
    try:
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise bad_cursor() from None
    check, packed = raw[:_CHECK_BYTES], raw[_CHECK_BYTES:]
    if not hmac.compare_digest(check, _check(key, api_name, order, packed)):
        raise bad_cursor()
    return tuple(msgspec.msgpack.decode(packed, type=list[Value]))


def _check(key: bytes, api_name: str, order: CursorOrder, packed: bytes) -> bytes:
    bound = msgspec.msgpack.encode((_PURPOSE, api_name, order.form, packed))
    return hmac.digest(key, bound, "sha256")[:_CHECK_BYTES]


def bad_cursor() -> QuillError:
    """The refusal of a cursor."""
    return invalid("Bad cursor")
