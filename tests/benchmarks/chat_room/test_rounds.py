"""Rounds of wrk: what is derived from their figures, and what wrk is told."""

from __future__ import annotations

from benchmarks.chat_room.rounds import Round, quoted


def test_rate() -> None:
    """Requests a second."""
    one = Round("read", 500, 2.0, 1, 1, 1, 1, 1, 0, 1.0, 1)
    assert one.rate == 250


def test_lua_text() -> None:
    """A body of JSON is a literal."""
    assert quoted('{"a": 1}') == '"{\\"a\\": 1}"'
