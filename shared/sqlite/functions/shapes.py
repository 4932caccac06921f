"""What one geometry measures, and others that are made of it."""

from __future__ import annotations

from typing import Final

from shared.limits import (
    GEOMETRY_BUFFER_POINTS_MAX,
    GEOMETRY_BUFFER_SEGMENTS_MAX,
    GEOMETRY_SIMPLIFY_POINTS_MAX,
)
from shared.sqlite.functions.function import Function, number_argument, refuse
from shared.sqlite.functions.geometry import library, nulls_and_faults, points_of, read, written

_SEGMENTS: Final = 8  # of a quarter circle, as in PostGIS
_LINEAL: Final = {"LineString", "MultiLineString", "LinearRing"}


@nulls_and_faults("ST_Area")
def area(value: object) -> float:
    """The area, in squared units of the coordinates; 0 without polygons."""
    return float(library().area(read("ST_Area", value)))


@nulls_and_faults("ST_Length")
def length(value: object) -> float:
    """The length of lines, in units of the coordinates; 0 of all others."""
    made = read("ST_Length", value)
    return float(library().length(made)) if made.geom_type in _LINEAL else 0.0


@nulls_and_faults("ST_Centroid")
def centroid(value: object) -> bytes:
    """The centre of mass, a point."""
    made = read("ST_Centroid", value)
    return written("ST_Centroid", _keeping(made, library().centroid(made)))


@nulls_and_faults("ST_Envelope")
def envelope(value: object) -> bytes:
    """The smallest rectangle along the axes; a line or point where that has no area."""
    made = read("ST_Envelope", value)
    return written("ST_Envelope", _keeping(made, library().envelope(made)))


@nulls_and_faults("ST_Buffer")
def buffer(value: object, radius: object, segments: object = _SEGMENTS) -> bytes:
    """All that is at most `radius` away, its circles drawn with so many segments a quarter."""
    name = "ST_Buffer"
    made = read(name, value)
    if type(segments) is not int or not 1 <= segments <= GEOMETRY_BUFFER_SEGMENTS_MAX:
        refuse(name, f"a quarter circle has 1 to {GEOMETRY_BUFFER_SEGMENTS_MAX} segments")
    if points_of(made) > GEOMETRY_BUFFER_POINTS_MAX:
        refuse(name, f"the geometry has more than {GEOMETRY_BUFFER_POINTS_MAX} points")
    grown = library().buffer(made, number_argument(name, radius), quad_segs=segments)
    return written(name, _keeping(made, grown))


@nulls_and_faults("ST_Simplify")
def simplify(value: object, tolerance: object) -> bytes:
    """Without the points that are at most `tolerance` beside the line; it may be invalid."""
    name = "ST_Simplify"
    made = read(name, value)
    if points_of(made) > GEOMETRY_SIMPLIFY_POINTS_MAX:
        refuse(name, f"the geometry has more than {GEOMETRY_SIMPLIFY_POINTS_MAX} points")
    most = number_argument(name, tolerance)
    return written(name, _keeping(made, library().simplify(made, most, preserve_topology=False)))


def _keeping(made: object, derived: object) -> object:
    """The SRID of what something was made of."""
    shapely = library()
    return shapely.set_srid(derived, shapely.get_srid(made))


FUNCTIONS: Final = (
    Function("ST_Area", area, 1),
    Function("ST_Length", length, 1),
    Function("ST_Centroid", centroid, 1),
    Function("ST_Envelope", envelope, 1),
    Function("ST_Buffer", buffer, 2),
    Function("ST_Buffer", buffer, 3),
    Function("ST_Simplify", simplify, 2),
)
