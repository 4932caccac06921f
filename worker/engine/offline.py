"""Reading a database without a running server: by its file alone, one snapshot at a time.

For commands. There is no status page to look at, so what was read may be old by the time that it
is used; the writer judges every plan made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from shared.errors import Kind, QuillError
from shared.schema.catalog import CATALOG_SQL, Catalog
from shared.sql.plan import Value
from shared.sqlite.connect import open_reader
from shared.sqlite.driver import CantOpenError, Error, SQLError

_VERSION: Final = "SELECT catalog FROM _head"


class OtherSchemaError(Exception):
    """A statement is about tables or columns that the file does not have, or no longer."""


class OfflineReader:
    """A read-only connection to one database. Use as a context manager, in one thread."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises QuillError UNAVAILABLE where that cannot be done."""
        try:
            self._connection = open_reader(path)
        except (CantOpenError, OSError) as error:
            raise QuillError(Kind.UNAVAILABLE, f"{path} cannot be opened: {error}.") from None
        # A command reads whole tables once: mapped, they would count as its memory.
        self._connection.execute("PRAGMA mmap_size = 0").fetchall()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def catalog(self) -> Catalog:
        """The collections, within `snapshot`. Raises QuillError INVALID for a file of no depot."""
        try:
            version = self.value(_VERSION)
            assert isinstance(version, int)
            return Catalog.from_rows(version, self.rows(CATALOG_SQL))
        except OtherSchemaError as error:
            raise QuillError(Kind.INVALID, f"This is no database of a depot: {error}.") from None

    def attach(self, path: Path, name: str) -> None:
        """Attach another file under `name`, to be read only as this one is."""
        self._connection.execute(f"ATTACH ? AS {name}", (str(path),))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All queries within see one state of the database."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def value(self, sql: str, params: Sequence[Value] = ()) -> Value:
        """First column of the first row; None when there is no row. Raises OtherSchemaError."""
        found = self.rows(sql, params)
        return found[0][0] if found else None

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Every row. Raises OtherSchemaError."""
        try:
            return self._connection.execute(sql, params).fetchall()
        except SQLError as error:
            raise OtherSchemaError(str(error)) from None

    def stream(self, sql: str, params: Sequence[Value] = ()) -> Iterator[tuple[Value, ...]]:
        """Row by row. Raises QuillError INVALID where a row cannot be worked out."""
        try:
            yield from self._connection.execute(sql, params)
        except Error as error:
            raise QuillError(Kind.INVALID, f"The rows cannot be read: {error}.") from None
