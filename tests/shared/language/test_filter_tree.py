"""Filters as trees, and what is asked of a list as a value."""

from __future__ import annotations

from shared.language.expression import Join
from shared.language.filter_tree import Compare, Junction, Operator, comparisons, joined
from shared.language.list_ask import ListAsk, OrderBy

A, B, C = (Compare(name, Operator.EQUAL, "1") for name in "abc")


def test_one_part_stands_for_itself() -> None:
    """A junction of one would only add brackets."""
    assert joined(Join.ANY, (A,)) == A
    assert joined(Join.ANY, (A, B)) == Junction(Join.ANY, (A, B))


def test_comparisons_come_from_left_to_right() -> None:
    """From all levels."""
    tree = Junction(Join.ALL, (A, Junction(Join.ANY, (B, C)), A))
    assert list(comparisons(tree)) == [A, B, C, A]


def test_spatial_operators_are_those_with_an_at() -> None:
    """They compare geometries, all others values."""
    spatial = {one for one in Operator if one.spatial}
    assert spatial == {Operator.WITHIN, Operator.INTERSECTS, Operator.CONTAINS}


def test_asks_are_keys() -> None:
    """Two lists that ask the same are the same, so that a plan may be kept for them."""
    asks = {ListAsk(filter=joined(Join.ALL, (A, B)), order=(OrderBy("a"),)) for _ in range(2)}
    assert len(asks) == 1
