"""Points, files and rich text: values that are more than one short text.

Covers `shared.schema.fields.geo_point`, `shared.schema.fields.file` and
`shared.schema.fields.editor`.
"""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import EDITOR_FIELD_BYTES_DEFAULT
from shared.schema.fields.editor import exceeds_bytes
from shared.schema.fields.geo_point import ZERO, GeoPointField
from tests.shared.schema.fields.sample import code, make


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (None, ZERO),
        ("", ZERO),
        ({}, ZERO),
        ({"lon": 12.5, "lat": -7}, '{"lon":12.5,"lat":-7}'),
        ({"lat": "1.50", "lon": 2.0, "other": 1}, '{"lon":2,"lat":1.5}'),
        ('{"lon":1,"lat":2}', '{"lon":1,"lat":2}'),
        ({"lon": None}, ZERO),
    ],
)
def test_points_are_stored_in_one_form(raw: object, stored: str) -> None:
    """Longitude first, whole numbers without fraction; what is missing is 0."""
    assert make("geoPoint").prepare(raw) == stored


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"lat": 90.01}, "validation_invalid_latitude"),
        ({"lat": -91}, "validation_invalid_latitude"),
        ({"lon": 180.5}, "validation_invalid_longitude"),
        ({"lon": -1e300}, "validation_invalid_longitude"),
        ({"lon": -180, "lat": 90}, ""),
        ({"lon": "inf"}, "validation_not_a_number"),
        ({"lon": [1]}, "validation_invalid_value"),
        ([1, 2], "validation_invalid_value"),
        (5, "validation_invalid_value"),
        ("somewhere", "validation_invalid_value"),
        ("[1,2]", "validation_invalid_value"),
    ],
)
def test_codes_of_points(raw: object, expected: str) -> None:
    """Each number has its range; anything but an object is no point."""
    assert code(make("geoPoint"), raw) == expected


def test_a_required_point_is_not_zero() -> None:
    """0,0 is the empty value; 0,1 is a place."""
    field = make("geoPoint", required=True)
    assert [code(field, raw) for raw in (None, {}, {"lat": 1})] == [
        "validation_required",
        "validation_required",
        "",
    ]
    assert field.check("{}") is not None
    assert field.check("nonsense") is not None


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_points_come_back(lon: float, lat: float) -> None:
    """What is stored says the same numbers."""
    field = GeoPointField({"id": "f", "name": "f"})
    value = field.prepare({"lon": lon, "lat": lat})
    assert field.check(value) is None
    assert orjson.loads(str(value)) == {"lon": lon, "lat": lat} == field.plain(value)


def test_codes_of_files() -> None:
    """Files have their own code for too many; names are texts like any."""
    several, one = make("file", maxSelect=2, required=True), make("file")
    assert code(several, ["a.png", "b.png", "c.png"]) == "validation_too_many_files"
    assert code(several, []) == "validation_required"
    assert code(several, ["a.png"]) == ""
    assert one.prepare(["a.png", "b.png"]) == "b.png"
    assert (one.multiple, several.multiple) == (False, True)


@pytest.mark.parametrize(
    ("thumb", "valid"),
    [("100x100", True), ("0x50", True), ("50x0", True), ("80x80t", True), ("80x80b", True),
     ("1x1f", True), ("0x0", False), ("0x0t", False), ("100", False), ("100x", False),
     ("10x10z", False), ("x10", False), (" 1x1", False), ("1x1\n", False), ("٣x٣", False)],
)  # fmt: skip
def test_sizes_of_thumbs(thumb: str, valid: bool) -> None:
    """Width by height with one letter at most; told under the place of the size."""
    problems = make("file", thumbs=["1x1", thumb]).definition_problems()
    found = {key: problem.code for key, problem in problems.items()}
    assert found == ({} if valid else {"thumbs.1": "validation_match_invalid"})


def test_rich_text_is_bounded_in_bytes() -> None:
    """5 MiB where nothing is said."""
    assert code(make("editor", maxSize=4), "äö") == ""
    assert code(make("editor", maxSize=4), "äöü") == "validation_content_size_limit"
    assert code(make("editor"), "x" * EDITOR_FIELD_BYTES_DEFAULT) == ""
    assert code(make("editor"), "x" * EDITOR_FIELD_BYTES_DEFAULT + "x") != ""
    assert code(make("editor", required=True), None) == "validation_required"
    assert code(make("editor"), ["a"]) == "validation_invalid_value"
    shown = make("editor", convertURLs=True).to_json()
    assert shown["convertURLs"] is True


@given(st.text(max_size=30), st.integers(0, 60))
def test_bytes_are_counted_exactly(text: str, most: int) -> None:
    """Oracle: encoding it."""
    assert exceeds_bytes(text, most) == (len(text.encode()) > most)
