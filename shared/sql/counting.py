"""Counts that need not look at the rows they count: what an index or a side table knows already.

Measured on 100k rows (SQLite 3.54.1): who has a tag 0.7 ms instead of 17, who has not 1.2 instead of
34, whose author's organization is another than one 0.08 instead of 9.7, either of two indexed values
1.2 instead of 24.
"""

from __future__ import annotations

from typing import Final

from shared.language.expression import Comparator
from shared.quote import quote_identifier
from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.index import read_index
from shared.sql.clause import Clause, Sql, all_true, not_true, sql, where
from shared.sql.formula import All, Any, Formula, Leaf, Never
from shared.sql.hops import HopKind
from shared.sql.operands import Literal
from shared.sql.predicate import Fragment, fragment
from shared.sql.terms import ItemTerm, Known, PathTerm

_ARMS_MAX: Final = 4
"""Parts of an `||`: each one more is looked at without the rows of all those before it."""
_NOT_IN: Final = " NOT IN (SELECT "
_FEW_VALUES: Final = ("bool", "select")


def count_of(formula: Formula, clauses: list[Clause], collection: Collection) -> Fragment | None:
    """A cheaper count of what `clauses`, the parts of the formula, mean; None where there is none.

    `clauses`: of an `||` one clause a part, else the whole.
    """
    if collection.is_view:
        return None
    if isinstance(formula, Any):
        found = _sum(formula, clauses, collection)
    else:
        found = _whole(formula, clauses[0], collection)
    return None if found is None else fragment(found.text, found.params)


def _whole(formula: Formula, clause: Clause, collection: Collection) -> Sql | None:
    """Of a single condition: the rows of a side table, or all rows without those of the opposite."""
    if not isinstance(clause, Sql):
        return None
    if not clause.excludes or clause.opposite is None:
        return _of_items(formula, clause, negative=False)
    if _NOT_IN not in clause.text and not _differs(formula, collection):
        return None
    of_items = _of_items(formula, clause, negative=True)
    others = of_items if of_items is not None else _counted(collection, clause.turned())
    return sql("SELECT (", _counted(collection, True), ") - (", others, ")")


def _of_items(formula: Formula, clause: Clause, *, negative: bool) -> Sql | None:
    """Rows that have an item: as many as there are rows of it in the side table.

    No two rows there have the same item and record, and none outlives its record.
    """
    leaf = _only_leaf(formula)
    if leaf is None or leaf.negative is not negative or not isinstance(clause, Sql):
        return None
    wanted = Comparator.NOT_EQUAL if negative else Comparator.EQUAL
    for item, value in ((leaf.left, leaf.right), (leaf.right, leaf.left)):
        if (
            leaf.comparator is wanted
            and isinstance(item, ItemTerm)
            and item.node.parent is not None
            and item.node.parent.kind is HopKind.ROW
            and isinstance(value, Known)
            and isinstance(value.value, Literal)
            and not value.value.empty
        ):
            text = clause.opposite if negative else clause.text
            return _set_of(text or "", clause)
    return None


def _only_leaf(formula: Formula) -> Leaf | None:
    """The one comparison that a condition comes down to."""
    if isinstance(formula, Never):
        return formula.leaf
    if isinstance(formula, All):
        asked = [one for one in formula.parts if not (isinstance(one, Leaf) and one.implied)]
        return _only_leaf(asked[0]) if len(asked) == 1 else None
    return formula if isinstance(formula, Leaf) else None


def _set_of(text: str, clause: Sql) -> Sql | None:
    """The count of the set in `r._rowid_ IN (SELECT rid FROM …)`."""
    head, _, query = text.partition(" IN (SELECT ")
    _, _, source = query.removesuffix(")").partition(" FROM ")
    if head != "r._rowid_" or not source:
        return None
    return Sql(f"SELECT count(*) FROM {source}", clause.params)


def _sum(formula: Any, clauses: list[Clause], collection: Collection) -> Sql | None:
    """Each arm without the rows of those before it, where an index finds the rows of each.

    Arms of few different values come first: their rows are many, and only those of the later ones
    have to be looked at.
    """
    arms: list[tuple[int, Sql]] = []
    indexed = _indexed(collection)
    for part, clause in zip(formula.parts, clauses, strict=True):
        field = _searched(part)
        if field is None or field.name not in indexed or not isinstance(clause, Sql):
            return None
        arms.append((0 if field.type in _FEW_VALUES else 1, clause))
    if len(arms) > _ARMS_MAX:
        return None
    arms.sort(key=lambda arm: arm[0])
    counts: list[str | Sql] = []
    for place, (_, clause) in enumerate(arms):
        before = [not_true(other) for _, other in arms[:place]]
        counts += [
            " + (" if place else "SELECT (",
            _counted(collection, all_true([clause, *before])),
            ")",
        ]
    return sql(*counts)


def _differs(formula: Formula, collection: Collection) -> bool:
    """Whether it is the one value that an index can find that is not wanted."""
    field = _searched(formula, Comparator.NOT_EQUAL)
    return field is not None and field.name in _indexed(collection)


def _searched(part: Formula, comparator: Comparator = Comparator.EQUAL) -> Field | None:
    """The field of the row that a part compares with one value."""
    if not isinstance(part, Leaf) or part.comparator is not comparator or part.guards:
        return None
    for path, value in ((part.left, part.right), (part.right, part.left)):
        if isinstance(path, PathTerm) and isinstance(value, Known):
            reading = path.reading
            own = path.node.kind is HopKind.ROW and not reading.modifier
            return reading.field if own and not reading.field.multiple else None
    return None


def _indexed(collection: Collection) -> set[str]:
    """Names of the fields that an index over all rows begins with."""
    found = {"id", *(one.name for one in collection.fields if one.type == "relation")}
    for text in collection.indexes:
        index = read_index(text)
        if not index.where and len(index.keys[0]) == 1:
            found.add(index.keys[0][0].text)
    return found


def _counted(collection: Collection, clause: Clause) -> Sql:
    table = quote_identifier(collection.table)
    return sql(f"SELECT count(*) FROM {table} r", where(clause))
