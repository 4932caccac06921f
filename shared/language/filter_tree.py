"""What a client of record APIs asks of rows: comparisons of one column each, joined by AND and OR.

The tree knows no schema: which columns there are and what a value means to one is decided in
`shared.sql.api.filters`. Nothing negates, so a comparison with NULL is as good as a false one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from shared.language.expression import Join


class Operator(enum.Enum):
    """How a column is compared, as it is written."""

    EQUAL = "$eq"
    NOT_EQUAL = "$ne"
    GREATER = "$gt"
    GREATER_OR_EQUAL = "$gte"
    LESS = "$lt"
    LESS_OR_EQUAL = "$lte"
    IS = "$is"
    """The value is `NULL` or `!NULL`."""
    LIKE = "$like"
    """SQL's LIKE: `%` is any text, `_` any character; upper and lower case differ."""
    REGEXP = "$re"
    """A regular expression, found anywhere in the text."""
    WITHIN = "@within"
    INTERSECTS = "@intersects"
    CONTAINS = "@contains"
    """These three take a geometry as WKT; the column's is the one that is within or contains."""

    @property
    def spatial(self) -> bool:
        """Whether it compares geometries."""
        return self.value.startswith("@")


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison. `value` is as the client wrote it; what it means depends on the column."""

    column: str
    operator: Operator
    value: str


@dataclass(frozen=True, slots=True)
class Junction:
    """Trees that have to hold all, or of which one has to."""

    join: Join
    parts: tuple[Tree, ...]


Tree = Compare | Junction


def joined(join: Join, parts: tuple[Tree, ...]) -> Tree:
    """The parts as one tree; a single one stands for itself."""
    return parts[0] if len(parts) == 1 else Junction(join, parts)


def comparisons(tree: Tree) -> Iterator[Compare]:
    """Every comparison in it, from left to right."""
    if isinstance(tree, Compare):
        yield tree
    else:
        for part in tree.parts:
            yield from comparisons(part)
