"""The functions of the language, in SQLite's own: nothing calls back into Python."""

from __future__ import annotations

import enum
from typing import Final

from shared.language.errors import LanguageError
from shared.language.expression import Call, Name, Number, Operand, Text
from shared.sql.clause import Sql, sql
from shared.sql.operands import Affinity, Column
from shared.sql.request_values import Moment

_TWO_POINTS: Final = ("lonA", "latA", "lonB", "latB")
_EARTH_DIAMETER_KM: Final = 12_742  # of a sphere, as geodesy's mean radius has it
_NOW: Final = Sql("?", (Moment("@now"),))
_SAID_NOW: Final = Sql("?", ("now",))


class Function(enum.Enum):
    """What may be called."""

    DISTANCE = "geoDistance"
    FORMAT = "strftime"

    def call(self, arguments: list[Sql]) -> Column:
        """The call; its value compares as JSON does: as it is."""
        made = _distance(arguments) if self is Function.DISTANCE else _formatted(arguments)
        return Column(made, Affinity.JSON)


def function_of(call: Call) -> Function:
    """The function that is called, with as many arguments, and of the kind, that it takes.

    Raises LanguageError.
    """
    try:
        found = Function(call.function)
    except ValueError:
        raise LanguageError(f"unknown function {call.function[:40]}", call.position) from None
    if found is Function.DISTANCE:
        _check_distance(call)
    elif not call.arguments or not isinstance(call.arguments[0], Text):
        raise LanguageError("strftime takes a quoted format first", call.position)
    return found


def _check_distance(call: Call) -> None:
    if len(call.arguments) != len(_TWO_POINTS):
        raise LanguageError(f"geoDistance takes {', '.join(_TWO_POINTS)}", call.position)
    for one in call.arguments:
        if not isinstance(one, Name | Number | Call):
            raise LanguageError("geoDistance takes names and numbers", _place(one, call))


def _place(operand: Operand, call: Call) -> int:
    return operand.position if operand.position >= 0 else call.position


def _distance(arguments: list[Sql]) -> Sql:
    """Kilometres along a great circle, by the haversine; NULL where an argument is no number.

    Rounding may carry the haversine of opposite points beyond 1.
    """
    lon_a, lat_a, lon_b, lat_b = (sql("radians(", one, ")") for one in arguments)
    north, east = (
        sql("pow(sin((", b, " - ", a, ") / 2), 2)") for a, b in ((lat_a, lat_b), (lon_a, lon_b))
    )
    haversine = sql(north, " + cos(", lat_a, ") * cos(", lat_b, ") * ", east)
    return sql(f"({_EARTH_DIAMETER_KM} * asin(sqrt(min(1.0, ", haversine, "))))")


def _formatted(arguments: list[Sql]) -> Sql:
    """A formatted time, '' for what is none; without a time it is that of the request."""
    given = arguments if len(arguments) > 1 else [arguments[0], _NOW]
    written: list[str | Sql] = []
    for one in given:
        time = _NOW if one == _SAID_NOW else one
        written += [", ", time] if written else [time]
    return sql("coalesce(strftime(", *written, "), '')")
