"""Which records go along with one that is deleted, as SQL sets of ids, one for each collection.

A recursive query follows the relation fields with cascade_delete from the record; whom a list
refers to is read in its side table. Each statement of the deletion asks again, so rows must go in
an order in which the answer stays the same:

- Where collections do not cascade in a circle (one that refers to itself is no circle here), each
  is emptied of its doomed rows at once, those before it in the cascade later. Any number of levels.
- Where they do, rows go by their distance from the record, the farthest first. The shortest way to
  a row leads over nearer ones only, so these are still found. Up to `CASCADE_LEVELS_MAX` levels.

A list dooms its record when nothing else is left in it. One reference is followed like any other;
for lists of several doomed ids the query runs again over its own answer, `_LIST_ROUNDS` times in
all. What exceeds these bounds is refused by a guard, never done by halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from shared.limits import CASCADE_LEVELS_MAX
from shared.quote import quote_identifier
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.fields.relation import RelationField
from shared.schema.side import side_table
from shared.sql.plan import Value

_LIST_ROUNDS: Final = 2  # SQLite expands a query once for each mention: more would grow fast

Condition = tuple[str, tuple[Value, ...]]
"""SQL about the row `x`, and its parameters."""


@dataclass(frozen=True, slots=True)
class IdSet:
    """A subselect of one column `id`, and its parameters."""

    sql: str
    params: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """Field `field` of `source` refers to `target`."""

    source: Collection
    field: RelationField
    target: Collection

    @property
    def column(self) -> str:
        """The field of the row `x`."""
        return f"x.{quote_identifier(self.field.name)}"

    @property
    def rows(self) -> str:
        """The table of the rows `x`."""
        return f"{quote_identifier(self.source.table)} x"

    @property
    def side(self) -> str:
        """The side table of a list."""
        return side_table(self.source, self.field)

    def hit(self, gone: IdSet) -> Condition:
        """Row `x` refers to something in `gone`."""
        if not self.field.multiple:
            return f"{self.column} IN ({gone.sql})", gone.params
        listing = f"SELECT s.rid FROM {self.side} s WHERE s.value IN ({gone.sql})"
        return f"x._rowid_ IN ({listing})", gone.params

    def emptied(self, gone: IdSet) -> Condition:
        """Row `x` refers to something in `gone` and to nothing else."""
        sql, params = self.hit(gone)
        if not self.field.multiple:
            return sql, params
        return f"{sql} AND {self._nothing_but(f'IN ({gone.sql})')}", params + gone.params

    def follows(self, doomed: str, target: int) -> str:
        """Rows `x` that row `d` of `doomed` dooms alone, as the FROM and WHERE of a query.

        `target`: the number that `d` has where it is one of this edge's target.
        """
        if not self.field.multiple:
            return (
                f"FROM {doomed} d CROSS JOIN {self.rows}"
                f" WHERE d.c = {target} AND {self.column} = d.id"
            )
        return (
            f"FROM {doomed} d CROSS JOIN {self.side} s CROSS JOIN {self.rows}"
            f" WHERE d.c = {target} AND s.value = d.id AND x._rowid_ = s.rid"
            f" AND {self._nothing_but('= d.id')}"
        )

    def _nothing_but(self, these: str) -> str:
        """The list of row `x` holds no other values than those."""
        others = f"SELECT 1 FROM {self.side} o WHERE o.rid = x._rowid_ AND NOT (o.value {these})"
        return f"NOT EXISTS ({others})"


@dataclass(frozen=True, slots=True)
class Doomed:
    """What goes.

    `sets`: collection id → all its doomed ids, the record's own collection first. `batches`: what
    to delete before the record itself, in order. `beyond`: finds a row where a bound is exceeded.
    """

    sets: dict[str, IdSet]
    batches: Sequence[tuple[Collection, IdSet]] = ()
    beyond: IdSet | None = None


def edges_into(catalog: Catalog, target: Collection) -> list[Edge]:
    """All relation fields that refer to `target`."""
    return [Edge(source, field, target) for source, field in catalog.references_to(target)]


def doomed_by(catalog: Catalog, root: Collection, record_id: str) -> Doomed:
    """What goes with the record `record_id` of `root`."""
    lone = IdSet("SELECT CAST(? AS TEXT) AS id", (record_id,))
    return _doomed(root, lone, _cascading(catalog, root))


def doomed_by_all(catalog: Catalog, root: Collection) -> Doomed:
    """What goes with all records of `root`."""
    # What refers to them from within goes anyhow, so no cascade leads back.
    edges = [edge for edge in _cascading(catalog, root) if edge.source is not root]
    return _doomed(root, IdSet(f'SELECT "id" AS id FROM {quote_identifier(root.table)}'), edges)


def _doomed(root: Collection, first: IdSet, edges: list[Edge]) -> Doomed:
    """What goes with the records `first` of `root`, along `edges`."""
    if not edges:
        return Doomed({root.id: first})
    members = {root.id: root} | {edge.source.id: edge.source for edge in edges}
    if all(edge.target is root and edge.source is not root for edge in edges):
        sets = {root.id: first} | {
            one.id: _direct(one, edges, first) for one in members.values() if one is not root
        }
        return Doomed(sets, [(members[key], sets[key]) for key in sets if key != root.id])
    order = _order(edges)
    if order is None:
        return _by_distance(members, edges, first)
    numbers = {key: number for number, key in enumerate(members)}
    query = _closure(edges, numbers, first)
    sets = {
        key: IdSet(f"SELECT id FROM ({query}) WHERE c = {number}", first.params)
        for key, number in numbers.items()
    }
    # Nothing else of the record's own collection goes unless a cascade leads back to it.
    gone = [key for key in order if any(edge.source.id == key for edge in edges)]
    return Doomed(sets, [(members[key], sets[key]) for key in gone])


def _cascading(catalog: Catalog, root: Collection) -> list[Edge]:
    """Every edge along which deletion can run from `root`, each once, near ones first."""
    found: list[Edge] = []
    waiting, seen = [root], {root.id}
    while waiting:
        for edge in edges_into(catalog, waiting.pop(0)):
            if not edge.field.cascade_delete:
                continue
            found.append(edge)
            if edge.source.id not in seen:
                seen.add(edge.source.id)
                waiting.append(edge.source)
    return found


def _order(edges: list[Edge]) -> list[str] | None:
    """Collections with those first that the cascade reaches last; None where it is a circle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in edges:
        if edge.source is not edge.target:
            sorter.add(edge.target.id, edge.source.id)
        else:
            sorter.add(edge.source.id)
    try:
        return list(sorter.static_order())
    except CycleError:
        return None


