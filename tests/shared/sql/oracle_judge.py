"""Which rows an expression means, found out the slow way: every assignment of joined rows is tried.

An expression is true when one assignment, one row for each distinct multi-valued prefix of its
paths, makes the whole of it true. An empty set gives one row of nothing, and so does a dangling id.
A plain operator over such a path also asks that no row of the full set makes its comparison false.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tests.shared.sql.oracle_functions import MACROS, called
from tests.shared.sql.oracle_routes import Hop, Route, Scope
from tests.shared.sql.oracle_tree import (
    Asked,
    Called,
    Macro,
    Name,
    Operand,
    Plain,
    Tree,
    names,
)
from tests.shared.sql.oracle_values import Seen, Truth, compare, lower
from tests.shared.sql.oracle_world import Row, Scalar, Table, World

Prefix = tuple[tuple[str, ...], tuple[Hop, ...]]
Chosen = dict[Prefix, object]
WORDS: dict[str, Scalar] = {"null": None, "true": 1, "false": 0}


def meant(tree: Tree, world: World, table: Table, rows: Sequence[Row], *, of: str) -> list[object]:
    """The ids of the rows that the tree means. `of`: "filter" or "rule".

    Raises InvalidError and ForbiddenError, whatever the rows are.
    """
    scope = Scope(world, table, of == "filter")
    scope.check(tree)
    return [row["id"] for row in rows if Judge(scope, row).holds(tree)]


class Judge:
    """One row in its world."""

    def __init__(self, scope: Scope, row: Row) -> None:
        self._scope = scope
        self._world = scope.world
        self._row = row

    def holds(self, tree: Tree) -> bool:
        """Whether some assignment makes the tree true."""
        return any(True for _ in self._ways(tree, {}))

    def read(self, name: Name) -> Scalar:
        """The value at the end of a path without variables, by which rows are sorted."""
        if self._scope.client and self._email_shown(self._scope.route(name), {}) is not True:
            return ""
        return self._named(name, {}).value

    def _ways(self, tree: Tree, chosen: Chosen) -> Iterator[Chosen]:
        """The assignments, as far as they matter here, that make the tree true."""
        if isinstance(tree, Asked):
            yield from self._comparison(tree, chosen)
        elif tree.word == "||":
            for part in tree.parts:
                yield from self._ways(part, chosen)
        else:
            yield from self._together(tree.parts, chosen)

    def _together(self, parts: tuple[Tree, ...], chosen: Chosen) -> Iterator[Chosen]:
        if not parts:
            yield chosen
            return
        for way in self._ways(parts[0], chosen):
            yield from self._together(parts[1:], way)

    def _comparison(self, asked: Asked, chosen: Chosen) -> Iterator[Chosen]:
        variables = self._variables(asked)
        if not asked.any_of and variables:
            full = self._assigned(variables, {})
            if any(self._truth(asked, way) is False for way in full):
                return
        for way in self._assigned(variables, chosen):
            if self._truth(asked, way) is True:
                yield way

    def _variables(self, asked: Asked) -> list[Prefix]:
        every = [*names(asked.left), *names(asked.right)]
        found = [one for name in every for one in self._scope.route(name).variables()]
        return list(dict.fromkeys(found))

    def _assigned(self, variables: Sequence[Prefix], chosen: Chosen) -> Iterator[Chosen]:
        if not variables:
            yield chosen
            return
        first, rest = variables[0], variables[1:]
        choices = [chosen[first]] if first in chosen else self._choices(first, chosen)
        for choice in choices:
            yield from self._assigned(rest, {**chosen, first: choice})

    def _choices(self, prefix: Prefix, chosen: Chosen) -> Sequence[object]:
        """The rows (or items) that a variable may stand for; one of nothing when there are none."""
        start, hops = prefix
        if not hops:
            return self._world.tables[start[1]].rows or [None]
        hop = hops[-1]
        parent = self._reached(start, hops[:-1], chosen)
        if parent is None:
            return [None]
        if hop.kind == "back":
            return self._naming(hop, parent) or [None]
        listed = parent.get(hop.field)
        if not isinstance(listed, list):
            listed = [] if listed in ("", None) else [listed]
        items = list(dict.fromkeys(listed)) or [None]
        return items if hop.kind == "each" else [self._found(hop.table, one) for one in items]

    def _reached(self, start: tuple[str, ...], hops: tuple[Hop, ...], chosen: Chosen) -> Row | None:
        """The row that a path has come to."""
        if (start, hops) in chosen:
            return chosen[start, hops]  # type: ignore[return-value]
        if not hops:
            return self._origin(start)
        parent = self._reached(start, hops[:-1], chosen)
        if parent is None:
            return None
        hop = hops[-1]
        if hop.kind == "lone":
            return next(iter(self._naming(hop, parent)), None)
        return self._found(hop.table, parent.get(hop.field))

    def _origin(self, start: tuple[str, ...]) -> Row | None:
        if start == ("row",):
            return self._row
        if start == ("auth",):
            return None if self._world.caller is None else self._world.caller[1]
        return dict(self._world.asking.body)

    def _found(self, table: str, own_id: object) -> Row | None:
        row = self._world.tables[table].find(own_id)
        return row if row is not None and self._seen(self._world.tables[table], row) else None

    def _naming(self, hop: Hop, parent: Row) -> list[Row]:
        """The rows of another table that name this one."""
        table = self._world.tables[hop.table]
        named = [row for row in table.rows if _names(row[hop.field], parent["id"])]
        return [row for row in named if self._seen(table, row)]

    def _seen(self, table: Table, row: Row) -> bool:
        """For a filter of a client, a row that the list rule hides does not exist."""
        if not self._scope.client or table.rule == "":
            return True
        assert table.rule is not None
        assert not isinstance(table.rule, str)
        key = (table.name, row["id"])
        if key not in self._world.shown:
            self._world.shown[key] = Judge(Scope(self._world, table), row).holds(table.rule)
        return self._world.shown[key]

    def _truth(self, asked: Asked, chosen: Chosen) -> Truth:
        left, right = (self._value(one, chosen) for one in (asked.left, asked.right))
        truths = [compare(asked.sign.removeprefix("?"), left, right)]
        if self._scope.client:
            routes = [self._scope.route(n) for n in (*names(asked.left), *names(asked.right))]
            truths += [self._email_shown(route, chosen) for route in routes]
        if False in truths:
            return False
        return None if None in truths else True

    def _email_shown(self, route: Route, chosen: Chosen) -> Truth:
        """A client compares only those addresses that their owners show."""
        if route.leaf is None or route.leaf.kind != "email":
            return True
        row = self._reached(route.start, route.hops, chosen)
        return None if row is None else row["emailVisibility"] == 1

    def _value(self, operand: Operand, chosen: Chosen) -> Seen:
        if isinstance(operand, Plain):
            return _literal(operand)
        if isinstance(operand, Macro):
            return Seen(MACROS[operand.name], "literal")
        if isinstance(operand, Called):
            arguments = [self._value(one, chosen).value for one in operand.arguments]
            return Seen(called(operand.function, arguments), "function", "json")
        return self._named(operand, chosen)

    def _named(self, name: Name, chosen: Chosen) -> Seen:
        if name.root in ("method", "context"):
            return Seen(getattr(self._world.asking, name.root), "request")
        if name.root in ("query", "headers"):
            told = getattr(self._world.asking, name.root)
            return self._told(name, told.get(name.parts[0]), isset=name.parts[0] in told)
        route = self._scope.route(name)
        if name.root == "body" and not route.hops:
            return self._sent(name)
        row = self._end(route, chosen)
        if route.hops and route.hops[-1].kind == "each":
            sent = route.start == ("body",) and len(route.hops) == 1
            return Seen(row, "request" if sent else "field", "" if sent else "text")  # type: ignore[arg-type]
        assert row is None or isinstance(row, dict)
        direct = name.root == "auth" and not route.hops
        return _field(route, row, direct=direct)

    def _end(self, route: Route, chosen: Chosen) -> object:
        """The row, or the item of a list, that a route ends at."""
        return self._reached(route.start, route.hops, chosen)

    def _sent(self, name: Name) -> Seen:
        """A value of the body, or something about it."""
        key, body = name.parts[0], self._world.asking.body
        if name.modifier == "changed":
            column = self._scope.table.columns[key]
            stored = _field(Route(("row",), (), column), self._row, direct=False)
            differs = key in body and compare("!=", _plain_seen(body[key]), stored) is True
            return Seen(int(differs), "literal", "number")
        if name.modifier == "length":
            value = body.get(key)
            items = value if isinstance(value, list) else [] if value in ("", None) else [value]
            return Seen(len(items), "literal", "number")
        return self._told(name, body.get(key), isset=key in body)

    def _told(self, name: Name, value: object, *, isset: bool) -> Seen:
        if name.modifier == "isset":
            return Seen(int(isset), "literal", "number")
        if name.modifier == "lower" and isinstance(value, str):
            return Seen(lower(value), "request")
        return _plain_seen(value)


def _names(stored: object, own_id: object) -> bool:
    return own_id in stored if isinstance(stored, list) else stored == own_id


def _literal(plain: Plain) -> Seen:
    if plain.sort == "text":
        return Seen(plain.text, "literal")
    if plain.sort == "word":
        value = WORDS[plain.text.lower()]
        return Seen(value, "literal", source="" if value is None else str(value))
    value = float(plain.text) if "." in plain.text else int(plain.text)
    return Seen(value, "literal", source=plain.text)


def _plain_seen(value: object) -> Seen:
    """A value of the request; a list is its JSON text."""
    if isinstance(value, list):
        value = json.dumps(value, separators=(",", ":"))
    return Seen(int(value) if isinstance(value, bool) else value, "request")  # type: ignore[arg-type]


def _field(route: Route, row: Row | None, *, direct: bool) -> Seen:
    """A field's value. `direct`: it is one of the caller's own record, known before any row is."""
    column = route.leaf
    if column is None:
        return Seen(None, "request")
    value = None if row is None else row.get(column.name)
    if route.modifier == "length":
        return Seen(len(value) if isinstance(value, list) else 0, "field", "number")
    if column.compares == "json":
        return Seen(extracted(value, route.inner), "field", "json")
    if isinstance(value, list):
        value = json.dumps(value, separators=(",", ":"))
    if route.modifier == "lower" and value is not None:
        value = lower(str(value))
    if direct:
        return Seen(value, "request")  # type: ignore[arg-type]
    return Seen(value, "field", column.compares)  # type: ignore[arg-type]


def extracted(stored: object, inner: tuple[str, ...]) -> Scalar:
    """What is found in JSON at the end of a path: digits count the items of a list."""
    try:
        value = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return None
    for part in inner:
        if part.isdigit():
            value = value[int(part)] if isinstance(value, list) and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert value is None or isinstance(value, int | float | str)
    return value
