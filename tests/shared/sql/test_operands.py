"""What the operands of a comparison resolve to."""

from __future__ import annotations

import pytest

from shared.language.errors import LanguageError
from shared.language.expression import Constant, Name, Number, Text, Word
from shared.sql.operands import Affinity, Column, Literal, Scope
from shared.sql.predicate import AuthField, Moment
from tests.shared.sql.sample import SAMPLE

RULE = Scope(SAMPLE, client=False, may_see_hidden=True)
CLIENT = Scope(SAMPLE, client=True, may_see_hidden=False)


def test_values() -> None:
    """Each literal knows its value and how a text field sees it."""
    assert RULE.resolve(Text("x", 0)) == Literal("x", "x")
    assert RULE.resolve(Number("5.50", 0)) == Literal(5.5, "5.50")
    assert RULE.resolve(Constant(Word.TRUE, 0)) == Literal(1, "1")
    assert RULE.resolve(Constant(Word.NULL, 0)) == Literal(None, "")


def test_names() -> None:
    """Fields are columns, the rest waits for the request."""
    assert RULE.resolve(Name("title", 0)) == Column('r."title"', Affinity.TEXT)
    assert RULE.resolve(Name("open", 0)) == Column('r."open"', Affinity.NUMBER)
    assert RULE.resolve(Name("@now", 0)) == Moment("@now")
    assert RULE.resolve(Name("@request.auth.team", 0)) == AuthField("team")


def test_an_error_knows_its_place() -> None:
    """The position is that of the name."""
    for name in ("nope", "secret", "tags", "a.b", "title:each", "@nope"):
        with pytest.raises(LanguageError) as caught:
            CLIENT.resolve(Name(name, 7))
        assert caught.value.position == 7
