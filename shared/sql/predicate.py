"""A condition in SQL with the values it needs, some of which are known only at a request.

A predicate speaks of the row by the alias `r`, so the same one holds over a table, over a candidate
row of bound values and over a row of the change feed. It is compiled once and bound per request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.access.request import AccessRequest
from shared.limits import LIKE_PATTERN_BYTES_MAX
from shared.sql.plan import Value
from shared.sql.request_values import (
    AuthField,
    BodyField,
    Moment,
    Parameter,
    SentValue,
)

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""Stands for the moment where nothing asks for it."""
_REQUEST_VALUES: Final = (AuthField, Moment, SentValue, BodyField)  # a union is asked more slowly


_LIKE: Final = " LIKE "
_LITERAL_LIKE: Final = " LIKE lower(?) ESCAPE "
_REGEXP: Final = " REGEXP "
_LIKE_BYTES_SAFE: Final = LIKE_PATTERN_BYTES_MAX // 2  # lower case may be longer


@dataclass(frozen=True, slots=True)
class Fragment:
    """SQL text about the row `r`, and its parameters in the order of its `?`.

    `depends_on_request`: on more of the request than who asks, such as its body.
    """

    sql: str
    params: tuple[Parameter, ...] = ()
    depends_on_identity: bool = False
    depends_on_time: bool = False
    depends_on_request: bool = False

    def bind(self, request: AccessRequest, now: datetime | None = None) -> tuple[Value, ...]:
        """The values for one request; `now` is UTC, by default the present moment.

        Raises LanguageError when the caller's field cannot be compared: the rule then denies.
        """
        if not (self.depends_on_identity or self.depends_on_time or self.depends_on_request):
            return self.params  # type: ignore[return-value]  # nothing but values in it
        moment = now or (datetime.now(UTC) if self.depends_on_time else _NEVER)
        return tuple(
            [
                one.at(request, moment) if isinstance(one, _REQUEST_VALUES) else one
                for one in self.params
            ]
        )


@dataclass(frozen=True, slots=True)
class Predicate(Fragment):
    """A fragment that is TRUE for the rows meant.

    `count_sql`: a scalar query that tells how many rows of the table are meant, where there is one
    cheaper than counting by the predicate; with its own parameters.
    """

    count_sql: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Shape(Fragment):
    """A fragment that yields a row's JSON object."""


def fragment(sql: str, params: tuple[Parameter, ...] = ()) -> Fragment:
    """A fragment that knows what it depends on."""
    return Fragment(sql, params, *_dependences(params))


def predicate(
    sql: str, params: tuple[Parameter, ...] = (), count_sql: Fragment | None = None
) -> Predicate:
    """A predicate that knows what it depends on."""
    return Predicate(sql, params, *_dependences(params), count_sql)


def all_of(*predicates: Predicate | None) -> Predicate | None:
    """One predicate that holds where all the given ones do; None stands for no condition."""
    present = [one for one in predicates if one is not None]
    if len(present) <= 1:
        return present[0] if present else None
    return predicate(
        " AND ".join(f"({one.sql})" for one in present),
        tuple(parameter for one in present for parameter in one.params),
    )


def only_where(rule: Predicate | None, condition: Predicate | None) -> Predicate | None:
    """A client's condition, asked of no row that the rule hides if it may fail there.

    SQLite may ask it before the rule, and of a failure the client is told: he could find out what
    hidden rows hold.
    """
    if rule is None or condition is None or not may_fail(condition):
        return condition
    sql = f"CASE WHEN {rule.sql} THEN {condition.sql} END"
    return predicate(sql, (*rule.params, *condition.params))


def may_fail(condition: Predicate) -> bool:
    """Whether SQLite may give it up at some row.

    So it does where an expression is too large for a text, and where a pattern of LIKE is too long,
    be it the client's or one that is made of a row's value.
    """
    searches = condition.sql.count(_LIKE)
    if _REGEXP in condition.sql or searches != condition.sql.count(_LITERAL_LIKE):
        return True
    return searches > 0 and any(
        isinstance(one, str) and len(one.encode()) > _LIKE_BYTES_SAFE for one in condition.params
    )


def _dependences(params: tuple[Parameter, ...]) -> tuple[bool, bool, bool]:
    return (
        any(isinstance(one, AuthField) for one in params),
        any(isinstance(one, Moment) for one in params),
        any(isinstance(one, SentValue | BodyField) for one in params),
    )
