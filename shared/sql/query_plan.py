"""SQLite's account of how it would run a statement: asked for, and read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

_SORTS: Final = "USE TEMP B-TREE FOR ORDER BY"


class PlanLine(NamedTuple):
    """One line of a query plan. `depth`: how deep it stands in the tree of them."""

    depth: int
    text: str


def query_plan_sql(sql: str) -> str:
    """The statement that tells how `sql` would run; it takes the same parameters."""
    return f"EXPLAIN QUERY PLAN {sql}"


def read_lines(rows: Iterable[Sequence[Any]]) -> list[PlanLine]:
    """The lines of `query_plan_sql`'s rows, in order."""
    depths = {0: -1}
    lines = []
    for number, parent, _, text in rows:
        depth = depths.get(parent, -1) + 1
        depths[number] = depth
        lines.append(PlanLine(depth, str(text)))
    return lines


def reads_all_rows(lines: Iterable[PlanLine]) -> bool:
    """Whether every row `r` is looked at: no set and no index says which ones to look at."""
    return any(f"{line.text} ".startswith("SCAN r ") for line in lines)


def sorts_rows(lines: Iterable[PlanLine]) -> bool:
    """Whether all rows are sorted because no index has their order.

    Where an index has all but the last term, ties are sorted as they come, which is no such thing.
    """
    return any(line.text == _SORTS for line in lines)
