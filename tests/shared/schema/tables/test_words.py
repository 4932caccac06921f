"""Words of SQL as SQLite reads them: held against SQLite itself where it has an opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.quote import quote_backtick, quote_identifier, quote_text
from shared.schema.tables.words import Spelling, closing, fold, read_words, split
from shared.sqlite.driver import Connection


def texts(sql: str) -> list[str]:
    """The meanings of the words."""
    return [word.text for word in read_words(sql)]


def test_quotes_mean_what_is_within() -> None:
    """All four kinds of quotes, with their quotes doubled inside; a bracket has none."""
    words = read_words("""'it''s' "a""b" `c``d` [e"f] x'00fF' plain""")
    assert [word.text for word in words] == ["it's", 'a"b', "c`d", 'e"f', "00fF", "plain"]
    kinds = [word.spelling for word in words]
    assert kinds == [
        Spelling.TEXT, Spelling.QUOTED, Spelling.QUOTED, Spelling.QUOTED, Spelling.BLOB,
        Spelling.BARE,
    ]  # fmt: skip


def test_comments_are_no_words() -> None:
    """They do not nest, do not begin inside a text, and the last may be open."""
    assert texts("a /* ( /* */ b -- ) \n c '--' \"/*\" /* open") == ["a", "b", "c", "--", "/*"]
    assert texts("a--b") == ["a"]
    assert texts("/*+ hint */ a") == ["a"]


def test_numbers_and_signs() -> None:
    """A sign is as long as SQLite takes it."""
    assert texts("1.5e-3 .5 0x1F a->>'$' a||b <= <> 7") == [
        "1.5e-3", ".5", "0x1F", "a", "->>", "$", "a", "||", "b", "<=", "<>", "7",
    ]  # fmt: skip


def test_parts_between_keywords() -> None:
    """Brackets, CASE and BETWEEN keep what is theirs."""
    words = read_words("a BETWEEN 1 AND 2 AND CASE WHEN b AND c THEN 1 END AND (d AND e)")
    assert [" ".join(w.text for w in part) for part in split(words, "AND")] == [
        "a BETWEEN 1 AND 2",
        "CASE WHEN b AND c THEN 1 END",
        "( d AND e )",
    ]


def test_an_open_bracket_is_an_error() -> None:
    """The caller decides what that means."""
    assert closing(read_words("(a (b) c) d"), 0) == 6
    with pytest.raises(ValueError, match="not closed"):
        closing(read_words("(a (b)"), 0)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))
def test_a_quoted_name_comes_back(name: str) -> None:
    """Whatever the name, it is one word, and SQLite agrees."""
    for quoted in (quote_identifier(name), quote_backtick(name), quote_text(name)):
        assert texts(f"({quoted})") == ["(", name, ")"]
    with Connection(":memory:") as db:
        shown = db.execute(f"SELECT {quote_text(name)} AS {quote_identifier(name)}").fetchall()
    assert shown == [(name,)]


@given(st.text(), st.text())
def test_names_are_compared_as_sqlite_compares_them(one: str, two: str) -> None:
    """ASCII letters only: two tables may differ by the case of an umlaut."""
    assert fold("ÄB") == "Äb" != fold("äb")
    asciis = all(c.isascii() for c in one + two)
    if asciis:
        assert (fold(one) == fold(two)) == (one.lower() == two.lower())