def _direct(source: Collection, edges: list[Edge], root: IdSet) -> IdSet:
    """The doomed rows of `source` where only the record itself dooms others."""
    conditions = [edge.emptied(root) for edge in edges if edge.source is source]
    where = " OR ".join(f"({sql})" for sql, _ in conditions)
    params = tuple(value for _, values in conditions for value in values)
    return IdSet(f'SELECT x."id" FROM {quote_identifier(source.table)} x WHERE {where}', params)


def _closure(edges: list[Edge], numbers: dict[str, int], first: IdSet) -> str:
    """All doomed (c, id), `c` being the collection's number. Its parameters are those of `first`."""
    lists = [edge for edge in edges if edge.field.multiple]
    rounds = _LIST_ROUNDS if lists else 1
    tables = []
    for number in range(rounds):
        # The record's own collection has the number 0.
        seeds = [f"SELECT 0, id FROM ({first.sql})"]
        if number:
            seeds = _emptied_lists(number, lists, numbers)
        follows = [
            f'SELECT {numbers[edge.source.id]}, x."id"'
            f" {edge.follows(f'd{number}', numbers[edge.target.id])}"
            for edge in edges
        ]
        tables.append(f"d{number}(c, id) AS MATERIALIZED ({' UNION '.join(seeds + follows)})")
    return f"WITH RECURSIVE {', '.join(tables)} SELECT c, id FROM d{rounds - 1}"


def _emptied_lists(number: int, lists: list[Edge], numbers: dict[str, int]) -> list[str]:
    """What round `number` starts from: the answer before, and lists that hold nothing else."""
    before = f"d{number - 1}"
    seeds = [f"SELECT c, id FROM {before}"]
    for edge in lists:
        gone = IdSet(f"SELECT id FROM {before} WHERE c = {numbers[edge.target.id]}")
        emptied, _ = edge.emptied(gone)
        seeds.append(f'SELECT {numbers[edge.source.id]}, x."id" FROM {edge.rows} WHERE {emptied}')
    return seeds


def _by_distance(members: dict[str, Collection], edges: list[Edge], first: IdSet) -> Doomed:
    """The sets where collections cascade in a circle."""
    numbers = {key: number for number, key in enumerate(members)}
    follows = [
        f'SELECT {numbers[edge.source.id]}, x."id", d.far + 1'
        f" {edge.follows('d', numbers[edge.target.id])} AND d.far <= {CASCADE_LEVELS_MAX}"
        for edge in edges
    ]
    union = " UNION ".join([f"SELECT 0, id, 0 FROM ({first.sql})", *follows])
    query = (
        f"WITH RECURSIVE d(c, id, far) AS ({union})"
        " SELECT c, id, min(far) AS far FROM d GROUP BY c, id"
    )
    sets = {
        key: IdSet(f"SELECT id FROM ({query}) WHERE c = {number}", first.params)
        for key, number in numbers.items()
    }
    batches = [
        (
            members[key],
            IdSet(f"SELECT id FROM ({query}) WHERE c = {number} AND far = {far}", first.params),
        )
        for far in range(CASCADE_LEVELS_MAX, 0, -1)
        for key, number in numbers.items()
    ]
    beyond = IdSet(f"SELECT id FROM ({query}) WHERE far > {CASCADE_LEVELS_MAX}", first.params)
    return Doomed(sets, batches, beyond)
