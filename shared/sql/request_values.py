"""Values of a predicate that only a request knows: the caller's fields, what was sent, the moment.

Each is a parameter of the SQL. It is asked once for each request, in the form that its place needs.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import orjson

from shared.access.identity import Identity
from shared.access.request import AccessRequest
from shared.language.errors import LanguageError
from shared.language.macros import MACROS
from shared.schema.fields.field import Field, FieldProblem
from shared.sql.pattern import like_pattern
from shared.sql.plan import Value

_NUMERIC: Final = re.compile(
    r"[ \t\r\n\v\f]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\r\n\v\f]*"
)
_LOWER: Final = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_EXACT_INTEGERS: Final = 2.0**53


class Form(enum.Enum):
    """How a value of the request is handed to SQL."""

    PLAIN = enum.auto()
    """As it is; nothing stays NULL."""
    FILLED = enum.auto()
    """Nothing becomes '', which is what an empty column holds."""
    PATTERN = enum.auto()
    """As the right side of LIKE."""
    NUMBER = enum.auto()
    """A number or NULL: SQLite sorts every text after every number."""
    TEXT = enum.auto()
    """A text or NULL, for the same reason."""
    ITEMS = enum.auto()
    """A JSON array: a list as it is, one value as an array of it, nothing as an empty one."""
    COUNT = enum.auto()
    """How many items that array has."""
    JSON = enum.auto()
    """JSON text of any value."""


class Lens(NamedTuple):
    """What is seen of a value: `lower` is the modifier of that name."""

    form: Form = Form.PLAIN
    lower: bool = False

    def shaped(self, value: Value) -> Value:
        """The value as it is bound."""
        if self.lower and isinstance(value, str):
            value = value.translate(_LOWER)
        return _SHAPES[self.form](value)


@dataclass(frozen=True, slots=True)
class AuthField:
    """`@request.auth.<name>`: NULL for guests and for a name that the caller's record lacks."""

    name: str
    form: Form = Form.PLAIN
    lower: bool = False

    def at(self, request: AccessRequest, now: datetime) -> Value:  # noqa: ARG002
        """The value at this request. Raises LanguageError for what may not be compared."""
        value = _auth_value(self.name, request.identity)
        if not self.lower:  # the two usual forms at once: a lens takes 1 µs (m)
            if self.form is Form.PLAIN:
                return value
            if self.form is Form.FILLED:
                return _filled(value)
        return Lens(self.form, self.lower).shaped(value)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time macro."""

    name: str
    form: Form = Form.PLAIN

    def at(self, request: AccessRequest, now: datetime) -> Value:  # noqa: ARG002
        """The value at this moment."""
        return Lens(self.form).shaped(MACROS[self.name](now))


class Place(enum.Enum):
    """Where in a request a value stands."""

    CONTEXT = "context"
    METHOD = "method"
    QUERY = "query"
    HEADER = "headers"


@dataclass(frozen=True, slots=True)
class SentValue:
    """`@request.method`, `@request.context`, `@request.query.<name>` or `@request.headers.<name>`.

    `present`: not the value, but 1 where it was sent, else 0.
    """

    place: Place
    name: str = ""
    form: Form = Form.PLAIN
    lower: bool = False
    present: bool = False

    def at(self, request: AccessRequest, now: datetime) -> Value:  # noqa: ARG002
        """The value that was sent with this request."""
        value = self._read(request)
        if self.present:
            return int(value is not None)
        return Lens(self.form, self.lower).shaped(value)

    def _read(self, request: AccessRequest) -> str | None:
        if self.place is Place.QUERY:
            return _speakable(request.query(self.name))
        if self.place is Place.HEADER:
            return _speakable(request.header(self.name))
        return request.method if self.place is Place.METHOD else request.context


@dataclass(frozen=True, slots=True)
class BodyField:
    """`@request.body.<name>`, as the collection's field of that name would store it.

    What it would not store stays as it was sent, and what was not sent, or sent as null, is NULL.
    `present`: not the value, but 1 where the name was sent, else 0.
    """

    name: str
    field: Field | None = None
    form: Form = Form.PLAIN
    lower: bool = False
    present: bool = False

    def at(self, request: AccessRequest, now: datetime) -> Value:  # noqa: ARG002
        """The value that was sent in this request."""
        if self.present:
            return int(self.name in request.body)
        raw = request.body.get(self.name)
        if self.form is Form.JSON and not isinstance(raw, str):
            return None if raw is None else _json_text(raw)
        return Lens(self.form, self.lower).shaped(self._stored(raw))

    def _stored(self, raw: object) -> Value:
        field = self.field
        if raw is None:
            return None
        if field is None or field.secret or not field.client_writable:
            return _scalar(raw)
        try:
            value = field.prepare(raw)
        except FieldProblem:
            return _scalar(raw)
        if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_INTEGERS:
            return int(value)
        return value


RequestValue = AuthField | Moment | SentValue | BodyField
Parameter = Value | RequestValue


def number_in(text: str) -> int | float | None:
    """The number that SQLite would see in `text` when compared with a number, else None."""
    if _NUMERIC.fullmatch(text) is None:
        return None
    stripped = text.strip()
    if stripped.lstrip("+-").isdigit():
        whole = int(stripped)
        if -(2**63) <= whole < 2**63:
            return whole
    return float(stripped)


def _auth_value(name: str, identity: Identity) -> Value:
    if not identity.collection_id:  # a guest
        return None
    if name == "collectionId":
        return identity.collection_id
    if name == "collectionName":
        return identity.collection_name
    if name in identity.refused:
        raise LanguageError(f"@request.auth.{name} may not be compared")
    return identity.record.get(name)


def _speakable(text: str | None) -> str | None:
    """Text that SQLite can take, else nothing: half a surrogate pair was sent, say."""
    if text is None or text.isascii():
        return text
    return text.encode(errors="ignore").decode()


def _scalar(raw: object) -> Value:
    """A JSON value where no field says how to store it: lists and objects as their text."""
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, str):
        return _speakable(raw)
    if isinstance(raw, int):
        return raw if -(2**63) <= raw < 2**63 else float(raw)
    return raw if isinstance(raw, float) else _json_text(raw)


def _json_text(raw: object) -> str | None:
    try:
        return orjson.dumps(raw).decode()
    except TypeError:  # broken text or numbers out of all bounds inside
        return None


def _filled(value: Value) -> Value:
    return "" if value is None else value


def _pattern(value: Value) -> Value:
    return None if value is None else like_pattern(str(value))


def _number(value: Value) -> Value:
    return number_in(value) if isinstance(value, str) else value


def _text(value: Value) -> Value:
    return value if isinstance(value, str) else None


def _listed(value: Value) -> list[object]:
    if value is None or value == "":
        return []
    if isinstance(value, str) and value.startswith("["):
        try:
            found = orjson.loads(value)
        except ValueError:
            return [value]
        return found if isinstance(found, list) else [value]
    return [value]


def _items(value: Value) -> Value:
    return _json_text(_listed(value))


def _count(value: Value) -> Value:
    return len(_listed(value))


def _same(value: Value) -> Value:
    return value


_SHAPES: Final = {
    Form.PLAIN: _same,
    Form.FILLED: _filled,
    Form.PATTERN: _pattern,
    Form.NUMBER: _number,
    Form.TEXT: _text,
    Form.ITEMS: _items,
    Form.COUNT: _count,
    Form.JSON: _same,
}
