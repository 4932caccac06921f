"""How two geometries lie to each other.

GEOS takes a moment for well-formed geometries of any shape, and time by the cube of their size for
tangled ones: lines that all meet in a point, polygons that cross themselves. So boxes are compared
first, which decides most rows of a filter, and containment of large geometries is only worked out
where both are simple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from shared.limits import (
    GEOMETRY_MEETING_MAX,
    GEOMETRY_PAIRS_MAX,
    GEOMETRY_RELATE_POINTS_ANY,
    GEOMETRY_RELATE_POINTS_MAX,
)
from shared.sqlite.functions.function import Function, number_argument, refuse
from shared.sqlite.functions.geometry import (
    library,
    meeting,
    nulls_and_faults,
    points_of,
    read,
)

_POLYGONS: Final = {"Polygon", "MultiPolygon"}
_LINES: Final = {"LineString", "MultiLineString"}
_POINTS: Final = {"Point", "MultiPoint"}


def _meeting(name: str) -> Callable[..., bool | None]:
    @nulls_and_faults(name)
    def meets(one: object, other: object) -> bool:
        """Whether two geometries have a point in common."""
        first, second = read(name, one), read(name, other)
        if _apart(first, second):
            return False
        _bound_pairs(name, first, second)
        return bool(library().intersects(first, second))

    return meets


intersects: Final = _meeting("ST_Intersects")


@nulls_and_faults("ST_Disjoint")
def disjoint(one: object, other: object) -> bool:
    """Whether two geometries have no point in common."""
    return not intersects(one, other)


@nulls_and_faults("ST_Contains")
def contains(outer: object, inner: object) -> bool:
    """Whether no point of `inner` is outside of `outer`, and some are in its interior."""
    return _holds("ST_Contains", "contains", outer, inner)


@nulls_and_faults("ST_Within")
def within(inner: object, outer: object) -> bool:
    """The same as ST_Contains the other way round."""
    return _holds("ST_Within", "contains", outer, inner)


@nulls_and_faults("ST_Covers")
def covers(outer: object, inner: object) -> bool:
    """Whether no point of `inner` is outside of `outer`."""
    return _holds("ST_Covers", "covers", outer, inner)


@nulls_and_faults("ST_Distance")
def distance(one: object, other: object) -> float | None:
    """The least distance, in the units of the coordinates; NULL when one is empty."""
    first, second = read("ST_Distance", one), read("ST_Distance", other)
    if first.is_empty or second.is_empty:
        return None
    _bound_pairs("ST_Distance", first, second)
    return float(library().distance(first, second))


@nulls_and_faults("ST_DWithin")
def is_near(one: object, other: object, most: object) -> bool:
    """Whether the distance is at most so much."""
    name = "ST_DWithin"
    first, second = read(name, one), read(name, other)
    reach = number_argument(name, most)
    if first.is_empty or second.is_empty or reach < 0:
        return False
    _bound_pairs(name, first, second)
    return bool(library().distance(first, second) <= reach)


def _holds(name: str, predicate: str, outer: object, inner: object) -> bool:
    whole, part = read(name, outer), read(name, inner)
    if whole.is_empty or part.is_empty or not _boxed(whole, part):
        return False
    _bound_pairs(name, whole, part)
    if not (_few(whole, part) or (_untangled(whole) and _untangled(part))):
        refuse(
            name,
            f"beyond {GEOMETRY_RELATE_POINTS_ANY} points geometries have to be valid, simple and"
            f" no larger than {GEOMETRY_RELATE_POINTS_MAX} points",
        )
    return bool(getattr(library(), predicate)(whole, part))


def _few(whole: Any, part: Any) -> bool:
    """Whether it takes no time whatever the shapes: one is a point, or both are small."""
    if "Point" in {whole.geom_type, part.geom_type}:
        return True
    return points_of(whole) + points_of(part) <= GEOMETRY_RELATE_POINTS_ANY


def _untangled(made: Any) -> bool:
    """Whether nothing crosses itself and few lines meet anywhere."""
    kind = made.geom_type
    if kind in _POINTS:
        return True
    if points_of(made) > GEOMETRY_RELATE_POINTS_MAX // 2 or meeting(made) > GEOMETRY_MEETING_MAX:
        return False
    if kind in _POLYGONS:
        return bool(made.is_valid)
    return kind in _LINES and bool(made.is_simple)


def _apart(first: Any, second: Any) -> bool:
    """Whether not even the boxes have a point in common; also when one is empty."""
    a, b = first.bounds, second.bounds
    return not (a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3])


def _boxed(whole: Any, part: Any) -> bool:
    a, b = whole.bounds, part.bounds
    return bool(a[0] <= b[0] and a[1] <= b[1] and b[2] <= a[2] and b[3] <= a[3])


def _bound_pairs(name: str, first: Any, second: Any) -> None:
    if points_of(first) * points_of(second) > GEOMETRY_PAIRS_MAX:
        refuse(name, f"the product of both numbers of points is more than {GEOMETRY_PAIRS_MAX}")


FUNCTIONS: Final = (
    Function("ST_Intersects", intersects, 2),
    Function("ST_Disjoint", disjoint, 2),
    Function("ST_Contains", contains, 2),
    Function("ST_Within", within, 2),
    Function("ST_Covers", covers, 2),
    Function("ST_Distance", distance, 2),
    Function("ST_DWithin", is_near, 3),
)
