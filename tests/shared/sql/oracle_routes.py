"""Where a name leads: from the row, the caller, the body or a collection through relations to a value.

Everything that is wrong with an expression, whatever the rows are, comes out here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.shared.sql.oracle_tree import Asked, Name, Tree, comparisons, names
from tests.shared.sql.oracle_world import (
    LISTED,
    Column,
    ForbiddenError,
    InvalidError,
    Table,
    World,
)

HOPS_MAX = 6
GEO_PARTS = ("lon", "lat")
SECRETS = ("password", "tokenKey")
SEVERAL = ("many", "back", "each")
"""Kinds of hops that lead to any number of rows."""


@dataclass(frozen=True)
class Hop:
    """One step. `kind`: one, many (by the list `field`), lone, back (rows whose `field` names us), each.

    `each` leads to the items of a list, the others to rows of `table`.
    """

    kind: str
    table: str
    field: str


@dataclass(frozen=True)
class Route:
    """A name understood: a start, hops, and what is read at the end.

    `leaf` is None where there is no such field, which is no error for the caller's own.
    """

    start: tuple[str, ...]
    hops: tuple[Hop, ...]
    leaf: Column | None
    inner: tuple[str, ...] = ()
    modifier: str = ""

    def variables(self) -> list[tuple[tuple[str, ...], tuple[Hop, ...]]]:
        """Its multi-valued prefixes, the shortest first."""
        ends = [place + 1 for place, hop in enumerate(self.hops) if hop.kind in SEVERAL]
        if self.start[0] == "collection":
            ends.insert(0, 0)
        return [(self.start, self.hops[:end]) for end in ends]


@dataclass(frozen=True)
class Scope:
    """Who writes: a `filter` of a client (`client`) or of a superuser, or a rule."""

    world: World
    table: Table
    filter: bool = False
    _routes: dict[Name, Route] = field(default_factory=dict, compare=False)

    @property
    def client(self) -> bool:
        """Whether hidden fields and list rules stand in the way."""
        return self.filter and not self.world.superuser

    def check(self, tree: Tree) -> None:
        """Raises InvalidError or ForbiddenError for what the tree may not say."""
        every = [name for asked in comparisons(tree) for name in _names(asked)]
        if self.client and any(name.root != "row" for name in every):
            raise ForbiddenError
        for name in every:
            self.route(name)

    def route(self, name: Name) -> Route:
        """Where a name leads."""
        if name not in self._routes:
            self._routes[name] = self._route(name)
        return self._routes[name]

    def _route(self, name: Name) -> Route:
        if name.root in ("method", "context"):
            return Route((name.root,), (), None)
        if name.root in ("query", "headers"):
            return self._told(name)
        if name.root == "collection":
            table = self._table(name.collection)
            return self._walk(("collection", name.collection, name.alias), table, name)
        if name.root == "auth":
            return self._callers(name)
        if name.root == "body":
            return self._bodys(name)
        return self._walk(("row",), self.table, name)

    def _table(self, name: str) -> Table:
        if name not in self.world.tables:
            raise InvalidError(name)
        return self.world.tables[name]

    def _told(self, name: Name) -> Route:
        if name.modifier not in ("", "isset", "lower"):
            raise InvalidError(name.modifier)
        return Route((name.root, name.parts[0]), (), None, modifier=name.modifier)

    def _callers(self, name: Name) -> Route:
        """A caller has what his collection has; the rest is nothing."""
        nothing = Route(("auth",), (), None, modifier=name.modifier)
        if self.world.caller is None:
            return nothing
        table = self.world.tables[self.world.caller[0]]
        known = name.parts[0] in table.columns or self._leads_back(name.parts[0], table)
        return self._walk(("auth",), table, name) if known else nothing

    def _leads_back(self, part: str, table: Table) -> bool:
        other, _, field = part.partition("_via_")
        column = self.world.tables[other].columns.get(field) if other in self.world.tables else None
        return column is not None and column.kind == "relation" and column.target == table.name

    def _bodys(self, name: Name) -> Route:
        key = name.parts[0]
        column = self.table.columns.get(key)
        if len(name.parts) > 1:
            return self._walk(("body",), self.table, name)
        if name.modifier == "changed" and column is None:
            raise InvalidError(key)
        if name.modifier == "each":
            return Route(("body",), (Hop("each", "", key),), None)
        return Route(("body", key), (), column, modifier=name.modifier)

    def _walk(self, start: tuple[str, ...], table: Table, name: Name) -> Route:
        hops: tuple[Hop, ...] = ()
        for place, part in enumerate(name.parts):
            rest = name.parts[place + 1 :]
            if rest and "_via_" in part:
                hops += (self._back(part, table),)
            else:
                column = self._column(part, table)
                if not rest or column.kind in ("json", "geoPoint"):
                    return _ended(start, hops, column, rest, name.modifier)
                hops += (_forth(column),)
            if len(hops) > HOPS_MAX:
                raise InvalidError("too deep")
            table = self._joined(hops[-1].table)
        raise InvalidError("it ends at a table")

    def _column(self, name: str, table: Table) -> Column:
        column = table.columns.get(name)
        if column is None:
            raise InvalidError(name)
        if self.client and column.hidden:
            raise InvalidError("hidden")
        if self.filter and column.name in SECRETS and table.auth:
            raise InvalidError("secret")
        return column

    def _joined(self, name: str) -> Table:
        table = self._table(name)
        if self.client and table.rule is None:
            raise InvalidError("its rows are not shown")
        return table

    def _back(self, part: str, table: Table) -> Hop:
        name, _, field = part.partition("_via_")
        other = self._table(name)
        column = self._column(field, other)
        if column.kind != "relation" or column.target != table.name:
            raise InvalidError(part)
        alone = column.unique and not column.many
        return Hop("lone" if alone else "back", name, field)


def _forth(column: Column) -> Hop:
    if column.kind != "relation":
        raise InvalidError(column.name)
    return Hop("many" if column.many else "one", column.target, column.name)


def _ended(
    start: tuple[str, ...],
    hops: tuple[Hop, ...],
    column: Column,
    inner: tuple[str, ...],
    modifier: str,
) -> Route:
    if column.kind == "geoPoint" and inner and (len(inner) > 1 or inner[0] not in GEO_PARTS):
        raise InvalidError(inner[0])
    if modifier in ("each", "length") and not (column.kind in LISTED and column.many):
        raise InvalidError(modifier)
    if modifier not in ("", "each", "length", "lower"):
        raise InvalidError(modifier)
    if modifier == "each":
        return Route(start, (*hops, Hop("each", "", column.name)), column)
    return Route(start, hops, column, inner, modifier)


def _names(asked: Asked) -> list[Name]:
    return [*names(asked.left), *names(asked.right)]
