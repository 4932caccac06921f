"""Filters as the clients write them: one parameter for each comparison, its key nested by brackets."""

from __future__ import annotations

from shared.language.expression import Join
from shared.language.filter_tree import Compare, Operator, Tree

_WORDS = {Join.ALL: "$and", Join.ANY: "$or"}


def parameters(tree: Tree, path: str = "filter") -> list[tuple[str, str]]:
    """The parameters of a filter, not encoded yet. Equality goes without an operator."""
    if isinstance(tree, Compare):
        operator = "" if tree.operator is Operator.EQUAL else f"[{tree.operator.value}]"
        return [(f"{path}[{tree.column}]{operator}", tree.value)]
    return [
        pair
        for at, part in enumerate(tree.parts)
        for pair in parameters(part, f"{path}[{_WORDS[tree.join]}][{at}]")
    ]
