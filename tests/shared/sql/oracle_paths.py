"""Random paths through a world: ones that exist, as a rule, and lead somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.shared.sql.oracle_judge import extracted
from tests.shared.sql.oracle_schemas import SENDABLE, Draw
from tests.shared.sql.oracle_tree import Name, Operand
from tests.shared.sql.oracle_world import Column, Scalar, Table

LENGTHS = [0, 0, 1, 1, 1, 2, 2, 3]
INNER = [(), ("a",), ("a", "0", "b"), ("s",), ("a", "b"), ("0",), ("0", "a")]


@dataclass(frozen=True)
class Voice:
    """Who writes. `client`: a filter of a client; `body`: the body of a request may be spoken of.

    `flat`: only the row's own fields. `careless`: hidden and forbidden things are named, too.
    """

    tables: dict[str, Table]
    table: Table
    client: bool
    body: bool = True
    careless: bool = False
    flat: bool = False

    def may_join(self, name: str) -> bool:
        """Whether a path may lead there without being an error."""
        return self.careless or not self.client or self.tables[name].rule is not None

    def may_name(self, column: Column) -> bool:
        """Whether a path may end or go through there."""
        secret = column.name in ("password", "tokenKey")
        return self.careless or not (secret or (self.client and column.hidden))


@dataclass(frozen=True)
class Heard:
    """An operand. `kind`: text, number, json, flag, or "" where nothing tells beforehand.

    `pool`: values that it may well have. `at`: the table that a path ends in, at its `column`.
    """

    operand: Operand
    kind: str = ""
    pool: tuple[Scalar, ...] = ()
    at: Table | None = None
    column: Column | None = None

    @property
    def joined(self) -> bool:
        """Whether the value stands in another row than the one in question."""
        name = self.operand
        if not isinstance(name, Name) or self.column is None:
            return False
        return name.root == "collection" or name.parts[0] != self.column.name


def _of(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def path(draw: Draw, voice: Voice, root: str, ends: tuple[str, ...] = ()) -> Heard:
    """A path from the row, or from the caller, over up to three relations to a value.

    `ends`: it goes to a field of one of these kinds if there is one.
    """
    start = voice.table if root == "row" else voice.tables["users"]
    if root == "auth" and draw(st.integers(0, 9)) == 0:
        return Heard(Name("auth", (*draw(_of([(), ("missing",)])), "lacking")))
    parts, table = _walked(draw, voice, start, 0 if voice.flat else draw(_of(LENGTHS)))
    if root == "auth" and not parts:
        return _of_caller(draw, start)
    return _ended(draw, voice, Name(root, parts), table, ends)


def _of_caller(draw: Draw, users: Table) -> Heard:
    """A value of the caller's own record, known before any row is read."""
    column = draw(_of([one for one in users.columns.values() if not one.hidden]))
    inner, modifier = _inner(draw, column), _modifier(draw, column)
    if column.many and not modifier:
        modifier = "each"
    name = Name("auth", (column.name, *inner), modifier)
    kind = "number" if modifier == "length" else column.compares
    known = modifier not in ("each", "length") and kind != "json"
    return Heard(name, "" if known else kind, _pool(users, column, inner, modifier))


def near(draw: Draw, voice: Voice, heard: Heard) -> Heard:
    """Another value of the same related row."""
    name = heard.operand
    assert isinstance(name, Name)
    assert heard.at is not None
    assert heard.column is not None
    stem = name.parts[: -1 - name.parts[::-1].index(heard.column.name)]
    return _ended(draw, voice, Name(name.root, stem, "", name.collection, name.alias), heard.at)


def crossed(draw: Draw, voice: Voice) -> Heard:
    """`@collection`, under one of two names."""
    table = voice.tables[draw(_of([name for name in voice.tables if name[0] != "_"]))]
    name = Name("collection", (), "", table.name, draw(_of(["", "", "b"])))
    parts, end = _walked(draw, voice, table, draw(_of([0, 0, 0, 1])))
    return _ended(draw, voice, Name("collection", parts, "", name.collection, name.alias), end)


def _walked(draw: Draw, voice: Voice, table: Table, hops: int) -> tuple[tuple[str, ...], Table]:
    parts: tuple[str, ...] = ()
    for _ in range(hops):
        steps = _steps(voice, table)
        if not steps:
            break
        part, target = draw(_of(steps))
        parts, table = (*parts, part), voice.tables[target]
    return parts, table


