"""What an SQL function is here: a name, a call, and what SQLite may assume of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import apsw

_LARGEST: Final = 1e30  # of a coordinate or distance; nothing that is made of it overflows


class FunctionError(apsw.SQLError):
    """A call that is refused: wrong type, malformed or too large. Its text may be shown.

    The statement fails as for any error of SQLite's own, with its code, SQLITE_ERROR.
    """

    result: Final = apsw.SQLITE_ERROR
    extendedresult: Final = apsw.SQLITE_ERROR


class Function(NamedTuple):
    """One SQL function, with one number of arguments.

    `stable`: the same arguments always give the same result, so that indexes and generated columns
    may use it. `in_rules`: cheap enough to stand in rules and views.
    """

    name: str
    call: Callable[..., Any]
    arguments: int
    stable: bool = True
    in_rules: bool = True


def refuse(name: str, reason: str) -> NoReturn:
    """End a call of the function `name`. Raises FunctionError."""
    raise FunctionError(f"{name}: {reason}")


def text_argument(name: str, value: object, bytes_max: int) -> str:
    """`value` as a text of bounded size. Raises FunctionError."""
    if type(value) is not str:
        refuse(name, "a text is needed")
    if is_longer(value, bytes_max):
        refuse(name, f"the text is larger than {bytes_max} bytes")
    return value


def blob_argument(name: str, value: object, bytes_max: int) -> bytes:
    """`value` as a blob of bounded size. Raises FunctionError."""
    if type(value) is not bytes:
        refuse(name, "a blob is needed")
    if len(value) > bytes_max:
        refuse(name, f"the blob is larger than {bytes_max} bytes")
    return value


def number_argument(name: str, value: object) -> float:
    """`value` as a number of a size to be worked with. Raises FunctionError."""
    if type(value) is not float and type(value) is not int:
        refuse(name, "a number is needed")
    if not -_LARGEST <= value <= _LARGEST:
        refuse(name, f"numbers go up to {_LARGEST:.0e}")
    return float(value)


def is_longer(text: str, bytes_max: int) -> bool:
    """Whether `text` has more bytes than that, as UTF-8."""
    if len(text) * 4 <= bytes_max:
        return False
    return len(text) > bytes_max or (not text.isascii() and len(text.encode()) > bytes_max)
