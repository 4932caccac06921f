"""Whole database files: copied while a writer commits, checked, and given a new log.

A copy is the state of one moment: the source's read transaction is held from before the first page
until after the last, so the pages come from one snapshot, and a copy never begins anew because the
writer has committed meanwhile. Until it ends, the WAL cannot be emptied.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from shared.limits import BACKUP_PAGES_PER_STEP
from shared.schema.tables.builtin_schemas import BUILTIN
from shared.sqlite.connect import open_reader
from shared.sqlite.failures import finds_no_room
from shared.sqlite.functions.json_schema import jsonschema
from shared.sqlite.functions.register import register

_FAULTS_SHOWN: Final = 10


class CopyError(Exception):
    """A database file cannot be read, written or changed; says why."""


class Position(NamedTuple):
    """How far a database was: the log's feed id and last number, and the catalog's version."""

    feed: int = 0
    n: int = 0
    catalog: int = 0


def copy_database(source: Path, target: Path, progress: Callable[[int], None]) -> Position:
    """Make `target`, a new file, a copy of a database that others may be writing.

    `progress` is told how many bytes came with each step. The copy is not synced.
    Raises CopyError.
    """
    try:
        with (
            closing(open_reader(source)) as reading,
            closing(apsw.Connection(str(target))) as writing,
        ):
            writing.execute("PRAGMA synchronous = OFF")
            reading.execute("BEGIN")
            position = _position(reading)  # the first read: from here on the snapshot stands
            size = int(reading.pragma("page_size"))
            with writing.backup("main", reading, "main") as copying:
                done = 0
                while not copying.done:
                    copying.step(BACKUP_PAGES_PER_STEP)
                    before, done = done, copying.page_count - copying.remaining
                    progress((done - before) * size)
            reading.execute("ROLLBACK")
    except apsw.Error as error:
        # A copy that runs out of room says "not an error", since it is no statement that fails.
        reason = "the disk is full" if finds_no_room(error) else error
        raise CopyError(f"{source} cannot be copied: {reason}") from error
    return position


def faults_of(path: Path) -> list[str]:
    """What SQLite finds wrong with a database file that nobody else has open; the first few.

    Raises CopyError where the disk has no room for looking.
    """
    try:
        with closing(_open(path)) as connection:
            _admit_other_schemas(connection)
            rows = connection.execute(f"PRAGMA integrity_check({_FAULTS_SHOWN})").fetchall()
            faults = [str(row[0]) for row in rows if row[0] != "ok"]
            for number, row in enumerate(connection.execute("PRAGMA foreign_key_check")):
                if number == _FAULTS_SHOWN:
                    break
                faults.append(f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is gone")
    except apsw.Error as error:
        if finds_no_room(error):
            raise CopyError(f"{path} cannot be checked: the disk is full.") from error
        faults = [str(error)]
    return faults


def triggers_on(path: Path, tables: Collection[str]) -> list[str]:
    """Names of the triggers on these tables (in lower case). Raises CopyError."""
    try:
        with closing(_open(path)) as connection:
            found = connection.execute(
                "SELECT name, lower(tbl_name) FROM sqlite_schema WHERE type = 'trigger'"
            ).fetchall()
    except apsw.Error as error:
        raise CopyError(f"{path} cannot be read: {error}") from error
    return [str(name) for name, table in found if table in tables]


def tables_of(path: Path) -> frozenset[str]:
    """Names of the tables in a database file. Raises CopyError."""
    try:
        with closing(_open(path)) as connection:
            found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            return frozenset(str(name) for (name,) in found)
    except apsw.Error as error:
        raise CopyError(f"{path} cannot be read: {error}") from error


def position_of(path: Path) -> Position:
    """How far a database is; all 0 for one without a log of changes. Raises CopyError."""
    try:
        with closing(_open(path)) as connection:
            return _position(connection)
    except apsw.Error as error:
        raise CopyError(f"{path} cannot be read: {error}") from error


def renew_feed(path: Path) -> None:
    """Give a database that nobody has open a new feed id, so that no old position means anything.

    Raises CopyError.
    """
    try:
        with closing(_open(path)) as connection:
            if _has_head(connection):
                connection.execute("UPDATE _head SET feed = ?", (secrets.randbits(63) | 1,))
    except apsw.Error as error:
        raise CopyError(f"{path} cannot be changed: {error}") from error


def _open(path: Path) -> apsw.Connection:
    """Not as a writer opens it, whose journal would stay. Checks of tables may call functions."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.execute("PRAGMA trusted_schema = OFF")
    register(connection)
    return connection


def _admit_other_schemas(connection: apsw.Connection) -> None:
    """JSON schemas are settings, which may have changed since a row was stored: no fault of its."""
    connection.create_scalar_function(
        "jsonschema", _built_in_only, 2, deterministic=True, flags=apsw.SQLITE_INNOCUOUS
    )


def _built_in_only(*arguments: object) -> bool:
    name, value = arguments
    return name not in BUILTIN or jsonschema(name, value)


def _position(connection: apsw.Connection) -> Position:
    if not _has_head(connection):
        return Position()
    row: tuple[Any, ...] = connection.execute("SELECT feed, n, catalog FROM _head").fetchall()[0]
    return Position(int(row[0]), int(row[1]), int(row[2]))


def _has_head(connection: apsw.Connection) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_head'"
    ).fetchall()
    return bool(found)
