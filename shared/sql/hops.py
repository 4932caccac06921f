"""The steps of a path: from a row to related rows, each step a node of one tree.

Two paths that begin alike share nodes, so a node is also a variable of the language: within one
assignment it stands for one row, or for no row. Nodes that may stand for one of several rows are
`many`. A node knows no SQL.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

from shared.schema.collection import Collection
from shared.schema.fields.field import Field
from shared.schema.fields.relation import RelationField
from shared.schema.index import read_index


class HopKind(enum.Enum):
    """How a node's rows are found."""

    ROW = "row"
    """The row that the expression is about."""
    AUTH = "auth"
    """The caller's record."""
    BODY = "body"
    """The body of the request, as if it were a record."""
    NOWHERE = "nowhere"
    """What crossed collections start at."""
    ONE = "one"
    """The record that a relation field of the parent refers to, or that an item of a list names."""
    EACH = "each"
    """The items of a list in a field of the parent."""
    BACK = "back"
    """Records whose relation field refers to the parent."""
    CROSS = "cross"
    """All records of a collection."""


ROOTS: Final = (HopKind.ROW, HopKind.AUTH, HopKind.BODY, HopKind.NOWHERE)


class Node:
    """A step. `collection`: what its rows are records of; None for items of a list.

    `field`: the field that leads here, of the parent, or for BACK of `collection`. `name`: that of
    a list in the body.
    """

    __slots__ = ("_children", "collection", "depth", "field", "kind", "many", "name", "parent")

    def __init__(
        self,
        kind: HopKind,
        collection: Collection | None = None,
        parent: Node | None = None,
        field: Field | None = None,
        name: str = "",
    ) -> None:
        self.kind = kind
        self.name = name
        self.collection = collection
        self.parent = parent
        self.field = field
        self.many = kind in (HopKind.EACH, HopKind.CROSS) or (
            kind is HopKind.BACK and not _refers_once(collection, field)
        )
        # An item of a list and the record that it names are one step of a path.
        steps = 0 if kind in (HopKind.EACH, HopKind.CROSS, *ROOTS) else 1
        self.depth: int = steps + (0 if parent is None else parent.depth)
        self._children: dict[object, Node] = {}

    def one(self, field: RelationField, target: Collection) -> Node:
        """The record that the single relation `field` refers to."""
        return self._child(("one", field.id), HopKind.ONE, target, field)

    def several(self, field: RelationField, target: Collection) -> Node:
        """The records that the list in `field` refers to."""
        items = self._child(("several", field.id), HopKind.EACH, None, field)
        return items.one(field, target)

    def each(self, field: Field) -> Node:
        """The items of the list in `field`."""
        return self._child(("each", field.id), HopKind.EACH, None, field)

    def back(self, source: Collection, field: RelationField) -> Node:
        """The records of `source` whose `field` refers to this one."""
        return self._child(("back", source.id, field.id), HopKind.BACK, source, field)

    def cross(self, target: Collection, alias: str) -> Node:
        """All records of a collection, a variable of its own for each alias."""
        return self._child(("cross", target.id, alias), HopKind.CROSS, target, None)

    def sent_items(self, name: str) -> Node:
        """The items of a list in the body that is no field of the collection."""
        return self._child(("sent", name), HopKind.EACH, None, None, name)

    def _child(
        self,
        key: object,
        kind: HopKind,
        collection: Collection | None,
        field: Field | None,
        name: str = "",
    ) -> Node:
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = Node(kind, collection, self, field, name)
        return found

    def chain(self) -> list[Node]:
        """The nodes from the root to this one."""
        nodes = [self]
        while nodes[-1].parent is not None:
            nodes.append(nodes[-1].parent)
        return nodes[::-1]

    def within(self, other: Node) -> bool:
        """Whether this is `other` or stands below it."""
        return any(node is other for node in self.upward())

    def upward(self) -> Iterator[Node]:
        """This node and those above it."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


class Twins:
    """Nodes of their own for a second look at the same paths, from their first variable on."""

    def __init__(self) -> None:
        self._twins: dict[Node, Node] = {}

    def of(self, node: Node) -> Node:
        """The twin of a node; the node itself where no variable is above it."""
        if not any(one.many for one in node.upward()):
            return node
        found = self._twins.get(node)
        if found is None:
            assert node.parent is not None
            found = Node(node.kind, node.collection, self.of(node.parent), node.field, node.name)
            self._twins[node] = found
        return found


def _refers_once(collection: Collection | None, field: Field | None) -> bool:
    """Whether a unique index keeps two records from referring to the same one."""
    if collection is None or field is None or field.multiple:
        return False
    return any(
        index.unique
        and not index.where
        and len(index.keys) == 1
        and [token.text.lower() for token in index.keys[0][:1]] == [field.name.lower()]
        for index in map(read_index, collection.indexes)
    )
