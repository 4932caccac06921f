"""What the oracle judges in: tables of plain Python rows, a caller, and the facts of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.shared.sql.oracle_tree import Tree

Scalar = None | int | float | str
Row = dict[str, object]

NUMBERS = ("number", "bool")
LISTED = ("select", "relation")


@dataclass(frozen=True)
class Column:
    """A field: text, email, date, number, bool, json, geoPoint, select, relation or password.

    `many`: it holds a list. `unique`: an index holds its values apart.
    """

    name: str
    kind: str
    target: str = ""
    many: bool = False
    hidden: bool = False
    unique: bool = False

    @property
    def compares(self) -> str:
        """How its values compare: as text, number or json."""
        if self.kind in NUMBERS:
            return "number"
        return "json" if self.kind in ("json", "geoPoint") else "text"


@dataclass(eq=False)
class Table:
    """A collection. `rule`: its list rule, None for superusers only, "" for everybody.

    `rows`: texts, numbers, 0 and 1, lists of texts, JSON as its stored text, geoPoints as dicts.
    """

    name: str
    columns: dict[str, Column]
    auth: bool = False
    rule: Tree | str | None = ""
    rows: list[Row] = field(default_factory=list)

    def find(self, own_id: object) -> Row | None:
        """The row of that id."""
        return next((row for row in self.rows if row["id"] == own_id), None)


@dataclass(frozen=True)
class Asking:
    """The facts of a request."""

    method: str = "GET"
    context: str = "default"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)


@dataclass(eq=False)
class World:
    """All there is. `caller`: the name of an auth table and one of its rows; None for a guest."""

    tables: dict[str, Table]
    caller: tuple[str, Row] | None = None
    asking: Asking = field(default_factory=Asking)
    superuser: bool = False
    shown: dict[tuple[str, object], bool] = field(default_factory=dict, repr=False)
    """Table and id → whether the list rule shows that row to the caller: found out once."""


class InvalidError(Exception):
    """The expression means nothing here: a 400."""


class ForbiddenError(Exception):
    """The expression names what only rules may name: a 403."""
