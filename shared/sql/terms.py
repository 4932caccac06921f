"""The sides of a comparison before it is known which rows are meant: paths, values and calls.

A term names the nodes whose rows it reads. Once these are bound to rows, or to no row, it resolves
to a column or a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from shared.schema.fields.field import Field
from shared.sql.clause import Sql, sql
from shared.sql.functions import Function
from shared.sql.hops import HopKind, Node, Twins
from shared.sql.operands import AFFINITIES, ZERO, Affinity, Column, Literal, Missing, Resolved
from shared.sql.request_values import BodyField, Form
from shared.sql.rows import AuthRow, BodyRow, ItemRow, Row, TableRow, json_column, stored_column


class Bound:
    """Which row each node stands for, None for no row."""

    __slots__ = ("rows",)

    def __init__(self, rows: Mapping[Node, Row | None]) -> None:
        self.rows = rows

    def row(self, node: Node) -> Row | None:
        """The row of a node that is bound, or stands below one that is bound to none."""
        for one in node.upward():
            if one in self.rows:
                found = self.rows[one]
                if one is node or found is None:
                    return found
        raise KeyError(node.kind)

    def open(self, node: Node) -> list[Node]:
        """The nodes from the first that is not bound down to `node`."""
        waiting: list[Node] = []
        for one in node.upward():
            if one in self.rows:
                return waiting[::-1] if self.rows[one] is not None else []
            waiting.append(one)
        return waiting[::-1]

    def bind(self, node: Node, row: Row | None) -> Bound:
        """The same with one more node bound."""
        return Bound({**self.rows, node: row})


class Lookup(Protocol):
    """How values of single related rows are fetched where they are needed."""

    def fetched(self, base: Row | None, steps: list[Node], read: Reading) -> Sql | None:
        """A scalar query for what `read` reads of the row at the end of `steps` from `base`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of a row: a field, at a path in its JSON, through a modifier."""

    field: Field
    path: str = "$"
    modifier: str = ""

    def of(self, row: Row | None) -> Resolved:
        """The value in a row."""
        if row is None:
            return self.of_nothing()
        if isinstance(row, TableRow):
            return self._modified(stored_column(row, self.field, self.path))
        assert isinstance(row, AuthRow | BodyRow)
        if self.modifier == "length":
            return Column(Sql("?", (row.value(self.field, Form.COUNT),)), Affinity.NUMBER)
        if self.field.type in ("json", "geoPoint"):
            value = row.value(self.field, Form.JSON)
            return json_column(Sql("?", (value,)), self.path)
        value = row.value(self.field)
        return replace(value, lower=True) if self.modifier == "lower" else value

    def of_nothing(self) -> Resolved:
        """The value in a row that is missing."""
        if self.modifier == "length":
            return ZERO
        return Missing(self.affinity)

    @property
    def affinity(self) -> Affinity:
        """How the value compares."""
        if self.modifier == "length":
            return Affinity.NUMBER
        if self.modifier == "lower" or self.field.multiple:
            return Affinity.TEXT
        return AFFINITIES[self.field.type]

    def _modified(self, column: Column) -> Column:
        if self.modifier == "lower":
            return Column(sql("lower(", column.sql, ")"), Affinity.TEXT, column.nullable, bare=True)
        if self.modifier == "length":
            text = column.sql
            counted = sql("iif(json_valid(", text, "), json_array_length(", text, "), 0)")
            return Column(counted, Affinity.NUMBER, bare=True)
        return column


@dataclass(frozen=True, slots=True)
class Known:
    """A value that depends on no row."""

    value: Resolved

    def nodes(self) -> tuple[Node, ...]:
        """None."""
        return ()

    def resolve(self, bound: Bound, lookup: Lookup) -> Resolved:  # noqa: ARG002
        """The value."""
        return self.value

    def twin(self, twins: Twins) -> Known:  # noqa: ARG002
        """The same."""
        return self


@dataclass(frozen=True, slots=True)
class PathTerm:
    """What is read of a node's row.

    `fetched`: single steps at the end of the path are not bound, but fetched by a scalar query.
    """

    node: Node
    reading: Reading
    fetched: bool = False

    def nodes(self) -> tuple[Node, ...]:
        """The node whose row has to be bound; the caller and the body always are."""
        base = self._base()
        return () if base.kind in (HopKind.AUTH, HopKind.BODY) else (base,)

    def _base(self) -> Node:
        node = self.node
        while self.fetched and node.parent is not None and not node.many:
            node = node.parent
        return node

    def resolve(self, bound: Bound, lookup: Lookup) -> Resolved:
        """The column, or nothing where the row is missing."""
        base = self._base()
        if base is self.node:
            return self.reading.of(bound.row(base))
        steps = [one for one in self.node.chain() if one is not base and one.within(base)]
        found = lookup.fetched(bound.row(base), steps, self.reading)
        if found is None:
            return self.reading.of_nothing()
        if self.reading.modifier == "length":
            return Column(sql("coalesce(", found, ", 0)"), Affinity.NUMBER, bare=True)
        return Column(found, self.reading.affinity, nullable=True)

    def twin(self, twins: Twins) -> PathTerm:
        """The same of the node's twin."""
        return replace(self, node=twins.of(self.node))


