"""Record APIs: tables and views as they are served, after the settings and what SQLite says of them.

The settings name a table and say who may do what; a `RecordApi` is that together with the table's
columns, its key and the SQL rules, all of them checked. An entry of the settings that cannot be
served is kept with the reason as a `BrokenApi`, so that one mistake costs one API.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.config.record_api import ConflictResolution
from shared.schema.tables.column import Column
from shared.schema.tables.eligibility import Key
from shared.schema.tables.table import Kind, Table
from shared.schema.tables.words import fold


class Permission(enum.IntFlag):
    """What somebody may do with an API, a bit each; the values are those of the settings."""

    NONE = 0
    CREATE = 1
    READ = 2
    UPDATE = 4
    DELETE = 8
    SCHEMA = 16


class Action(enum.Enum):
    """What a request does. Each has a `bit`, and may have a rule."""

    READ = Permission.READ
    CREATE = Permission.CREATE
    UPDATE = Permission.UPDATE
    DELETE = Permission.DELETE
    SCHEMA = Permission.SCHEMA

    def __init__(self, permission: Permission) -> None:
        self.bit = int(permission)  # flags of an enum take ten times as long (m)

    @property
    def has_row(self) -> bool:
        """Whether its rule may speak of `_ROW_`: the record as it stands."""
        return self in (Action.READ, Action.UPDATE, Action.DELETE)

    @property
    def has_request(self) -> bool:
        """Whether its rule may speak of `_REQ_` and `_REQ_FIELDS_`: what was sent."""
        return self in (Action.CREATE, Action.UPDATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlRule:
    """One SQL expression that was prepared alone, and what it speaks of.

    `text`: as the settings have it. `condition`: as a part of statements over `_ROW_`, with `?1`,
    `?2`, … for what `wants` lists: `_USER_`, `_REQ_FIELDS_`, or a column of `_REQ_`
    (`shared.sql.api.rules`). `reads`: the tables and views that it reads besides, in lower case,
    each as `database.table`.
    """

    text: str
    condition: str
    wants: tuple[str, ...] = ()
    uses_user: bool = False
    uses_row: bool = False
    uses_req: bool = False
    uses_fields: bool = False
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """What an expandable column refers to. `key`: the column there that its values name.

    `columns`: those of the table that are shown, in its order.
    """

    table: Table
    key: Column
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordApi:
    """A table or view as an API.

    `database`: `main`, or the name of one beside it. `attached`: further databases that its rules
    may read. `columns`: those that the API has, in the table's order; excluded ones are none of
    them. `rules`: where an action has none its bits alone decide. `references`: what each column
    in `expand` refers to, by the name in `expand`. `autofill_user`: columns that take the id of
    who asks where a create leaves them out. `limit`: most rows of a page. `version`: of the
    catalogs that it was made of, main's first, then its own database's if that is another.
    """

    name: str
    database: str
    table: Table
    key: Key
    columns: tuple[Column, ...]
    limit: int
    attached: tuple[str, ...] = ()
    world: Permission = Permission.NONE
    authenticated: Permission = Permission.NONE
    rules: Mapping[Action, SqlRule] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    references: Mapping[str, Referred] = field(default_factory=dict)
    conflict: ConflictResolution | None = None
    autofill_user: tuple[str, ...] = ()
    subscriptions: bool = False
    version: tuple[int, ...] = ()

    @property
    def is_view(self) -> bool:
        """A view can only be read."""
        return self.table.kind is Kind.VIEW

    @property
    def shown(self) -> tuple[Column, ...]:
        """The columns of a record as it is read: no write-only ones."""
        return tuple(one for one in self.columns if not one.write_only and not one.hidden)

    @property
    def databases(self) -> tuple[str, ...]:
        """Every database beside main that a read of it needs, in the order of attaching."""
        names = (self.database, *self.attached)
        return tuple(dict.fromkeys(name for name in names if name != "main"))

    def column(self, name: str) -> Column | None:
        """A column of the API, as SQLite compares names; write-only ones too."""
        wanted = fold(name)
        return next((column for column in self.columns if fold(column.name) == wanted), None)

    def permits(self, action: Action, *, authenticated: bool) -> bool:
        """Whether the bits let somebody try; the rule, if there is one, decides after that."""
        bits = int(self.world)
        if authenticated:
            bits |= int(self.authenticated)
        return bits & action.bit != 0


@dataclass(frozen=True, slots=True)
class BrokenApi:
    """An API that the settings name and that cannot be served, and why."""

    name: str
    reason: str


class RecordApis:
    """The record APIs of one version of everything."""

    def __init__(
        self, apis: Iterable[RecordApi | BrokenApi], version: tuple[int, ...] = ()
    ) -> None:
        self._by_name = {one.name: one for one in apis}
        self.version = version

    def __iter__(self) -> Iterator[RecordApi | BrokenApi]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> RecordApi | BrokenApi | None:
        """An API by its name, which is compared letter by letter."""
        return self._by_name.get(name)

    def all(self) -> tuple[RecordApi | BrokenApi, ...]:
        """All of them, in the order of the settings."""
        return tuple(self._by_name.values())
