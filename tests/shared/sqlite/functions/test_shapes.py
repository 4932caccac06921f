"""Measures and derived geometries agree with shapely, within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import GEOMETRY_BUFFER_POINTS_MAX, GEOMETRY_SIMPLIFY_POINTS_MAX
from shared.sqlite.functions.function import FunctionError
from tests.shared.sqlite.functions.calling import call
from tests.shared.sqlite.functions.test_geometry import GEOMETRIES


@given(GEOMETRIES)
def test_measures(made: Any) -> None:
    """Areas of polygons, lengths of lines, and what lies around and amid."""
    area, length, centre, around = call(
        "ST_Area(?1), ST_Length(?1), ST_Centroid(?1), ST_Envelope(?1)", made.wkb
    )
    assert area == made.area
    assert length == (made.length if made.geom_type == "LineString" else 0)
    assert shapely.from_wkb(centre).equals_exact(made.centroid)
    assert shapely.from_wkb(around).equals_exact(made.envelope)


@given(GEOMETRIES.filter(lambda made: shapely.get_num_coordinates(made) < 20), st.integers(1, 16))
def test_buffers(made: Any, segments: int) -> None:
    """Of few points."""
    found = shapely.from_wkb(call("ST_Buffer(?, 2.5, ?)", made.wkb, segments))
    with np.errstate(all="ignore"):
        assert found.equals_exact(shapely.buffer(made, 2.5, quad_segs=segments))


@given(GEOMETRIES, st.floats(0, 100))
def test_simplified(made: Any, tolerance: float) -> None:
    """As Douglas and Peucker do it."""
    found = shapely.from_wkb(call("ST_Simplify(?, ?)", made.wkb, tolerance))
    with np.errstate(all="ignore"):
        assert found.equals_exact(shapely.simplify(made, tolerance, preserve_topology=False))


def test_bounds() -> None:
    """Buffers and simplification take time by the square, so they take few points."""
    line = shapely.LineString([(n % 2, n) for n in range(GEOMETRY_SIMPLIFY_POINTS_MAX + 1)]).wkb
    short = shapely.LineString([(n % 2, n) for n in range(GEOMETRY_BUFFER_POINTS_MAX + 1)]).wkb
    for expression, blob in (("ST_Simplify(?, 1)", line), ("ST_Buffer(?, 1)", short)):
        with pytest.raises(FunctionError, match="points"):
            call(expression, blob)
    for arguments in ("1e300", "'1'", "1, 0", "1, 17", "1, 8.0"):
        with pytest.raises(FunctionError):
            call(f"ST_Buffer(ST_Point(0, 0), {arguments})")
    assert call("ST_IsEmpty(ST_Buffer(ST_Point(0, 0), -1))") == 1
