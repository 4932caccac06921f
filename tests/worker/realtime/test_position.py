"""Positions: one spelling, read back exactly, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.status_page import StatusPage
from worker.http.headers import Position as PositionHeader
from worker.realtime.position import Position, read_position

_NUMBERS = st.integers(0, (1 << 63) - 1)


@given(feed=_NUMBERS, n=_NUMBERS)
def test_what_is_written_is_read(feed: int, n: int) -> None:
    """Every position comes back as it was."""
    assert read_position(str(Position(feed, n))) == Position(feed, n)


def test_it_is_what_the_header_says(tmp_path: Path) -> None:
    """The answers' `Quill-Position` is one."""
    words = StatusPage.create(tmp_path / "status").database()
    words.feed, words.head = 0xBEEF, 17
    name, value = PositionHeader(words).header()
    assert name == b"quill-position"
    assert read_position(value.decode()) == Position(0xBEEF, 17)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        "main:a",
        "main:a:",
        "main::1",
        "main:a:-1",
        "main:a:01",
        "main:0a:1",
        "main:A:1",
        "main:0xa:1",
        "main:a:1 ",
        " main:a:1",
        "main:a:1\n",
        "main:a:1:2",
        "logs:a:1",
        "MAIN:a:1",
        "main:a:1.0",
        "main:a:1_0",
        "main:a:\u0661",
        "main:g:1",
        "main:8000000000000000:1",
        "main:1:9223372036854775808",
        "main:10000000000000000:1",
        "main:a:" + "9" * 10_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """As INVALID, whatever it is; equal positions are equal texts."""
    with pytest.raises(QuillError) as caught:
        read_position(text)
    assert caught.value.kind is Kind.INVALID
