"""Regular expressions take linear time, and what would take long is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sqlite.functions.function import FunctionError
from tests.shared.sqlite.functions.calling import Calling, call


@given(
    st.lists(
        st.sampled_from(["a", "b", ".", "a*", "b+", "(a|b)", "[^a]", "^", "$", "a?"]), max_size=6
    ),
    st.text(alphabet="abc", max_size=8),
)
def test_patterns_as_python_reads_them(parts: list[str], text: str) -> None:
    """Found anywhere in the text; the operator is the function with its arguments turned."""
    pattern = "".join(parts)
    expected = re.search(pattern, text) is not None
    assert call("?2 REGEXP ?1, regexp(?1, ?2)", pattern, text) == (expected, expected)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (None, "a", None),
        ("a", None, None),
        ("^1", 12, 1),
        (r"\.5", 1.5, 1),
        ("a", b"a", 0),
        ("(?i)ÄB", "xäby", 1),
        ("^.$", "é", 1),
        ("", "", 1),
        ("a", "\0a", 1),
    ],
)
def test_nulls_and_types(pattern: object, text: object, found: object) -> None:
    """NULL for NULL; numbers are read as texts; a blob never matches."""
    assert call("regexp(?, ?)", pattern, text) == found


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a" * 513, r"(?:\pL?){50}x", b"a", 1])
def test_bad_patterns(pattern: object) -> None:
    """Syntax, look-around, back-references, size and type."""
    with pytest.raises(FunctionError, match="regexp: "):
        call("regexp(?, 'a')", pattern)


def test_what_would_backtrack_does_not() -> None:
    """Linear in the text, and answered."""
    assert call("regexp('(a+)+$', ?)", "a" * 100_000 + "!") == 0
    assert call("regexp('(x+x+)+y', ?)", "x" * 100_000) == 0


def test_large_patterns_take_small_texts() -> None:
    """The product is bounded, where the automaton has more states than are kept."""
    assert call("regexp('(?:a?){400}b', ?)", "a" * 500) == 0
    with pytest.raises(FunctionError, match="for this pattern a text has"):
        call("regexp('(?:a?){400}b', ?)", "a" * 50_000)


def test_in_a_check_and_an_index() -> None:
    """The operator stands in a schema as well."""
    run = Calling().connection.execute
    run("CREATE TABLE t(v TEXT CHECK(v REGEXP '^[a-z]+$'))")
    run("CREATE INDEX i ON t(v) WHERE v REGEXP 'a'")
    run("INSERT INTO t VALUES ('abc'), (NULL)")
    with pytest.raises(Exception, match="CHECK constraint failed"):
        run("INSERT INTO t VALUES ('ABC')")
