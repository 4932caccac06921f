"""Geometry as values: made from text and numbers, read from blobs, told as text and numbers.

A geometry is WKB in a blob, with two or three coordinates; an SRID is kept where one is given
(EWKB), and two geometries are compared without regard to it. The library, shapely with its GEOS,
is imported at the first call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final, TypeVar

from shared.limits import (
    GEOMETRY_BYTES_MAX,
    GEOMETRY_DEPTH_MAX,
    GEOMETRY_PARTS_MAX,
    GEOMETRY_TEXT_BYTES_MAX,
    GEOMETRY_TEXT_POINTS_MAX,
    GEOMETRY_VALID_MEETING_MAX,
    GEOMETRY_VALID_POINTS_MAX,
    SQL_JSON_NODES_MAX,
)
from shared.sqlite.functions.function import Function, number_argument, refuse, text_argument
from shared.sqlite.functions.validation import is_json
from shared.sqlite.functions.wkb import check_wkb

T = TypeVar("T")
_SRID_MAX: Final = 999_999
_OBJECTS_MAX: Final = 64  # of one GeoJSON text; all of them may be nested
_ALWAYS_VALID: Final = {"Point", "LineString", "MultiLineString"}  # told at once
_PLAIN_POINTS: Final = {b"\x01\x01\0\0\0": 5, b"\x01\x01\0\0\x20": 9}
"""How a point begins without and with an SRID, and where its two coordinates stand."""
_POSITION: Final = struct.Struct("<dd")
_FAR: Final = 1e30  # nothing that is worked out overflows


@cache
def library() -> Any:
    """Shapely. About 0.2 s at the first call in a process."""
    import shapely  # noqa: PLC0415 - at the first call

    return shapely


def _quiet() -> Any:
    """Numbers that are too large or too small for a float are no warnings in our log."""
    import numpy as np  # noqa: PLC0415 - shapely's own; at the first call

    return np.errstate(all="ignore")


def nulls_and_faults(name: str) -> Callable[[Callable[..., T]], Callable[..., T | None]]:
    """A function whose result is NULL for NULL, and whose library's faults are FunctionErrors."""

    def wrap(call: Callable[..., T]) -> Callable[..., T | None]:
        @wraps(call)
        def guarded(*values: object) -> T | None:
            if None in values:
                return None
            try:
                with _quiet():
                    return call(*values)
            except (ValueError, OverflowError, MemoryError) as error:
                refuse(name, str(error))
            except library().errors.ShapelyError as error:
                refuse(name, str(error).partition("\n")[0])

        return guarded

    return wrap


def read(name: str, value: object) -> Any:
    """The geometry of a blob. Raises FunctionError, and the library's errors."""
    wkb = check_wkb(name, value)
    made = library().from_wkb(wkb)
    _check_reach(name, made)
    return made


def _check_reach(name: str, made: Any) -> None:
    """Refuse NaN and what overflows: GEOS may take its time with those."""
    coordinates = library().get_coordinates(made)
    if coordinates.size and not float(abs(coordinates).max()) <= _FAR:
        refuse(name, f"coordinates go up to {_FAR:.0e}")


def written(name: str, made: Any) -> bytes:
    """The blob of a geometry. Raises FunctionError for one that is too large."""
    shapely = library()
    wkb: bytes = shapely.to_wkb(made, byte_order=1, include_srid=True, flavor="extended")
    if len(wkb) > GEOMETRY_BYTES_MAX:
        refuse(name, f"the geometry is larger than {GEOMETRY_BYTES_MAX} bytes")
    check_wkb(name, wkb)
    return wkb


def points_of(made: Any) -> int:
    """How many positions a geometry has."""
    return int(library().get_num_coordinates(made))


def meeting(made: Any) -> int:
    """How many positions of a geometry are at the same place, where the most are."""
    places: dict[bytes, int] = {}
    raw = (library().get_coordinates(made) + 0.0).tobytes()  # minus zero is zero
    for at in range(0, len(raw), 16):
        place = raw[at : at + 16]
        places[place] = places.get(place, 0) + 1
    return max(places.values(), default=0)


