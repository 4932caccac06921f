"""Which records go along with one that is deleted, as SQL sets of ids, one for each collection.

A recursive query follows the relation fields with cascade_delete from the record. Each statement of
the deletion asks again, so rows must go in an order in which the answer stays the same:

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
from shared.sql.plan import Value

_LIST_ROUNDS: Final = 2  # SQLite expands a query once for each mention: more would grow fast

Condition = tuple[str, tuple[Value, ...]]
"""SQL about the row `x`, and its parameters."""


@dataclass(frozen=True, slots=True)
class IdSet:
    """A subselect of ids and its parameters; `lone`: of one id, which is its parameter."""

    sql: str
    params: tuple[Value, ...]
    lone: bool = False


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
    def items(self) -> str:
        """The references of a list as rows `j`."""
        # A text that is no JSON (a migration's, say) holds nothing; json_each would fail on it.
        return f"json_each(iif(json_valid({self.column}), {self.column}, '[]')) j"

    def hit(self, gone: IdSet) -> Condition:
        """Row `x` refers to something in `gone`."""
        if not self.field.multiple:
            return f"{self.column} IN ({gone.sql})", gone.params
        listed = f"EXISTS (SELECT 1 FROM {self.items} WHERE j.value IN ({gone.sql}))"
        if gone.lone:  # a search in the text is far cheaper than reading every list
            return f"instr({self.column}, ?) > 0 AND {listed}", gone.params * 2
        return f"{self.column} <> '[]' AND {listed}", gone.params

    def emptied(self, gone: IdSet) -> Condition:
        """Row `x` refers to something in `gone` and to nothing else."""
        sql, params = self.hit(gone)
        if not self.field.multiple:
            return sql, params
        others = f"SELECT 1 FROM {self.items} WHERE j.value NOT IN ({gone.sql})"
        return f"{sql} AND NOT EXISTS ({others})", params + gone.params

    def follows(self) -> str:
        """Row `x` is doomed by row `d` alone; an equality on the bare column, so an index serves."""
        if not self.field.multiple:
            return f"{self.column} = d.id"
        return (
            f"instr({self.column}, d.id) > 0"
            f" AND EXISTS (SELECT 1 FROM {self.items} WHERE j.value = d.id)"
            f" AND NOT EXISTS (SELECT 1 FROM {self.items} WHERE j.value <> d.id)"
        )


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
    edges = _cascading(catalog, root)
    lone = IdSet("SELECT ?", (record_id,), lone=True)
    if not edges:
        return Doomed({root.id: lone})
    members = {root.id: root} | {edge.source.id: edge.source for edge in edges}
    if all(edge.target is root and edge.source is not root for edge in edges):
        sets = {root.id: lone} | {
            one.id: _direct(one, edges, lone) for one in members.values() if one is not root
        }
        return Doomed(sets, [(members[key], sets[key]) for key in sets if key != root.id])
    order = _order(edges)
    if order is None:
        return _by_distance(members, edges, record_id)
    numbers = {key: number for number, key in enumerate(members)}
    query = _closure(edges, numbers)
    sets = {
        key: IdSet(f"SELECT id FROM ({query}) WHERE c = {number}", (record_id,))
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


def _closure(edges: list[Edge], numbers: dict[str, int]) -> str:
    """All doomed (c, id), `c` being the collection's number. Its one parameter: the record."""
    lists = [edge for edge in edges if edge.field.multiple]
    rounds = _LIST_ROUNDS if lists else 1
    tables = []
    for number in range(rounds):
        # The record's own collection has the number 0.
        seeds = ["SELECT 0, CAST(? AS TEXT)"]
        if number:
            seeds = _emptied_lists(number, lists, numbers)
        follows = [
            f'SELECT {numbers[edge.source.id]}, x."id" FROM d{number} d'
            f" CROSS JOIN {quote_identifier(edge.source.table)} x"
            f" WHERE d.c = {numbers[edge.target.id]} AND {edge.follows()}"
            for edge in edges
        ]
        tables.append(f"d{number}(c, id) AS MATERIALIZED ({' UNION '.join(seeds + follows)})")
    return f"WITH RECURSIVE {', '.join(tables)} SELECT c, id FROM d{rounds - 1}"


def _emptied_lists(number: int, lists: list[Edge], numbers: dict[str, int]) -> list[str]:
    """What round `number` starts from: the answer before, and lists that hold nothing else."""
    before = f"d{number - 1}"
    seeds = [f"SELECT c, id FROM {before}"]
    for edge in lists:
        column = edge.column
        seeds.append(
            f'SELECT {numbers[edge.source.id]}, x."id" FROM {quote_identifier(edge.source.table)} x'
            f" CROSS JOIN {edge.items} CROSS JOIN {before} d"
            f" WHERE {column} <> '[]' AND d.c = {numbers[edge.target.id]} AND d.id = j.value"
            f" GROUP BY x._rowid_ HAVING count(DISTINCT j.value) ="
            f" (SELECT count(DISTINCT j.value) FROM {edge.items})"
        )
    return seeds


def _by_distance(members: dict[str, Collection], edges: list[Edge], record_id: str) -> Doomed:
    """The sets where collections cascade in a circle."""
    numbers = {key: number for number, key in enumerate(members)}
    follows = [
        f'SELECT {numbers[edge.source.id]}, x."id", d.far + 1 FROM d'
        f" CROSS JOIN {quote_identifier(edge.source.table)} x WHERE d.c = {numbers[edge.target.id]}"
        f" AND d.far <= {CASCADE_LEVELS_MAX} AND {edge.follows()}"
        for edge in edges
    ]
    union = " UNION ".join(["SELECT 0, CAST(? AS TEXT), 0", *follows])
    query = (
        f"WITH RECURSIVE d(c, id, far) AS ({union})"
        " SELECT c, id, min(far) AS far FROM d GROUP BY c, id"
    )
    params = (record_id,)
    sets = {
        key: IdSet(f"SELECT id FROM ({query}) WHERE c = {number}", params)
        for key, number in numbers.items()
    }
    batches = [
        (
            members[key],
            IdSet(f"SELECT id FROM ({query}) WHERE c = {number} AND far = {far}", params),
        )
        for far in range(CASCADE_LEVELS_MAX, 0, -1)
        for key, number in numbers.items()
    ]
    beyond = IdSet(f"SELECT id FROM ({query}) WHERE far > {CASCADE_LEVELS_MAX}", params)
    return Doomed(sets, batches, beyond)
