"""How a value of a file becomes a stored one: by its field, as the API would, but nothing is lost.

The API casts what it is sent: a text that is no number becomes 0. In a file that is a mistake which
nobody would notice, so here it is refused. What is a text in a JSON file stays a text in a JSON
field; a CSV has nothing but texts, so there one that reads as JSON is taken as such.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from shared.errors import FieldError
from shared.passwords import is_bearable
from shared.schema.fields.autodate import AutodateField
from shared.schema.fields.bool import BoolField
from shared.schema.fields.cast import NOT_A_NUMBER, number_of
from shared.schema.fields.date import DateField
from shared.schema.fields.field import Field, FieldProblem, Value
from shared.schema.fields.json import JsonField, json_text
from shared.schema.fields.listed import ListedField, unique_texts
from shared.schema.fields.number import NumberField
from shared.schema.fields.password import PasswordField

Convert = Callable[[Any], Value]
"""Raises FieldProblem."""

_ZERO: Final = re.compile(r"[+-]?(?:0+\.?0*|\.0+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_TRUE: Final = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "off", "0"})
NOT_A_BOOL: Final = FieldError("validation_not_a_bool", "Must be true or false.")
NOT_A_DATE: Final = FieldError("validation_invalid_date", "Must be a valid date.")
LOOKS_HASHED: Final = FieldError(
    "import_password_is_hash", "Looks like a hash; bring hashes in a column passwordHash."
)
UNBEARABLE: Final = FieldError(
    "import_unusable_hash", "Is no complete hash by Argon2id or bcrypt, or one that costs too much."
)
_HASH_BEGINS: Final = ("$argon2", "$2a$", "$2b$", "$2y$")

HOW: Final = {
    "text": "as it is",
    "editor": "as it is",
    "email": "address",
    "url": "address",
    "number": "number with a point",
    "bool": "true/false, yes/no, on/off, 1/0",
    "date": "date, kept in UTC",
    "autodate": "date, kept as given",
    "select": "one of its values",
    "relation": "id of a record that exists",
    "json": "JSON, else a text",
    "geoPoint": 'JSON {"lon":…,"lat":…}',
    "password": "plain, hashed (some 30 ms each)",
}
"""What is told about how the values of a type are read."""


def converter(field: Field, *, literal: bool) -> Convert:
    """From a value of the file to a stored one that has been checked.

    `literal`: texts stand for all kinds of values.
    """
    if type(field) in _PLAIN:
        return _checked(_PLAIN[type(field)](field), field.check)
    if isinstance(field, AutodateField):
        return _read_autodate
    if isinstance(field, PasswordField):
        return _checked(_plain_password, field.check_plain)
    if isinstance(field, JsonField) and not literal:
        return _checked(_json_as_it_is, field.check)
    if isinstance(field, ListedField):
        return _checked(_listed(field), field.check)
    return _checked(field.prepare, field.check)


def hash_converter(field: PasswordField) -> Convert:
    """For a column of hashes, which are to be verified one day."""

    def check(value: Any) -> FieldError | None:
        return field.check(value) or (UNBEARABLE if value and not is_bearable(value) else None)

    return _checked(field.prepare, check)


def _checked(read: Convert, check: Callable[[Any], FieldError | None]) -> Convert:
    def convert(raw: Any) -> Value:
        value = read(raw)
        problem = check(value)
        if problem is not None:
            raise FieldProblem(problem)
        return value

    return convert


def _read_number(_field: Field) -> Convert:
    def read(raw: Any) -> Value:
        number = number_of(raw)
        if (
            not number
            and isinstance(raw, str)
            and not _ZERO.fullmatch(text := raw.strip())
            and text
        ):
            raise FieldProblem(NOT_A_NUMBER)
        return number

    return read


def _read_bool(field: Field) -> Convert:
    def read(raw: Any) -> Value:
        if not isinstance(raw, str):
            return field.prepare(raw)
        word = raw.strip().lower()
        if word in _TRUE:
            return 1
        if word and word not in _FALSE:
            raise FieldProblem(NOT_A_BOOL)
        return 0

    return read


def _read_date(field: Field) -> Convert:
    def read(raw: Any) -> Value:
        found = field.prepare(raw)
        if not found and raw is not None and str(raw).strip():
            raise FieldProblem(NOT_A_DATE)
        return found

    return read


_PLAIN: Final[dict[type[Field], Callable[[Field], Convert]]] = {
    NumberField: _read_number,
    BoolField: _read_bool,
    DateField: _read_date,
}
_read_autodate: Final = _read_date(DateField({"name": "autodate"}))


def _plain_password(raw: Any) -> Value:
    text = str(raw) if isinstance(raw, str | int) else ""
    if text.startswith(_HASH_BEGINS):
        raise FieldProblem(LOOKS_HASHED)
    return text


def _json_as_it_is(raw: Any) -> Value:
    if raw is None:
        return None
    return json_text(raw)


def _listed(field: ListedField) -> Convert:
    """Where one value is kept, several are not cut down to the last."""
    if field.multiple:
        return field.prepare

    def read(raw: Any) -> Value:
        if type(raw) is not str or raw.startswith("["):
            texts = unique_texts(raw)
            if len(texts) > 1:
                raise FieldProblem(field.too_many)
        return field.prepare(raw)

    return read