def srid_argument(name: str, value: object) -> int:
    """The number of a reference system. Raises FunctionError."""
    if type(value) is not int or not 0 <= value <= _SRID_MAX:
        refuse(name, f"an SRID is an integer from 0 to {_SRID_MAX}")
    return value


@nulls_and_faults("ST_GeomFromText")
def from_text(wkt: object, srid: object = 0) -> bytes:
    """WKT to a geometry."""
    name = "ST_GeomFromText"
    text = text_argument(name, wkt, GEOMETRY_TEXT_BYTES_MAX)
    # Nothing but collections can be nested, so their number bounds the depth.
    upper = text.upper()
    if upper.count("COLLECTION") > GEOMETRY_DEPTH_MAX:
        refuse(name, f"there are more than {GEOMETRY_DEPTH_MAX} collections")
    if text.count("(") > GEOMETRY_PARTS_MAX or (
        "MULTIPOINT" in upper and text.count(",") > GEOMETRY_PARTS_MAX
    ):
        refuse(name, f"the geometry has more than {GEOMETRY_PARTS_MAX} parts")
    if "CURVE" in upper or "SURFACE" in upper:
        refuse(name, "curves and surfaces are not known")
    made = library().from_wkt(text)
    _check_reach(name, made)
    return _with_srid(name, made, srid)


@nulls_and_faults("ST_GeomFromGeoJSON")
def from_geojson(value: object) -> bytes:
    """A GeoJSON geometry object to a geometry, of SRID 4326 as RFC 7946 says."""
    name = "ST_GeomFromGeoJSON"
    text = text_argument(name, value, GEOMETRY_TEXT_BYTES_MAX)
    if text.count("[") + text.count("{") > SQL_JSON_NODES_MAX:
        refuse(name, f"there are more than {SQL_JSON_NODES_MAX} lists")
    # A collection is an object with others inside, in whatever way its name is spelled.
    if text.count("{") > _OBJECTS_MAX or not is_json(text):
        refuse(name, "this is no GeoJSON geometry, or one of too many parts")
    made = library().from_geojson(text)
    _check_reach(name, made)
    return _with_srid(name, made, 4326)


@nulls_and_faults("ST_GeomFromWKB")
def from_wkb(wkb: object, srid: object = None) -> bytes:
    """WKB, also EWKB, to a geometry."""
    name = "ST_GeomFromWKB"
    made = read(name, wkb)
    return written(name, made) if srid is None else _with_srid(name, made, srid)


@nulls_and_faults("ST_AsBinary")
def as_binary(value: object) -> bytes:
    """Plain WKB, without an SRID."""
    made = read("ST_AsBinary", value)
    wkb: bytes = library().to_wkb(made, byte_order=1, include_srid=False, flavor="iso")
    return wkb


@nulls_and_faults("ST_AsText")
def as_text(value: object) -> str:
    """WKT, with 15 significant digits."""
    return str(library().to_wkt(_tellable("ST_AsText", value), rounding_precision=-1))


@nulls_and_faults("ST_AsGeoJSON")
def as_geojson(value: object) -> str:
    """A GeoJSON geometry object, with all digits."""
    return str(library().to_geojson(_tellable("ST_AsGeoJSON", value)))


@nulls_and_faults("ST_Point")
def point(x: object, y: object, srid: object = 0) -> bytes:
    """A point of two coordinates."""
    name = "ST_Point"
    made = library().points(number_argument(name, x), number_argument(name, y))
    return _with_srid(name, made, srid)


@nulls_and_faults("ST_MakePoint")
def make_point(x: object, y: object, *z: object) -> bytes:
    """A point of two or three coordinates."""
    made = library().points([number_argument("ST_MakePoint", each) for each in (x, y, *z)])
    return written("ST_MakePoint", made)


@nulls_and_faults("ST_MakeEnvelope")
def make_envelope(x1: object, y1: object, x2: object, y2: object, srid: object = 0) -> bytes:
    """A rectangle along the axes."""
    name = "ST_MakeEnvelope"
    sides = [number_argument(name, each) for each in (x1, y1, x2, y2)]
    return _with_srid(name, library().box(*sides), srid)


def is_valid(value: object) -> bool | None:
    """Whether a blob is a geometry, and a valid one; false for all other values but NULL.

    Raises FunctionError for one that is too large.
    """
    if value is None:
        return None
    if type(value) is not bytes:
        return False
    return _is_point(value) or _is_valid(value)


