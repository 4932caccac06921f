"""A condition in SQL with the values it needs, some of which are known only at a request.

A predicate speaks of the row by the alias `r`, so the same one holds over a table, over a candidate
row of bound values and over a row of the change feed. It is compiled once and bound per request.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.access.identity import Identity
from shared.language.errors import LanguageError
from shared.language.macros import MACROS
from shared.sql.pattern import like_pattern
from shared.sql.plan import Value

_NUMERIC: Final = re.compile(
    r"[ \t\r\n\v\f]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t\r\n\v\f]*"
)


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


@dataclass(frozen=True, slots=True)
class AuthField:
    """`@request.auth.<name>`: NULL for guests and for a name that the caller's record lacks."""

    name: str
    form: Form = Form.PLAIN


@dataclass(frozen=True, slots=True)
class Moment:
    """A time macro."""

    name: str
    form: Form = Form.PLAIN


Parameter = Value | AuthField | Moment


@dataclass(frozen=True, slots=True)
class Predicate:
    """SQL text that is TRUE for the rows meant, and its parameters in the order of its `?`."""

    sql: str
    params: tuple[Parameter, ...] = ()
    depends_on_identity: bool = False
    depends_on_time: bool = False

    def bind(self, identity: Identity, now: datetime | None = None) -> tuple[Value, ...]:
        """The values for one request; `now` is UTC, by default the present moment.

        Raises LanguageError when the caller's field cannot be compared: the rule then denies.
        """
        if not (self.depends_on_identity or self.depends_on_time):
            return self.params  # type: ignore[return-value]  # nothing but values in it
        moment = now or datetime.now(UTC)
        return tuple(_value(parameter, identity, moment) for parameter in self.params)


def predicate(sql: str, params: tuple[Parameter, ...] = ()) -> Predicate:
    """A predicate that knows what it depends on."""
    return Predicate(
        sql,
        params,
        any(isinstance(parameter, AuthField) for parameter in params),
        any(isinstance(parameter, Moment) for parameter in params),
    )


def all_of(*predicates: Predicate | None) -> Predicate | None:
    """One predicate that holds where all the given ones do; None stands for no condition."""
    present = [one for one in predicates if one is not None]
    if len(present) <= 1:
        return present[0] if present else None
    return Predicate(
        " AND ".join(f"({one.sql})" for one in present),
        tuple(parameter for one in present for parameter in one.params),
        any(one.depends_on_identity for one in present),
        any(one.depends_on_time for one in present),
    )


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


def _value(parameter: Parameter, identity: Identity, now: datetime) -> Value:
    if isinstance(parameter, AuthField):
        return _shaped(_auth_value(parameter.name, identity), parameter.form)
    if isinstance(parameter, Moment):
        return _shaped(MACROS[parameter.name](now), parameter.form)
    return parameter


def _auth_value(name: str, identity: Identity) -> Value:
    if identity.guest:
        return None
    if name == "collectionId":
        return identity.collection_id
    if name == "collectionName":
        return identity.collection_name
    if name in identity.refused:
        raise LanguageError(f"comparing @request.auth.{name} is not supported yet")
    return identity.record.get(name)


def _shaped(value: Value, form: Form) -> Value:
    if form is Form.PLAIN:
        return value
    if form is Form.FILLED:
        return "" if value is None else value
    if form is Form.NUMBER:
        return number_in(value) if isinstance(value, str) else value
    if form is Form.TEXT:
        return value if isinstance(value, str) else None
    return None if value is None else like_pattern(str(value))
