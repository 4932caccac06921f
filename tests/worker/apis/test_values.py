"""What each column takes, as it is stored, and what it refuses."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.schema.tables.column import Column, DataType, Generated, JsonCheck
from worker.apis.values import FormText, GeoJson, decoders

UUID_TEXT = "0198f0c0-0000-7000-8000-000000000001"
COLUMNS = (
    *(Column(name=one.value, type=one) for one in DataType),
    Column(name="json", type=DataType.TEXT, json=JsonCheck("std.KeyValue")),
    Column(name="shape", type=DataType.BLOB, geometry=True),
    Column(name="file", type=DataType.TEXT, json=JsonCheck("std.FileUpload")),
    Column(name="files", type=DataType.TEXT, json=JsonCheck("std.FileUploads")),
    Column(name="made", type=DataType.TEXT, generated=Generated.STORED),
)
DECODERS = decoders(COLUMNS)


def sent(value: object) -> Any:
    """A value as it comes out of a body of JSON."""
    return orjson.loads(orjson.dumps(value))


@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        ("INTEGER", True, 1),
        ("INTEGER", -(2**63), -(2**63)),
        ("INTEGER", FormText("-12"), -12),
        ("INTEGER", FormText(""), None),
        ("REAL", 2, 2.0),
        ("REAL", FormText("1e3"), 1000.0),
        ("REAL", FormText(""), None),
        ("TEXT", "", ""),
        ("TEXT", FormText(""), ""),
        ("BLOB", UUID_TEXT, UUID(UUID_TEXT).bytes),
        ("BLOB", "_-8=", b"\xff\xef"),
        ("BLOB", "_-8", b"\xff\xef"),
        ("BLOB", "", b""),
        ("BLOB", [0, 255], b"\x00\xff"),
        ("BLOB", "a" * 36, base64.urlsafe_b64decode("a" * 36)),
        ("ANY", False, 0),
        ("ANY", [1], b"\x01"),
        ("ANY", "AQ==", "AQ=="),
        ("ANY", 1.5, 1.5),
        ("ANY", 2**63 - 1, 2**63 - 1),
        ("json", {"a": "b"}, '{"a":"b"}'),
        ("json", [1], "[1]"),
        ("json", False, "false"),
        ("json", ' {"a": "b"}', ' {"a": "b"}'),
        ("shape", "AQ==", b"\x01"),
    ],
)
def test_what_is_taken(column: str, value: object, stored: object) -> None:
    """With the type that it is stored as."""
    found = DECODERS[column](value)
    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("INTEGER", "1"),
        ("INTEGER", 1.0),
        ("INTEGER", 2**63),
        ("INTEGER", FormText("1.0")),
        ("INTEGER", FormText("9223372036854775808")),
        ("INTEGER", FormText("\u0661")),
        ("INTEGER", [1]),
        ("REAL", True),
        ("REAL", "1"),
        ("REAL", FormText("nan")),
        ("REAL", FormText("1e999")),
        ("REAL", FormText("1_0")),
        ("TEXT", 1),
        ("TEXT", "a\0b"),
        ("TEXT", {"a": 1}),
        ("TEXT", [FormText("a"), FormText("b")]),
        ("BLOB", 1),
        ("BLOB", "a+/="),
        ("BLOB", "a"),
        ("BLOB", "AQ==="),
        ("BLOB", [256]),
        ("BLOB", [True]),
        ("BLOB", {"type": "Point"}),
        ("ANY", {"a": 1}),
        ("ANY", 2**63),
        ("ANY", ["a"]),
        ("json", "no json"),
        ("json", '"\\u0000"'),
        ("json", "[" * 2_000),
        ("json", {1: b"x"}),
        ("file", {"filename": "x"}),
        ("files", []),
    ],
)
def test_what_is_refused(column: str, value: object) -> None:
    """With the column's name, so that a client knows which."""
    with pytest.raises(QuillError) as caught:
        DECODERS[column](value)
    assert caught.value.kind is Kind.INVALID
    assert caught.value.message.startswith(f"Invalid value for {column}: ")


def test_null_is_null_everywhere() -> None:
    """Whether the table takes it is its own affair."""
    assert {decode(None) for decode in DECODERS.values()} == {None}


def test_generated_columns_are_not_written() -> None:
    """As if there were none."""
    assert "made" not in DECODERS


def test_a_geometry_waits_for_sqlite() -> None:
    """It is no blob yet."""
    found = DECODERS["shape"]({"type": "Point", "coordinates": [1, 2]})
    assert isinstance(found, GeoJson)
    assert json.loads(found) == {"type": "Point", "coordinates": [1, 2]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**64), 2**65) | st.floats() | st.text()
        | st.builds(FormText, st.text()) | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)  # fmt: skip
def test_no_value_is_a_fault_of_ours(value: object) -> None:
    """Whatever comes is stored as one of SQLite's types, or refused."""
    for decode in DECODERS.values():
        try:
            found = decode(value)
        except QuillError as error:
            assert error.kind is Kind.INVALID  # noqa: PT017 - it may also not be raised
        else:
            assert found is None or isinstance(found, int | float | str | bytes)
            if isinstance(found, int):
                assert -(2**63) <= found < 2**63
