"""Rows of `_user` as values by column, whatever columns the depot's table has."""

from __future__ import annotations

from typing import Final

from shared.schema.catalog import Catalog
from shared.schema.fields.field import Value
from shared.sql.users import NEEDED_COLUMNS, USER_COLUMNS_SQL, user_sql
from worker.engine.snapshot import Snapshot

User = dict[str, Value]
"""One row, by the names of its columns; `id` is a blob of 16 bytes."""

_KEPT: Final = 4
_columns: dict[int, tuple[Catalog, tuple[str, ...]]] = {}
"""By the catalog's object: its version moves with every change of a table."""
_same: dict[tuple[str, ...], tuple[str, ...]] = {}
"""So that columns are one object, whichever catalog they were asked of."""


def user_columns(snapshot: Snapshot, catalog: Catalog) -> tuple[str, ...]:
    """The columns of `_user` in table order; none where there is no such table that users log in by."""
    known = _columns.get(id(catalog))
    if known is not None and known[0] is catalog:
        return known[1]
    names = tuple(str(name) for (name,) in snapshot.rows(USER_COLUMNS_SQL))
    columns = names if NEEDED_COLUMNS.issubset(names) else ()
    if len(_columns) >= _KEPT:
        _columns.clear()
        _same.clear()
    columns = _same.setdefault(columns, columns)
    _columns[id(catalog)] = catalog, columns
    return columns


def known_columns(catalog: Catalog) -> tuple[str, ...]:
    """The same without a look at the table; none where nobody has asked under this catalog."""
    known = _columns.get(id(catalog))
    return known[1] if known is not None and known[0] is catalog else ()


def read_user(snapshot: Snapshot, catalog: Catalog, by: str, value: str | bytes) -> User | None:
    """The user whose column `by` (`id`, `email` or `username`) has this value."""
    columns = user_columns(snapshot, catalog)
    if by not in columns:
        return None
    row = snapshot.row(user_sql(columns, by), (value,))
    if row is None or not isinstance(row[columns.index("id")], bytes):
        return None
    return dict(zip(columns, row, strict=True))


def is_verified(user: User) -> bool:
    """Whether the user has proven the address that he gave, where he gave one."""
    if user.get("verified") == 0:
        return False
    return user["email"] is not None or not user.get("unverified_email")
