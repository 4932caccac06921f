"""A condition in SQL with the values it needs, some of which are known only at a request.

A predicate speaks of the row by the alias `r`, so the same one holds over a table, over a candidate
row of bound values and over a row of the change feed. It is compiled once and bound per request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.access.request import AccessRequest
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


def _dependences(params: tuple[Parameter, ...]) -> tuple[bool, bool, bool]:
    return (
        any(isinstance(one, AuthField) for one in params),
        any(isinstance(one, Moment) for one in params),
        any(isinstance(one, SentValue | BodyField) for one in params),
    )