def _steps(voice: Voice, table: Table) -> list[tuple[str, str]]:
    """The relations of a table, and those that lead back to it."""
    forth = [
        (one.name, one.target)
        for one in table.columns.values()
        if one.kind == "relation" and voice.may_name(one)
    ]
    back = [
        (f"{other.name}_via_{one.name}", other.name)
        for other in voice.tables.values()
        for one in other.columns.values()
        if one.kind == "relation" and one.target == table.name and voice.may_name(one)
    ]
    return [step for step in (*forth, *back) if voice.may_join(step[1])]


def _ended(draw: Draw, voice: Voice, stem: Name, table: Table, ends: tuple[str, ...] = ()) -> Heard:
    """The path that ends in some field of the table it has come to."""
    known = [one for one in table.columns.values() if voice.may_name(one)]
    wanted = [one for one in known if one.kind in ends]
    column = draw(_of(wanted or known))
    inner, modifier = _inner(draw, column), "" if wanted else _modifier(draw, column)
    name = Name(
        stem.root, (*stem.parts, column.name, *inner), modifier, stem.collection, stem.alias
    )
    kind = "number" if modifier == "length" else column.compares
    return Heard(name, kind, _pool(table, column, inner, modifier), table, column)


def _inner(draw: Draw, column: Column) -> tuple[str, ...]:
    if column.kind == "json":
        return draw(_of(INNER))  # type: ignore[no-any-return]
    if column.kind == "geoPoint":
        return draw(_of([("lon",), ("lat",), ("lat",), ()]))  # type: ignore[no-any-return]
    return ()


def _modifier(draw: Draw, column: Column) -> str:
    if column.many:
        return draw(_of(["each", "each", "length", ""]))  # type: ignore[no-any-return]
    if column.kind in ("text", "email"):
        return draw(_of(["", "", "", "lower"]))  # type: ignore[no-any-return]
    return ""


def _pool(
    table: Table, column: Column, inner: tuple[str, ...], modifier: str
) -> tuple[Scalar, ...]:
    """The values that stand there, in the order of the rows."""
    found: list[Any] = []
    for row in table.rows:
        value = row[column.name]
        if isinstance(value, list):
            found += [len(value)] if modifier == "length" else value
        elif column.compares == "json":
            found.append(extracted(value, inner))
        else:
            found.append(value)
    return tuple(dict.fromkeys(found))


def of_body(draw: Draw, voice: Voice) -> Heard:
    """A value of the body, something about it, or what it refers to."""
    known = [one for name, one in voice.table.columns.items() if name in SENDABLE]
    column = draw(_of(known))
    modifier = draw(_of(["isset", "changed", "", "", "path", "path"]))
    if modifier in ("isset", "changed"):
        return Heard(Name("body", (column.name,), modifier), "flag")
    if column.kind == "relation" and modifier == "path" and voice.may_join(column.target):
        return _ended(draw, voice, Name("body", (column.name,)), voice.tables[column.target])
    if column.many:
        modifier = draw(_of(["each", "length"]))
        kind = "number" if modifier == "length" else ""
        return Heard(Name("body", (column.name,), modifier), kind, ("a", "x1", 1))
    name = Name("body", (draw(_of([column.name, column.name, "extra"])),))
    return Heard(name, pool=_pool(voice.table, column, (), ""))


def sort_keys(draw: Draw, voice: Voice) -> list[tuple[str, tuple[str, ...]]]:
    """One to three keys, each a direction and a path over single relations."""
    many = draw(_of([1, 2, 3]))
    return [(draw(_of(["", "-", "+"])), _sort_path(draw, voice)) for _ in range(many)]


def _sort_path(draw: Draw, voice: Voice) -> tuple[str, ...]:
    table = voice.table
    parts: tuple[str, ...] = ()
    for _ in range(draw(_of([0, 0, 1, 2]))):
        steps = [
            (one.name, one.target)
            for one in table.columns.values()
            if one.kind == "relation" and not one.many and voice.may_name(one)
        ]
        steps = [step for step in steps if voice.may_join(step[1])]
        if not steps:
            break
        part, target = draw(_of(steps))
        parts, table = (*parts, part), voice.tables[target]
    known = [one for one in table.columns.values() if voice.may_name(one) and _sorts(one)]
    return (*parts, draw(_of(known)).name)


def _sorts(column: Column) -> bool:
    return column.compares != "json" and not column.many
