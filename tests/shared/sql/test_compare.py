"""One comparison: the forms that it takes, and its truth where something is missing."""

from __future__ import annotations

import apsw
import pytest

from shared.language.expression import Comparator
from shared.sql.clause import Clause, Sql
from shared.sql.compare import compare
from shared.sql.operands import Affinity, Column, Literal, Missing, Resolved
from shared.sql.request_values import AuthField

NULL, EMPTY, X = Literal(None, ""), Literal("", ""), Literal("x", "x")
TEXT = Column(Sql('r."a"'), Affinity.TEXT)
LOOSE = Column(Sql('v."a"'), Affinity.TEXT, nullable=True)
JSON = Column(Sql("j"), Affinity.JSON)
GONE, GONE_JSON = Missing(Affinity.TEXT), Missing(Affinity.JSON)


@pytest.mark.parametrize(
    ("sign", "literal", "truth"),
    [
        ("=", X, None), ("!=", X, True), (">", X, None), ("<=", X, None), ("~", X, None),
        ("!~", X, None), ("=", EMPTY, True), ("=", NULL, True), ("!=", EMPTY, False),
        ("!=", NULL, False), (">=", NULL, None), ("~", EMPTY, None),
    ],
)  # fmt: skip
def test_a_missing_field(sign: str, literal: Literal, truth: bool | None) -> None:
    """It is empty; of something it is neither so nor not so, but different."""
    assert compare(GONE, Comparator(sign), literal) is truth
    if sign in ("=", "!="):
        assert compare(literal, Comparator(sign), GONE) is truth


@pytest.mark.parametrize(
    ("sign", "literal", "truth"),
    [("=", X, False), ("!=", X, True), ("=", EMPTY, False), ("=", NULL, True), ("!=", NULL, False)],
)
def test_a_missing_json_value(sign: str, literal: Literal, *, truth: bool) -> None:
    """It is null, and nothing else."""
    assert compare(GONE_JSON, Comparator(sign), literal) is truth


@pytest.mark.parametrize(
    ("left", "sign", "right", "text"),
    [
        (TEXT, "=", X, 'r."a" = ?'),
        (TEXT, "!=", NULL, 'r."a" IS NOT ?'),
        (LOOSE, "=", X, 'v."a" = ?'),
        (LOOSE, "=", EMPTY, '(v."a" = \'\' OR v."a" IS NULL)'),
        (LOOSE, "!=", X, 'v."a" IS NOT ?'),
        (TEXT, "=", LOOSE, 'r."a" = coalesce(v."a", \'\')'),
        (TEXT, "=", AuthField("b"), 'r."a" = ?'),
        (AuthField("b"), "!=", TEXT, 'r."a" IS NOT ?'),
        (JSON, "=", X, "j IS ?"),
        (JSON, "!=", TEXT, 'j IS NOT r."a"'),
        (GONE, "=", TEXT, "r.\"a\" = ''"),
        (GONE, "!=", AuthField("b"), "? IS NOT ''"),
    ],
)
def test_forms(left: Resolved, sign: str, right: Resolved, text: str) -> None:
    """A column that is never NULL stays bare, so that its index serves."""
    found = compare(left, Comparator(sign), right)
    assert isinstance(found, Sql)
    assert found.text == text


def _holds(clause: Clause, table: str) -> list[object]:
    assert isinstance(clause, Sql)
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(n NUMERIC, s TEXT)")
    connection.execute(f"INSERT INTO t VALUES {table}")
    return [row[0] for row in connection.execute(f"SELECT s FROM t WHERE {clause.text}")]


def test_numbers_and_texts_are_ordered_as_numbers_or_not_at_all() -> None:
    """A text that is no number is neither more nor less than one."""
    number, text = (
        Column(Sql(one), a) for one, a in (("n", Affinity.NUMBER), ("s", Affinity.TEXT))
    )
    table = "(5, '4'), (5, '05'), (5, '10'), (5, 'x'), (5, '')"
    assert _holds(compare(number, Comparator.GREATER, text), table) == ["4"]
    assert _holds(compare(text, Comparator.GREATER_OR_EQUAL, number), table) == ["05", "10"]
    assert _holds(compare(number, Comparator.EQUAL, text), table) == []


def test_an_opposite_is_exact() -> None:
    """Wherever a comparison has one."""
    for left, sign, right in ((TEXT, "=", X), (TEXT, "!=", X), (LOOSE, "!=", X), (JSON, "=", X)):
        found = compare(left, Comparator(sign), right)
        assert isinstance(found, Sql)
        assert found.opposite is not None
    for left, sign, right in ((LOOSE, "=", X), (TEXT, ">", X), (TEXT, "~", X)):
        found = compare(left, Comparator(sign), right)
        assert isinstance(found, Sql)
        assert found.opposite is None
