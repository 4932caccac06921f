"""What a client of record APIs asks of a list, in the words of no wire dialect.

Like a filter's tree it knows no schema: the names in it are as written, and may mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from shared.language.filter_tree import Tree


class OrderBy(NamedTuple):
    """A column that rows are ordered by."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAsk:
    """Which rows are asked for, in which order, and what is to be shown with them.

    `limit`: rows of a page, None where it is left to the API. `cursor`: where to go on, as an
    earlier page said. `offset`: rows to leave out first. `count`: with the number of all rows that
    the filter lets through. `order`: empty for that of the API. `expand`: columns whose referred
    records are shown. `geojson`: the geometry column of a feature collection, None for a plain
    list. `skip_cursor`: that collection goes without a cursor.
    """

    limit: int | None = None
    cursor: str | None = None
    offset: int = 0
    count: bool = False
    order: tuple[OrderBy, ...] = ()
    expand: tuple[str, ...] = ()
    filter: Tree | None = None
    geojson: str | None = None
    skip_cursor: bool = False