def _is_point(value: bytes) -> bool:
    """Whether it is surely a valid point, as most tables of places hold: told without the library."""
    place = _PLAIN_POINTS.get(value[:5])
    if place is None or len(value) != place + 16:
        return False
    x, y = _POSITION.unpack_from(value, place)
    return bool(-_FAR <= x <= _FAR and -_FAR <= y <= _FAR)


@nulls_and_faults("ST_IsValid")
def _is_valid(value: bytes) -> bool:
    name = "ST_IsValid"
    made = read(name, value)
    if made.geom_type in _ALWAYS_VALID:
        return bool(library().is_valid(made))
    if points_of(made) > GEOMETRY_VALID_POINTS_MAX:
        refuse(name, f"the geometry has more than {GEOMETRY_VALID_POINTS_MAX} points")
    if meeting(made) > GEOMETRY_VALID_MEETING_MAX:
        refuse(name, f"more than {GEOMETRY_VALID_MEETING_MAX} points are in one place")
    return bool(library().is_valid(made))


@nulls_and_faults("ST_IsEmpty")
def is_empty(value: object) -> bool:
    """Whether there is no point in it."""
    return bool(library().is_empty(read("ST_IsEmpty", value)))


@nulls_and_faults("ST_X")
def x_of(value: object) -> float | None:
    """The first coordinate of a point; NULL of an empty one."""
    return _coordinate("ST_X", value, "get_x")


@nulls_and_faults("ST_Y")
def y_of(value: object) -> float | None:
    """The second coordinate of a point; NULL of an empty one."""
    return _coordinate("ST_Y", value, "get_y")


@nulls_and_faults("ST_GeometryType")
def type_of(value: object) -> str:
    """`ST_Point`, `ST_MultiPolygon` and so on."""
    return f"ST_{read('ST_GeometryType', value).geom_type}"


@nulls_and_faults("ST_SRID")
def srid(value: object) -> int:
    """The number of the reference system; 0 when none is given."""
    return int(library().get_srid(read("ST_SRID", value)))


@nulls_and_faults("ST_SetSRID")
def set_srid(value: object, number: object) -> bytes:
    """The same coordinates under another SRID."""
    return _with_srid("ST_SetSRID", read("ST_SetSRID", value), number)


def _with_srid(name: str, made: Any, number: object) -> bytes:
    return written(name, library().set_srid(made, srid_argument(name, number)))


def _coordinate(name: str, value: object, getter: str) -> float | None:
    made = read(name, value)
    if made.geom_type != "Point":
        refuse(name, "the geometry is no point")
    return None if made.is_empty else float(getattr(library(), getter)(made))


def _tellable(name: str, value: object) -> Any:
    made = read(name, value)
    if points_of(made) > GEOMETRY_TEXT_POINTS_MAX:
        refuse(name, f"the geometry has more than {GEOMETRY_TEXT_POINTS_MAX} points")
    return made


FUNCTIONS: Final = (
    Function("ST_GeomFromText", from_text, 1),
    Function("ST_GeomFromText", from_text, 2),
    Function("ST_GeomFromGeoJSON", from_geojson, 1),
    Function("ST_GeomFromWKB", from_wkb, 1),
    Function("ST_GeomFromWKB", from_wkb, 2),
    Function("ST_AsBinary", as_binary, 1),
    Function("ST_AsText", as_text, 1),
    Function("ST_AsGeoJSON", as_geojson, 1),
    Function("ST_Point", point, 2),
    Function("ST_Point", point, 3),
    Function("ST_MakePoint", make_point, 2),
    Function("ST_MakePoint", make_point, 3),
    Function("ST_MakeEnvelope", make_envelope, 4),
    Function("ST_MakeEnvelope", make_envelope, 5),
    Function("ST_IsValid", is_valid, 1),
    Function("ST_IsEmpty", is_empty, 1),
    Function("ST_X", x_of, 1),
    Function("ST_Y", y_of, 1),
    Function("ST_GeometryType", type_of, 1),
    Function("ST_SRID", srid, 1),
    Function("ST_SetSRID", set_srid, 2),
)
