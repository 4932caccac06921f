"""What clients send for a column, as it is stored. A function for each column, chosen once.

| column | takes |
|---|---|
| INTEGER | whole numbers of 64 bits, true and false; in a form a text that spells a whole number |
| REAL | numbers; in a form a text that spells one |
| TEXT | texts |
| BLOB | base64 in the alphabet of addresses, a UUID of 36 characters, an array of bytes |
| ANY | texts, numbers, true and false, an array of bytes |
| JSON | JSON, or a text that holds some |
| geometry | a GeoJSON geometry, or a blob |

`null` is NULL everywhere. SQLite's own checks, NOT NULL among them, are the table's business. What a
file's column takes is nothing but `null`: there is no place for its bytes.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

import orjson

from shared.errors import QuillError, invalid
from shared.schema.tables.builtin_schemas import FILE, FILES
from shared.schema.tables.column import Column, DataType
from shared.sql.plan import Value
from worker.apis.ids import read_base64
from worker.http.json_body import parse_json

_MIN, _MAX = -(2**63), 2**63 - 1
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?"
)
_BASE64: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_UUID_CHARS: Final = 36


class FormText(str):
    """A text of a form, which knows no numbers."""

    __slots__ = ()


class GeoJson(str):
    """A geometry that SQLite has yet to read."""

    __slots__ = ()


Decode = Callable[[object], Value]
"""Raises INVALID. A `GeoJson` is no stored value yet."""


def decoders(columns: tuple[Column, ...]) -> Mapping[str, Decode]:
    """How values are read, by the columns that may be written."""
    return {one.name: _decoder(one) for one in columns if one.generated is None and not one.hidden}


def _decoder(column: Column) -> Decode:
    plain, name, nulled = _chosen(column), column.name, column.type in _SPELLED

    def decode(value: object) -> Value:
        if value is None or (nulled and type(value) is FormText and not value):
            return None
        try:
            return plain(value)
        except (TypeError, ValueError) as error:
            raise wrong(name, str(error)) from None

    return decode


def wrong(name: str, reason: str) -> QuillError:
    """What is told of a column's value that cannot be stored."""
    return invalid(f"Invalid value for {name}: {reason}")


def _chosen(column: Column) -> Callable[[object], Value]:
    if column.json is not None and column.json.name in (FILE, FILES):
        return _file
    if column.json is not None:
        return _json
    if column.geometry:
        return _geometry
    return _BY_TYPE[column.type]


def _integer(value: object) -> int:
    if type(value) is int:
        number = value
    elif isinstance(value, bool):
        return int(value)
    elif type(value) is FormText and _WHOLE.fullmatch(value):
        number = int(value)
    else:
        raise TypeError("a whole number is expected")
    if not _MIN <= number <= _MAX:
        raise ValueError("whole numbers have 64 bits")
    return number


def _real(value: object) -> float:
    if isinstance(value, FormText):
        is_number = _NUMBER.fullmatch(value) is not None
    else:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        raise TypeError("a number is expected")
    number = float(value)  # type: ignore[arg-type]
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number


def _text(value: object) -> str:
    if type(value) is str:
        text = value
    elif isinstance(value, str):
        text = str(value)
    else:
        raise TypeError("a text is expected")
    if "\0" in text:
        raise ValueError("NUL characters are not accepted")
    return text


def _blob(value: object) -> bytes:
    if isinstance(value, list):
        return _bytes(value)
    if not isinstance(value, str):
        raise TypeError("URL-safe base64, a UUID or an array of bytes is expected")
    if len(value) == _UUID_CHARS and _UUID.fullmatch(value):
        return UUID(value).bytes
    if _BASE64.fullmatch(value) is None:
        raise ValueError("this is no URL-safe base64")
    try:
        return read_base64(value)
    except binascii.Error:
        raise ValueError("this is no URL-safe base64") from None


def _bytes(value: list[object]) -> bytes:
    if not all(type(one) is int and 0 <= one <= 255 for one in value):
        raise ValueError("an array of bytes holds numbers from 0 to 255")
    return bytes(value)  # type: ignore[arg-type]


def _any(value: object) -> Value:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, list):
        return _bytes(value)
    raise TypeError("an object cannot be stored there")


def _json(value: object) -> str:
    """Its text. What a client wrote as a text stays as it is, once it is known to be JSON."""
    if isinstance(value, str):
        try:
            parse_json(value.encode())
        except QuillError:
            raise ValueError("the text holds no JSON") from None
        return _text(value)
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        raise TypeError("JSON is expected") from None


def _geometry(value: object) -> Value:
    if isinstance(value, dict):
        return GeoJson(_json(value))
    return _blob(value)


def _file(_value: object) -> Value:
    raise ValueError("files cannot be stored")


_SPELLED: Final = (DataType.INTEGER, DataType.REAL)
"""Of a form, an empty text is none of these, and a field that nobody has filled in."""
_BY_TYPE: Final[Mapping[DataType, Callable[[object], Value]]] = {
    DataType.INTEGER: _integer,
    DataType.REAL: _real,
    DataType.TEXT: _text,
    DataType.BLOB: _blob,
    DataType.ANY: _any,
}
