"""One table or view of a database, and all of them by their names."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared.schema.tables.check import Check
from shared.schema.tables.column import Column
from shared.schema.tables.words import fold


class Kind(enum.Enum):
    """What stands under a name. A shadow table belongs to a virtual one."""

    TABLE = "table"
    VIEW = "view"
    VIRTUAL = "virtual"
    SHADOW = "shadow"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key. `to` has a name for each of `columns`, or None each for the primary key there.

    `on_delete` and `on_update` as SQLite says them: `CASCADE`, `NO ACTION`.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str | None, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"


class Origin(enum.Enum):
    """What makes values unique: an index of its own, or a constraint of the table."""

    INDEX = "c"
    UNIQUE = "u"
    PRIMARY_KEY = "pk"


@dataclass(frozen=True, slots=True)
class Unique:
    """Columns whose values no two rows share; an expression stands as None.

    A rowid has none, for it has no index. `partial`: only among the rows of the index's WHERE.
    """

    columns: tuple[str | None, ...]
    collations: tuple[str, ...]
    origin: Origin
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view.

    `schema`: `main`, or the name its database is attached by. `primary_key`: in the key's order; of
    a view the column that stands for one. `repeats`: of a view, that rows may share its value, since
    tables are joined. `rowid`: the column that is the rowid, if one is.
    `checks`: None where the definition was not understood. `sql`: the definition as SQLite stores
    it. `problem`: what is not known of it, for the one who made it; `""` if all is.
    """

    name: str
    schema: str = "main"
    kind: Kind = Kind.TABLE
    strict: bool = False
    without_rowid: bool = False
    columns: tuple[Column, ...] = ()
    primary_key: tuple[str, ...] = ()
    repeats: bool = False
    rowid: str | None = None
    foreign_keys: tuple[ForeignKey, ...] = ()
    uniques: tuple[Unique, ...] = ()
    checks: tuple[Check, ...] | None = ()
    sql: str = ""
    problem: str = ""

    @property
    def temporary(self) -> bool:
        """Whether it is gone when its connection is."""
        return fold(self.schema) == "temp"

    @property
    def generated(self) -> tuple[Column, ...]:
        """Columns that no write may name."""
        return tuple(column for column in self.columns if column.generated is not None)

    @property
    def key(self) -> Column | None:
        """The primary key, if it is one column."""
        return self.column(self.primary_key[0]) if len(self.primary_key) == 1 else None

    def column(self, name: str) -> Column | None:
        """A column by its name, as SQLite compares names."""
        wanted = fold(name)
        return next((column for column in self.columns if fold(column.name) == wanted), None)


class Tables:
    """The tables and views of one database."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._by_name = {fold(table.name): table for table in tables}

    def __iter__(self) -> Iterator[Table]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> Table | None:
        """A table or view by its name, as SQLite compares names."""
        return self._by_name.get(fold(name))

    def referred(self, column: Column) -> tuple[Table, Column] | None:
        """The table and column that a column refers to, if both are there."""
        reference = column.reference
        table = self.find(reference.table) if reference is not None else None
        if table is None or reference is None:
            return None
        found = table.key if reference.column is None else table.column(reference.column)
        return (table, found) if found is not None else None
