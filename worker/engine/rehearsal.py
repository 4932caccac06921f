"""The tables and views of a catalog that is to be, made in memory: what SQLite thinks of them.

An index or a view is really made here before the writer is asked to make it, so a catalog that
SQLite would refuse, or a view that reads what it may not, is told to the one who asks for it.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from shared.schema.collection import Collection
from shared.schema.table import create_table
from shared.schema.view import create_view
from shared.sqlite.scratch import (
    Prepared,
    UserSqlError,
    open_scratch,
    prepare_select,
    run_definition,
)

__all__ = ["IndexRefusedError", "Prepared", "Rehearsal", "UserSqlError"]

_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})


class IndexRefusedError(Exception):
    """SQLite refuses an index; the text says why. `position`: where the definition lists it."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(reason)
        self.position = position


class Rehearsal:
    """Holds a database in memory. Use as a context manager, in one thread."""

    def __init__(self) -> None:
        self._connection = open_scratch()
        self._secrets: dict[str, frozenset[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def add_table(self, collection: Collection, *, whole: bool) -> None:
        """Make the table; `whole`: with its indexes. Raises IndexRefusedError."""
        statements = create_table(collection)
        for sql in statements if whole else statements[:1]:
            try:
                run_definition(self._connection, sql)
            except UserSqlError as error:
                if sql not in collection.indexes:
                    raise
                raise IndexRefusedError(collection.indexes.index(sql), str(error)) from None
        self._add_readable(collection)

    def add_view(self, collection: Collection) -> None:
        """Make the view, whose query `describe` has admitted. Raises UserSqlError."""
        run_definition(self._connection, create_view(collection))
        self._add_readable(collection)

    def describe(self, query: str) -> Prepared:
        """What a SELECT over what was added yields. Raises UserSqlError."""
        return prepare_select(self._connection, query, self._may_read)

    def _add_readable(self, collection: Collection) -> None:
        secrets = frozenset(field.name.lower() for field in collection.fields if field.secret)
        self._secrets[collection.name.lower()] = secrets

    def _may_read(self, table: str, column: str) -> bool:
        secrets = self._secrets.get(table.lower())
        if secrets is None:
            return table.lower() in _TABLE_FUNCTIONS
        return column.lower() not in secrets
