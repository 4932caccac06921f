"""How a database file is opened, for reading and for writing; every pragma with its reason.

Connections are made here and nowhere else. It must never `open()` a database file by other means:
closing such a descriptor drops SQLite's locks in the whole process. Both kinds take URIs, so that
another file can be attached for reading only (`file:…?mode=ro`).
"""

from __future__ import annotations

from pathlib import Path

import apsw

from shared import limits
from shared.sqlite.functions.register import register


def open_reader(path: str | Path, *, like_is_case_sensitive: bool = False) -> apsw.Connection:
    """A read-only connection to an existing database. Raises apsw.CantOpenError, apsw.IOError.

    `like_is_case_sensitive`: for SQL that expects it, as the writer's connection is.
    """
    connection = apsw.Connection(
        str(path),
        flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        statementcachesize=limits.STATEMENT_CACHE_ENTRIES,
    )
    _wait_when_busy(connection)
    _refuse_writes(connection)
    _distrust_schema(connection)
    _cache(connection, limits.READER_CACHE_KIB)
    _map_file(connection)
    _sort_in_memory(connection)
    _bound_patterns(connection)
    _bound_answers(connection)
    if like_is_case_sensitive:
        _like_is_case_sensitive(connection)
    register(connection)
    return connection


def open_writer(path: str | Path) -> apsw.Connection:
    """The read-write connection, in WAL mode; creates the file. Raises apsw.Error."""
    connection = apsw.Connection(
        str(path),
        flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI,
        statementcachesize=limits.STATEMENT_CACHE_ENTRIES,
    )
    _wait_when_busy(connection)
    _write_ahead(connection)
    _sync_each_commit(connection)
    _enforce_foreign_keys(connection)
    _distrust_schema(connection)
    _like_is_case_sensitive(connection)
    _cache(connection, limits.WRITER_CACHE_KIB)
    _map_file(connection)
    _sort_in_memory(connection)
    _bound_patterns(connection)
    register(connection)
    return connection


def _set(connection: apsw.Connection, pragma: str) -> object:
    return connection.execute(f"PRAGMA {pragma}").get


def _wait_when_busy(connection: apsw.Connection) -> None:
    """Opening, recovery and checkpoints take locks for moments; without this they raise Busy."""
    connection.set_busy_timeout(limits.DATABASE_BUSY_MS)


def _refuse_writes(connection: apsw.Connection) -> None:
    """A second net: the file is opened read-only, and no ATTACH may get around that."""
    _set(connection, "query_only = ON")


def _write_ahead(connection: apsw.Connection) -> None:
    """Readers never wait for the writer, nor it for them.

    Raises OSError when the file system cannot do it (no shared memory).
    """
    mode = _set(connection, "journal_mode = WAL")
    if mode != "wal":
        raise OSError(f"{connection.filename} stays in journal mode {mode}; WAL is needed")


def _sync_each_commit(connection: apsw.Connection) -> None:
    """An acknowledged write survives a power cut. In WAL mode this is one fsync a commit."""
    _set(connection, "synchronous = FULL")


def _enforce_foreign_keys(connection: apsw.Connection) -> None:
    """Off by default in SQLite; users' own tables rely on it."""
    _set(connection, "foreign_keys = ON")


def _distrust_schema(connection: apsw.Connection) -> None:
    """A view or trigger may not call functions with side effects."""
    _set(connection, "trusted_schema = OFF")


def _like_is_case_sensitive(connection: apsw.Connection) -> None:
    """A switch of the whole connection: SQL rules are written for it."""
    _set(connection, "case_sensitive_like = ON")


def _cache(connection: apsw.Connection, kib: int) -> None:
    """SQLite's default of 2 MB halves the rate of point reads. Filled on demand."""
    _set(connection, f"cache_size = -{kib}")


def _map_file(connection: apsw.Connection) -> None:
    """Pages are read without a system call and shared between the processes' caches."""
    _set(connection, f"mmap_size = {limits.MMAP_BYTES}")


def _sort_in_memory(connection: apsw.Connection) -> None:
    """Sorting must work on a full disk."""
    _set(connection, "temp_store = MEMORY")


def _bound_patterns(connection: apsw.Connection) -> None:
    """LIKE takes the product of both lengths within one step, where no clock can end it."""
    connection.limit(apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits.LIKE_PATTERN_BYTES_MAX)


def _bound_answers(connection: apsw.Connection) -> None:
    """A page is one text, so this bounds it. Rows that are larger can still be read in parts."""
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, limits.READ_BYTES_MAX)
