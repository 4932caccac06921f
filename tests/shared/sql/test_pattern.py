"""How a searched text becomes a LIKE pattern."""

from __future__ import annotations

import pytest

from shared.sql.pattern import glob_pattern, like_pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("", "%%"),
        ("50", "%50%"),
        ("a_b", r"%a\_b%"),
        (r"a\b", r"%a\\b%"),
        (r"a\_b", r"%a\_b%"),
        (r"50\%", r"%50\%%"),
        ("a\\", "%a\\\\%"),
        (r"a\\", r"%a\\%"),
        ("a%", "a%"),
        ("%a_b", "%a_b"),
        (r"\\%", r"\\%"),
        (r"50\%%", r"50\%%"),
    ],
)
def test_wildcards(text: str, pattern: str) -> None:
    """Without a wildcard of the user's own everything means itself."""
    assert like_pattern(text) == pattern


@pytest.mark.parametrize(
    ("like", "glob"),
    [("a%", "a*"), ("a_b", "a?b"), ("*", "[*]"), ("?", "[?]"), ("[a]", "[[]a]"), ("é\\", "é\\")],
)
def test_like_as_glob(like: str, glob: str) -> None:
    """What only GLOB knows stands for itself."""
    assert glob_pattern(like) == glob
