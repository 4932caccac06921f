"""Reading a database by its file alone: for commands and for what plans outside a worker.

There is no status page to look at, so what was read may be old by the time that it is used; the
writer judges every plan made from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from shared.errors import Kind, QuillError
from shared.schema.catalog import CATALOG_SQL, Catalog
from shared.sql.plan import Value
from shared.sqlite.connect import open_reader
from shared.sqlite.driver import CantOpenError, Connection, Error, SQLError
from shared.sqlite.failures import finds_no_room
from shared.sqlite.foreign import damage_of, open_foreign
from shared.sqlite.schemas import follow_folder

_VERSION: Final = "SELECT catalog FROM _head"
_FAILURES: Final = (Error, TypeError, ValueError)  # the driver's, and of what cannot be bound


class ReadError(QuillError):
    """The file cannot be read, or not so; the message is SQLite's.

    UNAVAILABLE where it cannot be opened, DISK_FULL where that would have to be written, else
    INVALID.  `other_schema`: a statement is about what the file does not have, or no longer.
    """

    def __init__(self, error: Exception | str, before: str = "") -> None:
        self.other_schema = isinstance(error, SQLError)
        kind = Kind.INVALID
        if isinstance(error, CantOpenError | OSError):
            kind = Kind.UNAVAILABLE
        elif isinstance(error, Error) and finds_no_room(error):
            kind, error = Kind.DISK_FULL, "the disk is full"
        super().__init__(kind, f"{before}{error}")


class OfflineReader:
    """A read-only connection to one file. Use as a context manager, in one thread."""

    def __init__(self, path: Path, *, held: bool = False, foreign: bool = False) -> None:
        """Open an existing file. Raises ReadError.

        `held`: all that is read belongs to one state, until the end. What serves requests must not
        hold one, since the log of writes grows meanwhile.
        `foreign`: a private copy of another program's file, into which its own log is merged.
        SQLite looks through all of it, and a damaged one is refused.
        """
        if not foreign:
            follow_folder(path.parent)  # its tables and views may call them by name
        try:
            self._connection = _looked_through(path) if foreign else open_reader(path)
            # A command reads whole tables once: mapped, they would count as its memory.
            self._connection.execute("PRAGMA mmap_size = 0").fetchall()
            if held:
                self._connection.execute("BEGIN")
        except (OSError, *_FAILURES) as error:
            raise ReadError(error, "" if foreign else f"{path} cannot be read: ") from None

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
        """The collections; none where the database has no table of them.

        Raises ReadError for a file of no depot, and as `Catalog.from_rows`.
        """
        try:
            version = self.value(_VERSION)
            assert isinstance(version, int)
            rows = self.rows(CATALOG_SQL) if self.has_collections else ()
        except ReadError as error:
            raise ReadError(f"This is no database of a depot: {error}.") from None
        return Catalog.from_rows(version, rows)

    @property
    def has_collections(self) -> bool:
        """It is a database that may have some."""
        return self.has_table("_collections")

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return self.row(found, (name,)) is not None

    def attach(self, path: Path, name: str) -> None:
        """Attach another file under `name`, to be read only as this one is. Raises ReadError."""
        self.rows(f"ATTACH ? AS {name}", (str(path),))

    def value(self, sql: str, params: Sequence[Value] = ()) -> Value:
        """First column of the first row; None when there is no row. Raises ReadError."""
        found: tuple[Value, ...] | None = self.row(sql, params)
        return None if found is None else found[0]

    def row(self, sql: str, params: Sequence[Value] = ()) -> tuple[Any, ...] | None:
        """The first row. Raises ReadError."""
        return next(iter(self.rows(sql, params)), None)

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """Every row. Raises ReadError."""
        try:
            return self._connection.execute(sql, params).fetchall()
        except _FAILURES as error:
            raise ReadError(error) from None

    def named_rows(self, sql: str, params: Sequence[Value] = ()) -> list[dict[str, Value]]:
        """Every row, by the names of its columns. Raises ReadError."""
        found: list[dict[str, Value]] = []
        try:
            cursor = self._connection.execute(sql, params)
            for row in cursor:
                names = (str(column[0]) for column in cursor.get_description())
                found.append(dict(zip(names, row, strict=True)))
        except _FAILURES as error:
            raise ReadError(error) from None
        return found

    def stream(self, sql: str, params: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        """Row by row. Raises ReadError where one cannot be read or worked out."""
        try:
            yield from self._connection.execute(sql, params)
        except _FAILURES as error:
            raise ReadError(error) from None


def _looked_through(copied: Path) -> Connection:
    """Raises the driver's errors, and ValueError with what SQLite finds wrong."""
    connection = open_foreign(copied)
    try:
        if found := damage_of(connection):
            raise ValueError("; ".join(found))
    except _FAILURES:
        connection.close()
        raise
    return connection
