"""How text is cut into tokens."""

from __future__ import annotations

import pytest

from shared.language.errors import LanguageError
from shared.language.lexer import TokenKind, tokens
from shared.limits import FILTER_CHARS_MAX


def _texts(text: str) -> list[str]:
    return [token.text for token in tokens(text)[:-1]]


def test_operators_are_taken_as_long_as_they_are() -> None:
    """No operator is read as a shorter one and a rest."""
    every = "= != > >= < <= ~ !~ ?= ?!= ?> ?>= ?< ?<= ?~ ?!~"
    for operator in every.split():
        assert _texts(f"a{operator}1") == ["a", operator, "1"]


def test_positions_count_characters() -> None:
    """A token knows where it stands in the text."""
    assert [t.position for t in tokens("é = 'x'"[1:])] == [1, 3, 6]


def test_comments_and_blanks_are_left_out() -> None:
    """A comment ends with its line; a `//` inside quotes is text."""
    assert _texts("a // b = 2 &&\n\t= 'c//d'\r\n// end") == ["a", "=", "c//d"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("''", ""),
        ("'it\\'s'", "it's"),
        ('"say \\"x\\""', 'say "x"'),
        ("'say \\\"x'", 'say \\"x'),
        (r"'a\\b'", r"a\\b"),
        ("'\\''", "'"),
        ("'two\nlines'", "two\nlines"),
    ],
)
def test_only_the_closing_quote_is_unescaped(text: str, value: str) -> None:
    """A backslash before anything but that quote is a plain character."""
    assert _texts(text) == [value]


def test_a_quote_after_a_backslash_never_closes() -> None:
    """A client escapes quotes only, so a value that ends in a backslash must not break out."""
    value = "\\' || id != '"
    escaped = value.replace("'", "\\'")
    assert [t.kind for t in tokens(f"title = '{escaped}'")] == [
        TokenKind.NAME,
        TokenKind.OPERATOR,
        TokenKind.TEXT,
        TokenKind.END,
    ]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a = 'x", 4),
        ("a = 'x\\'", 4),
        ("a = 'x\\\\'", 4),
        ("a = 5x", 4),
        ("a = 1.", 4),
        ("a = .5", 4),
        ("a = 1e5", 4),
        ("a = +1", 4),
        ("a = " + "9" * 400, 4),
        ("a. = 1", 1),
        ("a: = 1", 1),
        ("a & b", 2),
        ("a = 1;", 5),
        ("a = 'x\0'", 6),
        ("a = '\ud800'", 5),
        ("é = 1", 0),
        ("a =\u00a01", 3),
    ],
)
def test_what_is_no_token_is_refused_with_its_place(text: str, position: int) -> None:
    """Each error names the character at fault."""
    with pytest.raises(LanguageError) as caught:
        tokens(text)
    assert caught.value.position == position


def test_length_is_bounded() -> None:
    """A text may have as many characters as the limit says, and no more."""
    longest = "a = '" + "x" * (FILTER_CHARS_MAX - 6) + "'"
    assert len(tokens(longest)) == 4
    with pytest.raises(LanguageError):
        tokens(longest + " ")
