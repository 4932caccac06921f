"""What a column of the source holds, as the value that a field of ours stores.

A value is kept as it is wherever the field can hold it, valid or not: an import judges nobody's data.
Only where it cannot (a date that is none, text that is no UTF-8) the value that PocketBase's own API
shows takes its place, and that is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import orjson

from shared.dates import parse
from shared.schema.fields.autodate import AutodateField
from shared.schema.fields.bool import BoolField
from shared.schema.fields.cast import bool_of, number_of, text_of
from shared.schema.fields.date import DateField
from shared.schema.fields.field import Field, FieldProblem, Value
from shared.schema.fields.geo_point import GeoPointField
from shared.schema.fields.json import JsonField, json_text, parsed_text
from shared.schema.fields.listed import ListedField
from shared.schema.fields.number import NumberField

Raw = None | int | float | bytes
"""A value as it is read: texts as bytes, since they may be no UTF-8."""
Tell = Callable[[str], None]
"""Takes down what was not kept as it is."""
Convert = Callable[[Raw, Tell], Value]

NOT_UTF8: Final = "text that is not valid UTF-8: the bad bytes are replaced by U+FFFD"
NOT_A_DATE: Final = "not a date: empty now, as PocketBase shows it"
NOT_A_NUMBER: Final = "not a number: 0 now, as PocketBase shows it"
NOT_A_POINT: Final = "not a point: 0,0 now, as PocketBase shows it"
NOT_A_LIST: Final = "holds what is no text: the list is empty now"
TOO_DEEP: Final = "JSON that is nested too deeply: null now"
# Longer than every number that a 64-bit integer or a double keeps exactly.
_LONG_NUMBER: Final = re.compile(rb"[0-9.]{17}")
_DEPTH_MAX: Final = 1_000  # SQLite's own for JSON


def converter(field: Field) -> Convert:
    """The function for a field's column."""
    for kind, convert in _BY_KIND.items():
        if isinstance(field, kind):
            return convert
    if isinstance(field, ListedField):
        return _several(field) if field.multiple else _one(field)
    return text


def text(raw: Raw, tell: Tell) -> str:
    """Any text, as it is."""
    if raw is None:
        return ""
    if not isinstance(raw, bytes):
        return text_of(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        tell(NOT_UTF8)
        return raw.decode(errors="replace")


def _number(raw: Raw, tell: Tell) -> Value:
    try:
        found = number_of(text(raw, tell) if isinstance(raw, bytes) else raw)
    except FieldProblem:
        tell(NOT_A_NUMBER)
        return 0
    if isinstance(raw, bytes) and not found and raw.strip(b" 0.+-"):
        tell(NOT_A_NUMBER)
    return found


def _bool(raw: Raw, tell: Tell) -> Value:
    return int(bool_of(text(raw, tell) if isinstance(raw, bytes) else raw))


def _date(raw: Raw, tell: Tell) -> Value:
    if raw is None or raw == b"":
        return ""
    found = parse(text(raw, tell) if isinstance(raw, bytes) else raw)
    if not found:
        tell(NOT_A_DATE)
    return found


def _json(raw: Raw, tell: Tell) -> Value:
    """Compact JSON text; numbers of more digits than a reader keeps stay as they are written."""
    if raw is None:
        return None
    if not isinstance(raw, bytes):
        return json_text(raw)
    try:
        made: str | None = _compact(raw)
    except orjson.JSONDecodeError:
        made = _loose_json(text(raw, tell), tell)
    except FieldProblem:
        tell(TOO_DEEP)
        return None
    return None if made == "null" else made


def _compact(raw: bytes) -> str:
    """Raises orjson.JSONDecodeError, FieldProblem for what is nested too deeply."""
    parsed = orjson.loads(raw)
    if _LONG_NUMBER.search(raw) is not None:
        return raw.strip().decode()
    try:
        return json_text(parsed)
    except FieldProblem:  # orjson reads deeper than it writes
        if raw.count(b"[") + raw.count(b"{") < _DEPTH_MAX:
            return raw.strip().decode()
        raise


def _loose_json(loose: str, tell: Tell) -> str | None:
    """Text that is no JSON is a JSON string of it, as PocketBase reads it."""
    try:
        return json_text(parsed_text(loose))
    except FieldProblem:
        tell(TOO_DEEP)
        return None


def _point(field: GeoPointField) -> Convert:
    def convert(raw: Raw, tell: Tell) -> Value:
        try:
            return field.prepare(text(raw, tell))
        except FieldProblem:
            tell(NOT_A_POINT)
            return field.zero()

    return convert


def _one(field: ListedField) -> Convert:
    """A single value; a list left behind by a field that had several counts with its last item."""

    def convert(raw: Raw, tell: Tell) -> Value:
        found = text(raw, tell)
        return _prepared(field, found, tell) if found.startswith("[") else found

    return convert


def _several(field: ListedField) -> Convert:
    def convert(raw: Raw, tell: Tell) -> Value:
        if raw is None or raw in (b"", b"[]"):
            return "[]"
        return _prepared(field, text(raw, tell), tell)

    return convert


def _prepared(field: ListedField, found: str, tell: Tell) -> Value:
    try:
        return field.prepare(found)
    except FieldProblem:
        tell(NOT_A_LIST)
        return field.zero()


_BY_KIND: Final[dict[type[Field], Convert]] = {
    NumberField: _number,
    BoolField: _bool,
    DateField: _date,
    AutodateField: _date,
    JsonField: _json,
    GeoPointField: _point(GeoPointField({})),
}
