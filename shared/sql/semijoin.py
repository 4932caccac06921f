"""From a formula to SQL: the rows for which some assignment of related rows makes it true.

"Some assignment" is pushed down as far as it goes. An `||` is tried part by part; the parts of an
`&&` fall into groups that share related rows, each a condition of its own. A group takes one step
along a node that it shares: there is a row of that node for which the rest holds, or there is no
row and the rest holds of nothing. What of the latter is known beforehand folds away. No row is ever
joined to the outer one, so none is found twice.
"""

from __future__ import annotations

from math import prod
from typing import Final

from shared.language.errors import LanguageError
from shared.language.expression import Comparator
from shared.limits import FILTER_TRUTHS_MAX
from shared.sql.clause import Clause, Sql, all_true, among, any_true, not_true, sql, where
from shared.sql.formula import All, Any, Formula, Leaf, Never, leaves
from shared.sql.hops import Node
from shared.sql.operands import Affinity, Column
from shared.sql.rows import ItemRow, Row, TableRow
from shared.sql.steps import MANY_ROWS, How, Step, Steps, Use
from shared.sql.terms import Bound, PathTerm, Reading

_SPREAD_MAX: Final = 8
"""Alternatives that one group may be spread into; beyond it, they are looked for row by row."""


class Semijoin:
    """One predicate in the making. `steps` knows how related rows are found."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._truths = 0

    def holds(self, formula: Formula, bound: Bound, how: How) -> Clause:
        """TRUE where some assignment of the nodes that are not bound makes the formula TRUE."""
        if isinstance(formula, Any):
            return any_true([self.holds(part, bound, how) for part in formula.parts])
        if isinstance(formula, Never):
            return not_true(self.holds(formula.leaf, bound, how))
        groups = _groups(_flat(formula), bound)
        return all_true([self._group(group, bound, how) for group in groups])

    def fetched(self, base: Row | None, steps: list[Node], reading: Reading) -> Sql | None:
        """A scalar query for what is read of the row at the end of single steps from `base`."""
        source, conditions, row = Sql(""), list[Clause](), base
        for node in steps:
            if row is None:
                return None
            step = self._steps.step(node, row, How.PROBES, looks_out=False)
            source = sql(source, " CROSS JOIN ", step.source) if conditions else step.source
            conditions += [step.linked(), step.seen]
            row = step.row
        value = reading.of(row)
        assert isinstance(value, Column)
        return sql("(SELECT ", value.sql, " FROM ", source, where(*conditions), ")")

    # --- groups -----------------------------------------------------------------------------------

    def _group(self, parts: list[Formula], bound: Bound, how: How) -> Clause:
        """Parts that share the rows of some node, or a single one."""
        first = parts[0]
        if len(parts) == 1 and not isinstance(first, Leaf):
            return self.holds(first, bound, how)
        spread = _spread(parts)
        if spread is not None:
            return self.holds(spread, bound, how)
        node = _shared(parts, bound)
        if node is None:
            assert isinstance(first, Leaf)
            return self._truth(first, bound)
        if len(parts) == 1 and isinstance(first, Leaf) and first.implied and _varies(first, bound):
            return True
        return self._step(node, All(tuple(parts)), bound, how)

    def _truth(self, leaf: Leaf, bound: Bound) -> Clause:
        self._truths += 1
        if self._truths > FILTER_TRUTHS_MAX:
            raise LanguageError("the expression combines too many related records")
        return leaf.truth(bound, self)

    # --- steps ------------------------------------------------------------------------------------

    def _step(self, node: Node, formula: All, bound: Bound, how: How) -> Clause:
        """There is a row of `node` for which the formula holds, or none, and it holds of nothing."""
        assert node.parent is not None
        looks_out = any(_looks_out(leaf, node, bound) for leaf in leaves(formula))
        drives = _drives(formula, node)
        step = self._steps.step(
            node, bound.row(node.parent), how, looks_out=looks_out, drives=drives
        )
        of_nothing = self.holds(formula, bound.bind(node, None), how)
        if looks_out:
            some = self._members(node, step, formula, bound, how)
            if some is not None:
                return any_true([some, all_true([of_nothing, step.none()])])
        inner = self.holds(formula, bound.bind(node, step.row), step.inside)
        if isinstance(of_nothing, Sql):
            return step.some_or_none(inner, of_nothing)
        if not of_nothing:
            return step.some(inner)
        if not node.many:
            return not_true(step.some(not_true(inner)))
        return any_true([step.none(), step.some(inner)])

    def _members(self, node: Node, step: Step, formula: All, bound: Bound, how: How) -> Clause:
        """`r.f IN (SELECT x.g …)`, where all that ties the rows to those outside is `x.g = r.f`.

        None where it is not so, or where probing is as good.
        """
        if self._steps.use not in MANY_ROWS or how is How.PROBES or step.outer is not None:
            return None
        tied = [one for one in leaves(formula) if _looks_out(one, node, bound)]
        rest = tuple(part for part in formula.parts if part is not tied[0])
        if len(tied) > 1 or len(rest) == len(formula.parts) or not _is_equality(tied[0]):
            return None
        inside = bound.bind(node, step.row)
        sides = self._sides(tied[0], node, bound, inside)
        clause = self.holds(All(rest), inside, How.SETS) if sides else None
        if sides is None or not clause:
            return None
        hoisted = how is How.TOP and self._steps.use is Use.PAGE
        return among(sides[0], step.picked(sides[1], clause), hoisted=hoisted)

    def _sides(self, tie: Leaf, node: Node, bound: Bound, inside: Bound) -> tuple[Sql, Sql] | None:
        """Both sides of the comparison that ties a node's rows to those outside, never NULL."""
        outer, inner = tie.left, tie.right
        if all(one.within(node) for one in outer.nodes()):
            outer, inner = inner, outer
        if set(inner.nodes()) != {node} or any(bound.open(one) for one in outer.nodes()):
            return None
        column, member = outer.resolve(bound, self), inner.resolve(inside, self)
        if (
            not isinstance(column, Column)
            or not isinstance(member, Column)
            or column.nullable
            or column.affinity is not member.affinity
            or column.affinity not in (Affinity.TEXT, Affinity.NUMBER)
        ):
            return None
        value = sql("coalesce(", member.sql, ", '')") if member.nullable else member.cast()
        return column.cast(), value


