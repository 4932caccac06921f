"""An expression as a formula over nodes: what some assignment of rows has to make true.

A plain operator over several values asks for two things: that the assigned row makes the comparison
true, and that no row makes it false. The second has nodes of its own, since it speaks of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.language.expression import Comparator, Comparison, Expression, Join
from shared.schema.collection import AUTH
from shared.sql.clause import Clause, both, negated
from shared.sql.compare import compare
from shared.sql.hops import Node, Twins
from shared.sql.names import Names
from shared.sql.operands import Literal
from shared.sql.terms import Bound, Known, Lookup, PathTerm, Reading, Term, fetching, paths

_EMAIL = "email"
_SHOWN = "emailVisibility"
_YES = Literal(1, "1")


@dataclass(frozen=True, eq=False, slots=True)
class Leaf:
    """A comparison.

    `guards`: terms that have to be 1 as well. `negative`: it asks where the comparison is false.
    `implied`: it holds for some row wherever it is false for none.
    """

    left: Term
    comparator: Comparator
    right: Term
    nodes: tuple[Node, ...]
    guards: tuple[PathTerm, ...] = ()
    negative: bool = False
    implied: bool = False

    def truth(self, bound: Bound, lookup: Lookup) -> Clause:
        """Its truth, once all nodes are bound."""
        left, right = self.left.resolve(bound, lookup), self.right.resolve(bound, lookup)
        found = compare(left, self.comparator, right)
        for guard in self.guards:
            shown = compare(guard.resolve(bound, lookup), Comparator.EQUAL, _YES)
            found = both(shown, found)
        return negated(found) if self.negative else found


@dataclass(frozen=True, eq=False, slots=True)
class Never:
    """No assignment makes the leaf true."""

    leaf: Leaf


@dataclass(frozen=True, eq=False, slots=True)
class All:
    """Every part is true, under one assignment."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Any:
    """Some part is true."""

    parts: tuple[Formula, ...]


Formula = Leaf | Never | All | Any


def formula_of(expression: Expression, names: Names) -> Formula:
    """The formula of an expression. Raises LanguageError for names that mean nothing.

    Recursion is as deep as the parentheses, which the parser bounds.
    """
    if isinstance(expression, Comparison):
        return _comparison(expression, names)
    parts = tuple(formula_of(part, names) for part in expression.parts)
    return All(parts) if expression.join is Join.ALL else Any(parts)


def leaves(formula: Formula) -> list[Leaf]:
    """Every comparison of a formula."""
    if isinstance(formula, Leaf):
        return [formula]
    if isinstance(formula, Never):
        return [formula.leaf]
    return [leaf for part in formula.parts for leaf in leaves(part)]


def email_guards(term: Term, names: Names) -> tuple[PathTerm, ...]:
    """A client compares only those addresses that their owners show."""
    found: list[PathTerm] = []
    for path in paths(term) if names.limited else ():
        collection = path.node.collection
        if collection is None or collection.type != AUTH or path.reading.field.name != _EMAIL:
            continue
        shown = collection.field(_SHOWN)
        assert shown is not None  # every auth collection has it
        found.append(PathTerm(path.node, Reading(shown), path.fetched))
    return tuple(found)


def _comparison(comparison: Comparison, names: Names) -> Formula:
    left, right = names.term(comparison.left), names.term(comparison.right)
    if len(set(left.nodes() + right.nodes())) > 1:
        left, right = fetching(left), fetching(right)
    guards = email_guards(left, names) + email_guards(right, names)
    several = any(one.many for node in left.nodes() + right.nodes() for one in node.upward())
    if comparison.any_of or not several:
        return _leaf(left, comparison.comparator, right, guards)
    implied = not guards and _two_valued(left, comparison.comparator, right)
    twins = Twins()
    violation = _leaf(
        left.twin(twins),
        comparison.comparator,
        right.twin(twins),
        tuple(guard.twin(twins) for guard in guards),
        negative=True,
    )
    wanted = _leaf(left, comparison.comparator, right, guards, implied=implied)
    return All((wanted, Never(violation)))


def _leaf(
    left: Term,
    comparator: Comparator,
    right: Term,
    guards: tuple[PathTerm, ...],
    *,
    negative: bool = False,
    implied: bool = False,
) -> Leaf:
    nodes = tuple(dict.fromkeys(node for one in (left, right, *guards) for node in one.nodes()))
    return Leaf(left, comparator, right, nodes, guards, negative, implied)


def _two_valued(left: Term, comparator: Comparator, right: Term) -> bool:
    """Whether the comparison is never unknown."""
    if comparator is Comparator.NOT_EQUAL:
        return True
    return comparator is Comparator.EQUAL and any(
        isinstance(one, Known) and isinstance(one.value, Literal) and one.value.empty
        for one in (left, right)
    )
