"""Truths that fold, and opposites that are exact."""

from __future__ import annotations

import itertools

import apsw
import pytest

from shared.sql.clause import (
    Clause,
    Sql,
    all_true,
    among,
    any_true,
    both,
    condition,
    exists,
    negated,
    not_true,
    sql,
    two_valued,
    where,
)

TRUTHS: list[bool | None] = [True, False, None]


def _worth(clause: Clause) -> bool | None:
    """What SQLite makes of it."""
    if not isinstance(clause, Sql):
        return clause
    found = apsw.Connection(":memory:").execute(f"SELECT {clause.text}", clause.params).get
    return None if found is None else bool(found)


def _written(truth: bool | None) -> Sql:
    return Sql("?", (truth,))


@pytest.mark.parametrize("folded", list(itertools.product([True, False], repeat=2)))
@pytest.mark.parametrize("truths", list(itertools.product(TRUTHS, repeat=2)))
def test_truths_join(truths: tuple[bool | None, ...], folded: tuple[bool, ...]) -> None:
    """Known beforehand or not, the outcome is that of SQL."""
    one, other = (
        truth if fold else _written(truth) for truth, fold in zip(truths, folded, strict=True)
    )
    assert (_worth(all_true([one, other])) is True) is (truths == (True, True))
    assert (_worth(any_true([one, other])) is True) is (True in truths)
    exact = False if False in truths else None if None in truths else True
    assert _worth(both(one, other)) is exact
    for truth, clause in zip(truths, (one, other), strict=True):
        assert _worth(negated(clause)) is (None if truth is None else not truth)
        assert _worth(not_true(clause)) is (truth is not True)


def test_opposites() -> None:
    """Turned twice, a condition is what it was."""
    query = Sql("SELECT 1 WHERE ?", (0,))
    for made in (
        exists(query), among(Sql("1"), query), among(Sql("r.a"), query, hoisted=True),
        two_valued(Sql("a"), "=", "IS NOT", Sql("?", (1,))), not_true(Sql("a > ?", (1,))),
    ):  # fmt: skip
        assert isinstance(made, Sql)
        turned = not_true(made)
        assert isinstance(turned, Sql)
        assert turned.params == made.params
        assert turned.turned() == made
    assert among(Sql("r.a"), query, hoisted=True).text.startswith("+r.a IN")


def test_parameters_keep_the_order_of_the_text() -> None:
    """Whatever is put together."""
    made = sql("a = ", Sql("?", (1,)), " AND b = ", Sql("?", (2,)))
    assert made == Sql("a = ? AND b = ?", (1, 2))
    assert where(made, True, Sql("c = ?", (3,))) == Sql(
        " WHERE (a = ? AND b = ?) AND (c = ?)", (1, 2, 3)
    )
    assert where(True) == Sql("")
    assert condition(None).text == "0"
    assert condition(True).text == "1"
