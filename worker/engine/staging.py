"""A private SQLite file beside the depot's, filled with rows that the writer is to take over.

It is nobody else's: never synced, and thrown away after use. The writer attaches it
read-only while it runs the plan that takes the rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from shared.errors import Kind, QuillError
from shared.sql.plan import Value
from shared.sqlite.driver import ConstraintError, Error
from shared.sqlite.private import open_private

_INDEX: Final = re.compile(r"CREATE (?:UNIQUE )?INDEX ", re.ASCII)


class NotUniqueError(Exception):
    """Rows stand in the way of a unique index."""


class StagedFile:
    """The file while it is being filled. Close it before the writer is told of it.

    All raise QuillError DISK_FULL where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        """Make the file, or go on with it."""
        self.path = path
        self._closed = False
        try:
            self._connection = open_private(path)
            self._connection.execute("BEGIN")
        except Error as error:
            raise _no_space(error) from None

    def close(self) -> None:
        """Write what is left to the file; again is harmless."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except Error as error:
            raise _no_space(error) from None
        finally:
            self._connection.close()

    def run(self, sql: str, params: Sequence[Value] = ()) -> None:
        """One statement whose rows do not matter."""
        try:
            self._connection.execute(sql, params)
        except Error as error:
            raise _no_space(error) from None

    def add(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """The same statement for each of the rows."""
        try:
            self._connection.executemany(sql, rows)
        except Error as error:
            raise _no_space(error) from None

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Every row of a query."""
        return self._connection.execute(sql, params).fetchall()

    def make_unique(self, sql: str) -> None:
        """Make a unique index. Raises NotUniqueError where rows forbid it; nothing is made then."""
        assert _INDEX.match(sql)
        try:
            self._connection.execute(sql)
        except ConstraintError:
            raise NotUniqueError from None
        except Error as error:
            raise _no_space(error) from None


def _no_space(error: Error) -> QuillError:
    """What can go wrong with statements of our own on a file of our own."""
    return QuillError(Kind.DISK_FULL, f"The staged rows cannot be written: {error}.")
