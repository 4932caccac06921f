"""Another program's database, read from a private copy of its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shared.sql.plan import Value
from shared.sqlite.driver import Error
from shared.sqlite.foreign import damage_of, open_foreign


class DamagedError(Exception):
    """A file that is no database, or a damaged one; the text says what SQLite found."""


class ForeignDatabase:
    """The copy while it is read. Use as a context manager, in one thread."""

    def __init__(self, copied: Path) -> None:
        """Open the copy and have SQLite look through all of it. Raises DamagedError."""
        try:
            self._connection = open_foreign(copied)
            found = damage_of(self._connection)
        except (Error, UnicodeDecodeError) as error:
            raise DamagedError(str(error)) from None
        if found:
            self._connection.close()
            raise DamagedError("; ".join(found))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._connection.close()

    def rows(self, sql: str, params: Sequence[Value] = ()) -> Iterator[tuple[Any, ...]]:
        """Row by row. Raises DamagedError where one cannot be read."""
        try:
            yield from self._connection.execute(sql, params)
        except (Error, UnicodeDecodeError) as error:
            raise DamagedError(str(error)) from None

    def row(self, sql: str, params: Sequence[Value] = ()) -> tuple[Any, ...] | None:
        """The first row."""
        return next(self.rows(sql, params), None)
