"""What columns of the source become: kept where a field can hold it, else as the old API showed it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.fields import field_from_json
from worker.pb_data.values import (
    NOT_A_DATE,
    NOT_A_LIST,
    NOT_A_NUMBER,
    NOT_A_POINT,
    NOT_UTF8,
    TOO_DEEP,
    Raw,
    converter,
)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def _converted(kind: str, raw: Raw, **options: Any) -> tuple[object, list[str]]:
    told: list[str] = []
    field = field_from_json({"id": "x", "name": "x", "type": kind, **options})
    return converter(field)(raw, told.append), told


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("text", b"plain", "plain"),
        ("text", None, ""),
        ("text", 12, "12"),
        ("text", 0.5, "0.5"),
        ("text", b"with \x00 inside", "with \x00 inside"),
        ("email", b"no address", "no address"),
        ("password", b"$2a$10$abc", "$2a$10$abc"),
        ("number", 3, 3),
        ("number", 3.0, 3),
        ("number", 2.5, 2.5),
        ("number", b"7", 7),
        ("number", b"0.0", 0),
        ("number", None, 0),
        ("bool", 1, 1),
        ("bool", b"true", 1),
        ("bool", 0.0, 0),
        ("bool", None, 0),
        ("date", b"2022-10-01 12:00:00.000Z", "2022-10-01 12:00:00.000Z"),
        ("date", b"2022-10-01T12:00:00Z", "2022-10-01 12:00:00.000Z"),
        ("autodate", b"2022-10-01 12:00:00Z", "2022-10-01 12:00:00.000Z"),
        ("date", b"", ""),
        ("date", None, ""),
        ("json", None, None),
        ("json", b"null", None),
        ("json", b"[\r\n 1,\n 2 ]", "[1,2]"),
        ("json", b"{broken", '"{broken"'),
        ("json", b"", '""'),
        ("json", b"TRUE", '"TRUE"'),
        ("json", 5, "5"),
        ("json", b" 12345678901234567890123 ", "12345678901234567890123"),
        ("geoPoint", b'{"lat": 1.5, "lon": 2}', '{"lon":2,"lat":1.5}'),
        ("geoPoint", None, '{"lon":0,"lat":0}'),
        ("relation", b"abc", "abc"),
        ("relation", b'["abc","def"]', "def"),
    ],
)
def test_what_is_kept(kind: str, raw: Raw, kept: object) -> None:
    """Nothing is told of it."""
    assert _converted(kind, raw) == (kept, [])


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (None, "[]"),
        (b"", "[]"),
        (b"[]", "[]"),
        (b'["a", "b"]', '["a","b"]'),
        (b'["a","a","","b"]', '["a","b"]'),
        (b"a", '["a"]'),
        (b"[broken", '["[broken"]'),
    ],
)
@pytest.mark.parametrize("kind", ["select", "file", "relation"])
def test_lists(kind: str, raw: Raw, kept: str) -> None:
    """Distinct texts, whatever form the column has."""
    assert _converted(kind, raw, maxSelect=5) == (kept, [])


@pytest.mark.parametrize(
    ("kind", "raw", "becomes", "told"),
    [
        ("text", b"\xff!", "\ufffd!", NOT_UTF8),
        ("number", b"many", 0, NOT_A_NUMBER),
        ("number", float("inf"), 0, NOT_A_NUMBER),
        ("date", b"soon", "", NOT_A_DATE),
        ("geoPoint", b"here", '{"lon":0,"lat":0}', NOT_A_POINT),
        ("select", b'[["a"]]', "", NOT_A_LIST),
        ("json", b"[" * 1_010 + b"]" * 1_010, None, TOO_DEEP),
    ],
)
def test_what_cannot_be_kept_is_told(kind: str, raw: Raw, becomes: object, told: str) -> None:
    """Once, with the reason."""
    assert _converted(kind, raw) == (becomes, [told])


def test_json_that_orjson_cannot_write_is_kept() -> None:
    """It reads deeper than it writes."""
    deep = b"[" * 500 + b"]" * 500
    assert _converted("json", deep) == (deep.decode(), [])


@given(_JSON, st.sampled_from([None, 2]))
def test_json_means_the_same(value: object, indent: int | None) -> None:
    """However it was written."""
    raw = json.dumps(value, indent=indent).encode()
    made, told = _converted("json", raw)
    assert told == []
    assert (None if made is None else json.loads(str(made))) == value


@given(st.text())
def test_text_is_the_same(value: str) -> None:
    """Whatever it holds."""
    assert _converted("text", value.encode()) == (value, [])
