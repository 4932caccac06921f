"""How tokens become a tree, and that nothing but LanguageError ever comes out of bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.language.errors import LanguageError
from shared.language.expression import (
    Call,
    Comparison,
    Constant,
    Expression,
    Join,
    Junction,
    Name,
    Number,
    Text,
    Word,
)
from shared.language.parser import parse
from shared.limits import FILTER_COMPARISONS_MAX, FILTER_DEPTH_MAX


def _shown(expression: Expression) -> str:
    """The tree as fully parenthesised text of its left names."""
    if isinstance(expression, Comparison):
        assert isinstance(expression.left, Name)
        return expression.left.text
    return "(" + expression.join.value.join(_shown(part) for part in expression.parts) + ")"


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a=1", "a"),
        ("a=1||b=1&&c=1", "(a||(b&&c))"),
        ("a=1&&b=1||c=1", "((a&&b)||c)"),
        ("(a=1||b=1)&&c=1", "((a||b)&&c)"),
        ("a=1&&b=1&&c=1", "(a&&b&&c)"),
        ("((a=1))", "a"),
        ("a=1 && (b=1 || (c=1 && d=1))", "(a&&(b||(c&&d)))"),
    ],
)
def test_and_binds_tighter_than_or(text: str, tree: str) -> None:
    """Precedence is that of SQL; chains stay flat."""
    assert _shown(parse(text)) == tree


def test_operands_keep_what_was_written() -> None:
    """Names, texts, numbers, words and functions, on either side."""
    comparison = parse("-1.50 ?!= @request.auth.x:each")
    assert isinstance(comparison, Comparison)
    assert comparison.left == Number("-1.50", 0)
    assert comparison.right == Name("@request.auth.x:each", 10)
    assert comparison.any_of
    comparison = parse("NULL = 'x'")
    assert isinstance(comparison, Comparison)
    assert comparison.left == Constant(Word.NULL, 0)
    assert comparison.right == Text("x", 7)
    comparison = parse("geoDistance(a.lon, 1, -2.5, b()) < 5")
    assert isinstance(comparison, Comparison)
    assert isinstance(comparison.left, Call)
    assert [type(a).__name__ for a in comparison.left.arguments] == [
        "Name", "Number", "Number", "Call",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "value"),
    [("5", 5), ("-0", 0), ("1.0", 1.0), ("9223372036854775807", 2**63 - 1),
     ("9223372036854775808", float(2**63)), ("-9223372036854775808", -(2**63))],
)  # fmt: skip
def test_numbers_fit_into_sqlite(source: str, value: float) -> None:
    """A whole number beyond 64 bits becomes a float."""
    number = Number(source, 0).value
    assert number == value
    assert type(number) is type(value)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("  // nothing", 12),
        ("a", 1),
        ("a =", 3),
        ("= 1", 0),
        ("a = 1 &&", 8),
        ("|| a = 1", 0),
        ("a = 1 b = 2", 6),
        ("(a = 1", 6),
        ("a = 1)", 5),
        ("()", 1),
        ("a == 1", 3),
        ("a = = 1", 4),
        ("a = 1 = 2", 6),
        ("a = (1)", 4),
        ("a = f(", 6),
        ("a = f(1 2)", 8),
        ("a = f(,1)", 6),
        ("a = f(g(h(i(1))))", 10),
        ("a , b", 2),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str, position: int) -> None:
    """Each error names the character at fault."""
    with pytest.raises(LanguageError) as caught:
        parse(text)
    assert caught.value.position == position


def test_depth_and_number_of_comparisons_are_bounded() -> None:
    """Hostile input ends in an error long before recursion does."""
    deep = "(" * FILTER_DEPTH_MAX + "a=1" + ")" * FILTER_DEPTH_MAX
    assert isinstance(parse(deep), Comparison)
    with pytest.raises(LanguageError):
        parse(f"({deep})")
    with pytest.raises(LanguageError):
        parse("(" * 3_000)
    with pytest.raises(LanguageError):
        parse("f(" * 1_500)
    many = "&&".join(["a=1"] * FILTER_COMPARISONS_MAX)
    tree = parse(many)
    assert isinstance(tree, Junction)
    assert (tree.join, len(tree.parts)) == (Join.ALL, FILTER_COMPARISONS_MAX)
    with pytest.raises(LanguageError):
        parse(many + "&&a=1")


_PIECES = st.sampled_from(
    ["a", "a.b", "@now", "@request.auth.id", "'x'", '"', "'", "\\", "5", "-", "null", "(", ")",
     "&&", "||", "=", "!=", "?=", "~", ",", " ", "//", "\n", "f(", "\0", "é", "%", "#x", ":"]
)  # fmt: skip


@settings(max_examples=800, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=25).map("".join)))
def test_anything_parses_or_is_refused(text: str) -> None:
    """No input raises anything but LanguageError, with a place inside the text."""
    place = 0
    try:
        parse(text)
    except LanguageError as error:
        place = error.position
    assert 0 <= place <= len(text)