@dataclass(frozen=True, slots=True)
class ItemTerm:
    """An item of a list."""

    node: Node

    def nodes(self) -> tuple[Node, ...]:
        """The list."""
        return (self.node,)

    def resolve(self, bound: Bound, lookup: Lookup) -> Resolved:  # noqa: ARG002
        """The item, or nothing."""
        row = bound.row(self.node)
        assert row is None or isinstance(row, ItemRow)
        return Missing(Affinity.TEXT) if row is None else row.as_column()

    def twin(self, twins: Twins) -> ItemTerm:
        """The same of the twin."""
        return ItemTerm(twins.of(self.node))


@dataclass(frozen=True, slots=True)
class ChangedTerm:
    """`@request.body.<field>:changed`: whether it was sent and differs from what is stored."""

    node: Node
    field: Field

    def nodes(self) -> tuple[Node, ...]:
        """The row that is changed."""
        return (self.node,)

    def resolve(self, bound: Bound, lookup: Lookup) -> Resolved:  # noqa: ARG002
        """1 or 0."""
        row = bound.row(self.node)
        assert isinstance(row, TableRow)
        sent = Sql("?", (BodyField(self.field.name, present=True),))
        form = Form.PLAIN if self.field.type == "json" else Form.FILLED
        value = Sql("?", (BodyField(self.field.name, self.field, form),))
        stored = row.column(self.field)
        return Column(sql("(", sent, " AND ", value, " IS NOT ", stored, ")"), Affinity.NUMBER)

    def twin(self, twins: Twins) -> ChangedTerm:  # noqa: ARG002
        """The same: it reads no variable."""
        return self


@dataclass(frozen=True, slots=True)
class CallTerm:
    """A function of other terms."""

    function: Function
    arguments: tuple[Term, ...]

    def nodes(self) -> tuple[Node, ...]:
        """Those of the arguments."""
        return tuple(node for one in self.arguments for node in one.nodes())

    def resolve(self, bound: Bound, lookup: Lookup) -> Resolved:
        """The call."""
        return self.function.call([_written(one.resolve(bound, lookup)) for one in self.arguments])

    def twin(self, twins: Twins) -> CallTerm:
        """The same of the arguments' twins."""
        return replace(self, arguments=tuple(one.twin(twins) for one in self.arguments))


Term = Known | PathTerm | ItemTerm | ChangedTerm | CallTerm


def fetching(term: Term) -> Term:
    """The term with single steps fetched rather than bound."""
    if isinstance(term, PathTerm):
        return replace(term, fetched=True)
    if isinstance(term, CallTerm):
        return replace(term, arguments=tuple(map(fetching, term.arguments)))
    return term


def paths(term: Term) -> list[PathTerm]:
    """The paths in a term."""
    if isinstance(term, PathTerm):
        return [term]
    if isinstance(term, CallTerm):
        return [path for one in term.arguments for path in paths(one)]
    return []


def _written(resolved: Resolved) -> Sql:
    if isinstance(resolved, Column):
        return resolved.sql
    if isinstance(resolved, Missing):
        return Sql("NULL")
    return Sql("?", (resolved.value if isinstance(resolved, Literal) else resolved,))
