"""Predicates and distances agree with shapely; tangled geometries are refused quickly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shared.sqlite.functions.function import FunctionError
from tests.shared.sqlite.functions.calling import call

_NUMBER = st.integers(0, 6).map(float)
_PLACE = st.tuples(_NUMBER, _NUMBER)
_SHAPES = st.one_of(
    _PLACE.map(shapely.Point),
    st.lists(_PLACE, min_size=1, max_size=4).map(shapely.MultiPoint),
    st.lists(_PLACE, min_size=2, max_size=5, unique=True).map(shapely.LineString),
    st.lists(_PLACE, min_size=3, max_size=5).map(
        lambda places: shapely.MultiPoint(places).convex_hull
    ),
    st.tuples(_NUMBER, _NUMBER, _NUMBER, _NUMBER)
    .filter(lambda box: box[0] != box[2] and box[1] != box[3])
    .map(lambda box: shapely.box(*box)),
    st.sampled_from([shapely.Point(), shapely.Polygon()]),
)
_PREDICATES: dict[str, Callable[[Any, Any], bool]] = {
    "ST_Intersects": shapely.intersects,
    "ST_Disjoint": shapely.disjoint,
    "ST_Contains": shapely.contains,
    "ST_Within": shapely.within,
    "ST_Covers": shapely.covers,
}


@given(_SHAPES, _SHAPES)
def test_predicates(one: Any, other: Any) -> None:
    """Of all kinds of geometries, empty ones too, whatever their SRIDs."""
    for name, predicate in _PREDICATES.items():
        found = call(f"{name}(?, ST_SetSRID(?, 4326))", one.wkb, other.wkb)
        assert found == predicate(one, other), name


@given(_SHAPES, _SHAPES, st.floats(0, 5))
def test_distances(one: Any, other: Any, reach: float) -> None:
    """In units of the coordinates; NULL when there is nothing to be distant from."""
    found, near = call("ST_Distance(?1, ?2), ST_DWithin(?1, ?2, ?3)", one.wkb, other.wkb, reach)
    if one.is_empty or other.is_empty:
        assert (found, near) == (None, 0)
        return
    assert found == shapely.distance(one, other)
    assert near == (found <= reach)
    assert call("ST_DWithin(?, ?, -1)", one.wkb, other.wkb) == 0


def _circle(points: int, radius: float = 1.0) -> Any:
    turns = [2 * math.pi * n / points for n in range(points)]
    return shapely.Polygon([(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns])


def _star(points: int) -> Any:
    turns = [2 * math.pi * n * (points // 2) / points for n in range(points)]
    return shapely.Polygon([(math.cos(turn), math.sin(turn)) for turn in turns])


def test_large_and_simple() -> None:
    """A point in 60,000 points, and a ring of 500 in another."""
    assert call("ST_Within(ST_Point(0, 0), ?)", _circle(60_000).wkb) == 1
    assert call("ST_Contains(?, ?)", _circle(600, 2).wkb, _circle(500).wkb) == 1
    assert call("ST_Contains(?, ?)", _circle(500).wkb, _circle(600, 2).wkb) == 0


def test_large_and_tangled() -> None:
    """Polygons that cross themselves, and lines that all meet in a point, are refused."""
    fan = shapely.MultiLineString([[(0, 0), (1, n)] for n in range(200)])
    for tangled in (_star(501), fan, shapely.GeometryCollection([_circle(100)])):
        with pytest.raises(FunctionError, match="valid, simple"):
            call("ST_Covers(?1, ?1)", tangled.wkb)
        assert call("ST_Intersects(?1, ?1)", tangled.wkb) == 1


def test_boxes_decide_first() -> None:
    """However large both are."""
    one, far = _circle(60_000), shapely.transform(_circle(60_000), lambda places: places + 5)
    assert call("ST_Intersects(?1, ?2), ST_Contains(?1, ?2)", one.wkb, far.wkb) == (0, 0)
    for name in ("ST_Intersects", "ST_Contains", "ST_Distance"):
        with pytest.raises(FunctionError, match="product"):
            call(f"{name}(?1, ?1)", one.wkb)
