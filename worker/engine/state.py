"""One state of a database, read by its file alone for as long as it is held.

For what is planned outside a worker: everything that a migration reads belongs together, however
long it takes. It must not be held by what serves requests, since the log of writes grows meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.errors import Kind, QuillError
from shared.schema.catalog import CATALOG_SQL, Catalog
from shared.sql.plan import Value
from shared.sqlite.connect import open_reader
from shared.sqlite.driver import Error


class ReadError(QuillError):
    """The database cannot be read, or not so; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__(Kind.INVALID, message)


class State:
    """A read-only connection within one transaction. Use as a context manager, in one thread."""

    def __init__(self, path: Path) -> None:
        """Open an existing file. Raises ReadError."""
        try:
            self._connection = open_reader(path)
            self._connection.execute("BEGIN")
        except (Error, OSError) as error:
            raise ReadError(f"{path} cannot be read: {error}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Every row. Raises ReadError."""
        try:
            return self._connection.execute(sql, params).fetchall()
        except (Error, TypeError, ValueError) as error:
            raise ReadError(str(error)) from None

    def named_rows(self, sql: str, params: Sequence[Value] = ()) -> list[dict[str, Value]]:
        """Every row, by the names of its columns. Raises ReadError."""
        found: list[dict[str, Value]] = []
        try:
            cursor = self._connection.execute(sql, params)
            for row in cursor:
                names = (str(column[0]) for column in cursor.get_description())
                found.append(dict(zip(names, row, strict=True)))
        except (Error, TypeError, ValueError) as error:
            raise ReadError(str(error)) from None
        return found

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        return bool(
            self.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,))
        )

    @property
    def has_collections(self) -> bool:
        """It is a database that may have some."""
        return self.has_table("_collections")

    def catalog(self) -> Catalog:
        """Its collections, none where it has no table of them. Raises as `Catalog.from_rows`."""
        version = self.rows("SELECT catalog FROM _head")[0][0]
        assert isinstance(version, int)
        if not self.has_collections:
            return Catalog(version, ())
        return Catalog.from_rows(version, self.rows(CATALOG_SQL))
