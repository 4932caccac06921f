"""Quoting, judged by SQLite."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.quote import quote_backtick, quote_identifier, quote_text

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40)


@given(NAMES)
def test_any_name_stays_one_identifier(name: str) -> None:
    """A column can have any name without NUL, in either kind of quotes."""
    db = apsw.Connection(":memory:")

    for quote in (quote_identifier, quote_backtick):
        rows = db.execute(f"SELECT 1 AS {quote(name)}")
        assert [column[0] for column in rows.getdescription()] == [name]
        rows.close()


@given(NAMES)
def test_any_text_stays_one_literal(text: str) -> None:
    """A literal reads back as what it was made from."""
    db = apsw.Connection(":memory:")

    assert db.execute(f"SELECT {quote_text(text)}").get == text


@pytest.mark.parametrize("quote", [quote_identifier, quote_backtick, quote_text])
def test_a_nul_byte_is_refused(quote: Callable[[str], str]) -> None:
    """SQLite would end the statement there."""
    with pytest.raises(ValueError, match="NUL"):
        quote("a\x00b")
