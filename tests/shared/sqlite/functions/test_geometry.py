"""Geometry as values, with shapely as the oracle; what would harm GEOS never reaches it.

Also of `shared.sqlite.functions.wkb`, through which every geometry comes.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import apsw
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import GEOMETRY_BYTES_MAX
from shared.sqlite.functions.function import FunctionError
from shared.sqlite.functions.geometry import FUNCTIONS as GEOMETRY
from shared.sqlite.functions.shapes import FUNCTIONS as SHAPES
from shared.sqlite.functions.spatial import FUNCTIONS as SPATIAL
from tests.shared.sqlite.functions.calling import Calling, call

_NUMBER = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: number + 0.0)
_PLACES = st.lists(st.tuples(_NUMBER, _NUMBER), min_size=3, max_size=6)
_SIMPLE = st.one_of(
    st.tuples(_NUMBER, _NUMBER).map(shapely.Point),
    st.tuples(_NUMBER, _NUMBER, _NUMBER).map(shapely.Point),
    _PLACES.map(shapely.LineString),
    _PLACES.map(shapely.Polygon),
    _PLACES.map(shapely.MultiPoint),
    st.sampled_from([shapely.Point(), shapely.Polygon(), shapely.GeometryCollection()]),
)
GEOMETRIES = st.one_of(
    _SIMPLE, st.lists(_SIMPLE, max_size=3).map(shapely.GeometryCollection)
)  # fmt: skip


@given(GEOMETRIES, st.sampled_from(["extended", "iso"]), st.sampled_from([0, 1]))
def test_wkb_in_all_its_spellings(made: Any, flavor: str, order: int) -> None:
    """Read and told as shapely does it."""
    wkb = shapely.to_wkb(made, flavor=flavor, byte_order=order)
    text, binary, kind, empty, valid = call(
        "ST_AsText(?1), ST_AsBinary(?1), ST_GeometryType(?1), ST_IsEmpty(?1), ST_IsValid(?1)", wkb
    )
    assert text == shapely.to_wkt(made, rounding_precision=-1)
    assert shapely.from_wkb(binary).equals_exact(made)
    assert kind == f"ST_{made.geom_type}"
    assert (empty, valid) == (made.is_empty, made.is_valid)
    if _mixed(made):  # GEOS writes such a text, and no parser of its own takes it
        with pytest.raises(FunctionError, match="mix dimensionality"):
            call("ST_GeomFromText(?)", text)
    else:
        read = shapely.from_wkb(call("ST_GeomFromText(?)", text))
        assert read.equals_exact(made, tolerance=1e-6)


_BORDER = st.sampled_from([1e30, -1e30, 1.1e30, -0.0, 5e-324, float("inf"), float("nan")])


@given(
    st.floats() | _BORDER,
    st.floats() | _BORDER,
    st.sampled_from([b"\1\1\0\0\0", b"\1\1\0\0\x20\xe6\x10\0\0", b"\1\1\0\0\x80"]),
    st.sampled_from([0, 0, 0, 8, -1]),
)
def test_points_are_told_without_the_library(x: float, y: float, head: bytes, more: int) -> None:
    """And told the same: valid up to the largest coordinate, refused where it is none."""
    body = struct.pack("<ddd", x, y, 1.0)
    blob = head + body[: 16 + more]
    try:
        made = shapely.from_wkb(blob)
    except shapely.errors.GEOSException:
        made = None
    if made is None or any(not abs(each) <= 1e30 for each in shapely.get_coordinates(made).flat):
        with pytest.raises(FunctionError):
            call("ST_IsValid(?)", blob)
    else:
        assert call("ST_IsValid(?)", blob) == 1


def _mixed(made: Any) -> bool:
    """A collection that has members with and without a height; an empty one is without."""
    return len({one.has_z for one in getattr(made, "geoms", ())}) > 1


@given(_PLACES.map(shapely.Polygon))
def test_geojson_both_ways(made: Any) -> None:
    """With all digits, and SRID 4326 as its standard says."""
    told = call("ST_AsGeoJSON(?)", made.wkb)
    assert json.loads(told) == json.loads(shapely.to_geojson(made))
    blob = call("ST_GeomFromGeoJSON(?)", told)
    assert call("ST_SRID(?)", blob) == 4326
    assert shapely.from_wkb(blob).equals_exact(made)


def test_points_and_boxes() -> None:
    """Made of numbers."""
    assert call("ST_X(ST_Point(1.5, 2)), ST_Y(ST_Point(1.5, 2, 4326))") == (1.5, 2.0)
    assert call("ST_AsText(ST_MakePoint(1, 2)), ST_AsText(ST_MakePoint(1, 2, 3))") == (
        "POINT (1 2)",
        "POINT Z (1 2 3)",
    )
    box = shapely.from_wkb(call("ST_MakeEnvelope(0, 1, 2, 3, 4326)"))
    assert box.bounds == (0, 1, 2, 3)
    assert call("ST_X(ST_GeomFromText('POINT EMPTY'))") is None
    with pytest.raises(FunctionError, match="no point"):
        call("ST_X(ST_MakeEnvelope(0, 0, 1, 1))")


def test_an_srid_is_kept() -> None:
    """Where it is given, through what is made of the geometry."""
    assert call("ST_SRID(ST_Point(1, 2)), ST_SRID(ST_Point(1, 2, 25832))") == (0, 25832)
    assert call("ST_SRID(ST_SetSRID(ST_Point(1, 2), 4326))") == 4326
    assert call("ST_SRID(ST_SetSRID(ST_Point(1, 2, 4326), 0))") == 0
    assert call("ST_SRID(ST_Centroid(ST_MakeEnvelope(0, 0, 1, 1, 4326)))") == 4326
    assert call("ST_SRID(ST_GeomFromWKB(ST_Point(1, 2, 7)))") == 7
    assert call("ST_SRID(ST_GeomFromWKB(ST_Point(1, 2, 7), 8))") == 8
    assert call("ST_SRID(ST_AsBinary(ST_Point(1, 2, 7)))") == 0
    for bad in (-1, 1_000_000, 1.5, "4326"):
        with pytest.raises(FunctionError, match="an SRID is"):
            call("ST_SetSRID(ST_Point(1, 2), ?)", bad)


@pytest.mark.parametrize("function", [*GEOMETRY, *SPATIAL, *SHAPES], ids=lambda each: each.name)
def test_null_and_wrong_types(function: Any) -> None:
    """NULL in any place gives NULL; what is no geometry is an error of SQL, or not valid."""
    for place in range(function.arguments):
        values = [None if at == place else b"" for at in range(function.arguments)]
        marks = ", ".join("?" * function.arguments)
        assert call(f"{function.name}({marks})", *values) is None
    for value in (b"", "x", 1, 1.5, b"\x01\x01\x00", b"\x02" * 30):
        if function.name == "ST_IsValid" and type(value) is not bytes:
            assert call("ST_IsValid(?)", value) == 0
            continue
        if function.name in {"ST_Point", "ST_MakePoint", "ST_MakeEnvelope"} and type(value) in {
            int,
            float,
        }:
            continue
        with pytest.raises(FunctionError):
            call(f"{function.name}({marks})", *[value] * function.arguments)


@given(st.binary(max_size=60), GEOMETRIES, st.integers(0, 200), st.integers(0, 255))
def test_any_blob_is_survived(junk: bytes, made: Any, at: int, byte: int) -> None:
    """Random bytes, and good ones of which one is changed."""
    spoiled = bytearray(made.wkb)
    spoiled[at % len(spoiled)] = byte
    for blob in (junk, bytes(spoiled), made.wkb[:-1]):
        try:
            told = call("ST_AsBinary(?)", blob)
        except FunctionError:
            continue
        assert shapely.from_wkb(told).geom_type


def _nested(kind: int, levels: int) -> bytes:
    return struct.pack("<BII", 1, kind, 1) * levels + struct.pack("<BIdd", 1, 1, 1, 2)


@pytest.mark.parametrize(
    "blob",
    [
        *(_nested(kind, 50_000) for kind in (4, 5, 6, 7, 9, 12, 1007, 0x80000007, 4007)),
        _nested(7, 9),
        struct.pack("<BII", 1, 7, 0xFFFFFFFF),
        struct.pack("<BII", 1, 2, 0xFFFFFFFF) + bytes(16),
        struct.pack("<BII", 1, 6, 5_000) + (struct.pack("<BII", 1, 3, 0) * 5_000),
        struct.pack("<BIdd", 1, 1, float("inf"), 1),
        struct.pack("<BIdd", 1, 1, 1e300, 1),
        bytes(GEOMETRY_BYTES_MAX + 1),
    ],
)
def test_hostile_blobs(blob: bytes) -> None:
    """Depth without end, counts without contents, endless numbers, size."""
    with pytest.raises(FunctionError):
        call("ST_AsText(?)", blob)
    with pytest.raises(FunctionError):
        call("ST_IsValid(?)", blob)


@pytest.mark.parametrize(
    "text",
    [
        "GEOMETRYCOLLECTION(" * 13_000 + "POINT(1 2)" + ")" * 13_000,
        "GeometryCollection(" * 9 + "POINT(1 2)" + ")" * 9,
        "COMPOUNDCURVE(" * 10_000,
        "CURVEPOLYGON((0 0, 1 1, 1 0, 0 0))",
        "POLYGON" + "(" * 100_000,
        "MULTIPOINT(" + "1 1," * 60_000 + "1 1)",
        "LINESTRING(" + "1 1," * 100_000 + "1 1)",
        "POINT(1e400 1)",
        "POINT(1 2) POINT(1 2)",
        "POINT(nan 1)",
        "\0",
        "",
    ],
)
def test_hostile_wkt(text: str) -> None:
    """Depth, numbers of parts, size, and what is no WKT."""
    with pytest.raises(FunctionError):
        call("ST_GeomFromText(?)", text)


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"GeometryCollection","geometries":[' * 5_000,
        '{"type":"GeometryCollection","geometries":[' * 20 + "]}" * 20,
        '{"type":"Point","coordinates":' + "[" * 19_000 + "]" * 19_000 + "}",
        '{"type":"Point","coordinates":[[1,2]]}',
        '{"type":"Point"}',
        '{"type":"Circle","coordinates":[1,2]}',
        '{"type":"Point","coordinates":[1e400,2]}',
        '{"type":"MultiPoint","coordinates":[' + "[1,2]," * 30_000 + "[1,2]]}",
        "[]",
        "null",
        "1",
        "",
        "{" + " " * 300_000 + "}",
    ],
)
def test_hostile_geojson(text: str) -> None:
    """The same of GeoJSON."""
    with pytest.raises(FunctionError):
        call("ST_GeomFromGeoJSON(?)", text)


def test_large_ones_are_not_told() -> None:
    """Validity, and texts, of many points."""
    ring = [(n % 100, n // 100) for n in range(20_000)]
    blob = shapely.LineString(ring).wkb
    assert call("ST_IsValid(?)", blob) == 1
    for name in ("ST_AsText", "ST_AsGeoJSON"):
        with pytest.raises(FunctionError, match="points"):
            call(f"{name}(?)", blob)
    with pytest.raises(FunctionError, match="points"):
        call("ST_IsValid(?)", shapely.Polygon(ring).wkb)
    fan = shapely.MultiPolygon([shapely.Polygon([(0, 0), (1, n), (1, n + 0.5)]) for n in range(99)])
    with pytest.raises(FunctionError, match="in one place"):
        call("ST_IsValid(?)", fan.wkb)


def test_in_a_table() -> None:
    """A CHECK that refuses, a generated column, an index, GeoJSON out."""
    run = Calling().connection.execute
    run(
        "CREATE TABLE places(id INTEGER PRIMARY KEY, at BLOB CHECK(ST_IsValid(at)),"
        " x REAL AS (ST_X(at))) STRICT"
    )
    run("CREATE INDEX i ON places(ST_Y(at))")
    run("INSERT INTO places(at) VALUES (ST_MakePoint(1, 2)), (NULL)")
    assert run("SELECT x, ST_AsGeoJSON(at) FROM places WHERE x = 1").fetchall() == [
        (1.0, '{"type":"Point","coordinates":[1.0,2.0]}')
    ]
    bowtie = "ST_GeomFromText('POLYGON((0 0,1 1,1 0,0 1,0 0))')"
    run("CREATE TABLE areas(area BLOB CHECK(ST_IsValid(area)))")
    with pytest.raises(apsw.ConstraintError):
        run(f"INSERT INTO areas(area) VALUES ({bowtie})")
    with pytest.raises(FunctionError):
        run("INSERT INTO places(at) VALUES (x'00')")