def _flat(formula: Formula) -> list[Formula]:
    if isinstance(formula, All):
        return [one for part in formula.parts for one in _flat(part)]
    return [formula]


def _groups(parts: list[Formula], bound: Bound) -> list[list[Formula]]:
    """The parts by the nodes that they share, groups and parts in the order of the text."""
    groups: list[tuple[set[Node], list[tuple[int, Formula]]]] = []
    for place, part in enumerate(parts):
        nodes = _ties(part, bound)
        members = [(place, part)]
        apart = []
        for group in groups:
            if nodes & group[0]:
                nodes |= group[0]
                members = group[1] + members
            else:
                apart.append(group)
        groups = [*apart, (nodes, sorted(members, key=lambda one: one[0]))]
    groups.sort(key=lambda group: group[1][0][0])
    return [[part for _, part in members] for _, members in groups]


def _ties(part: Formula, bound: Bound) -> set[Node]:
    """The nodes through which a part hangs together with others.

    Single rows are the same wherever they are looked for, so only comparisons care to share them;
    a variable has to be shared.
    """
    if isinstance(part, Any):
        every = {one for leaf in _free(part) for n in leaf.nodes for one in bound.open(n)}
        return {one for one in every if one.many}
    return {node for path in _open_paths(part, bound) for node in path}


def _free(formula: Formula) -> list[Leaf]:
    """The comparisons that speak of the formula's variables: not those about all rows."""
    if isinstance(formula, Leaf):
        return [formula]
    if isinstance(formula, Never):
        return []
    return [leaf for part in formula.parts for leaf in _free(part)]


def _spread(parts: list[Formula]) -> Any | None:
    """`a && (b || c)` as `a && b || a && c`, whose parts need no rows from outside; if they are few."""
    choices = [one for one in parts if isinstance(one, Any)]
    if len(parts) == 1 or not choices or prod(len(one.parts) for one in choices) > _SPREAD_MAX:
        return None
    first = choices[0]
    return Any(
        tuple(All(tuple(one if part is first else part for part in parts)) for one in first.parts)
    )


def _open_paths(part: Formula, bound: Bound) -> list[list[Node]]:
    """The steps that are still to be taken for a part; for `Never` those before its variables."""
    if isinstance(part, Never):
        paths = [bound.open(node) for node in part.leaf.nodes]
        return [_before_variables(path) for path in paths]
    return [bound.open(node) for leaf in _free(part) for node in leaf.nodes]


def _before_variables(path: list[Node]) -> list[Node]:
    first = next((place for place, node in enumerate(path) if node.many), len(path))
    return path[:first]


def _shared(parts: list[Formula], bound: Bound) -> Node | None:
    """The first step that parts have in common; any first step of a single part."""
    seen: dict[Node, int] = {}
    for part in parts:
        paths = [path for path in _open_paths(part, bound) if path]
        if isinstance(part, Any):
            paths = [path for path in paths if any(node.many for node in path)]
        for node in dict.fromkeys(path[0] for path in paths):
            seen[node] = seen.get(node, 0) + 1
    wanted = 1 if len(parts) == 1 else 2
    return next((node for node, count in seen.items() if count >= wanted), None)


def _varies(leaf: Leaf, bound: Bound) -> bool:
    """Whether all its nodes that are not bound are for it to choose."""
    return all(any(one.many for one in bound.open(node)) for node in leaf.nodes)


def _looks_out(leaf: Leaf, node: Node, bound: Bound) -> bool:
    """Whether the comparison reads a row that stands outside the node's."""
    for one in leaf.nodes:
        if one.within(node):
            continue
        nearest = next((above for above in one.upward() if above in bound.rows), None)
        if nearest is not None and isinstance(bound.rows[nearest], TableRow | ItemRow):
            return True
    return False


def _drives(formula: All, node: Node) -> bool:
    """Whether an index finds few rows of the node by what is asked of them."""
    return any(
        isinstance(term, PathTerm)
        and term.node is node
        and not term.reading.modifier
        and (term.reading.field.name == "id" or term.reading.field.type == "relation")
        for leaf in leaves(formula)
        if _is_equality(leaf)
        for term in (leaf.left, leaf.right)
    )


def _is_equality(leaf: Leaf) -> bool:
    return leaf.comparator is Comparator.EQUAL and not leaf.negative and not leaf.guards
