"""Addresses and JSON; regular expressions; base64; passwords; places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.limits import SQL_TEXT_BYTES_MAX
from shared.sqlite.functions.function import FunctionError
from tests.shared.sqlite.functions.calling import call

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda of: st.lists(of) | st.dictionaries(st.text(), of),
)


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        ("a@b.example", 1),
        ("", 0),
        ("a@b", 0),
        ("a" * 1_000_000, 0),
        (b"a@b.example", 0),
        (1, 0),
        (None, 1),
    ],
)
def test_email(value: object, is_one: int) -> None:
    """As fields of type email take them."""
    assert call("is_email(?)", value) == is_one


@given(_JSON)
def test_json_of_any_value(value: object) -> None:
    """Whatever Python writes is JSON, and is none with another bracket behind it."""
    text = json.dumps(value)
    assert call("is_json(?)", text) == 1
    assert call("is_json(?)", text + "]") == 0


@given(st.text(alphabet='{}[],:"\\ \n0123456789.eE+-truefalsn', max_size=12))
def test_json_or_not(text: str) -> None:
    """The same verdict as Python's, but for what RFC 8259 does not know."""
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        expected = 0
    else:
        expected = 1
    assert call("is_json(?)", text) == expected


@pytest.mark.parametrize("value", [b"{}", 1, "[" * 500_000, "{" * 10, "NaN", ""])
def test_no_json(value: object) -> None:
    """Other types, and texts that are nested without end."""
    assert call("is_json(?)", value) == 0
    assert call("is_json(NULL)") == 1


def test_large_texts_are_refused() -> None:
    """In characters and in bytes."""
    assert call("is_json(?)", '"' + "x" * (SQL_TEXT_BYTES_MAX - 2) + '"') == 1
    for text in (
        '"' + "x" * (SQL_TEXT_BYTES_MAX - 1) + '"',
        '"' + "é" * (SQL_TEXT_BYTES_MAX // 2) + '"',
    ):
        with pytest.raises(FunctionError, match="is_json: the text is larger"):
            call("is_json(?)", text)


def test_of_what_is_no_text_at_all() -> None:
    """A blob cast to a text that is no UTF-8 raises and does no harm."""
    with pytest.raises(UnicodeDecodeError):
        call("is_email(CAST(x'ff' AS TEXT))")
    assert call("is_email('a@b.example')") == 1
