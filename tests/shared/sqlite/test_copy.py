"""Copies of whole database files: one state, whatever is committed meanwhile."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from shared.limits import BACKUP_PAGES_PER_STEP
from shared.sqlite import copy
from shared.sqlite.connect import open_writer
from shared.sqlite.copy import (
    CopyError,
    Position,
    copy_database,
    faults_of,
    position_of,
    renew_feed,
    triggers_on,
)


def _database(path: Path, rows: int) -> None:
    with closing(open_writer(path)) as connection:
        connection.execute("CREATE TABLE t(n INTEGER PRIMARY KEY, filling BLOB)")
        connection.execute(
            "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
            " WHERE n < ?) SELECT n, zeroblob(4000) FROM c",
            (rows,),
        )
        connection.execute("CREATE TABLE _head(one, feed, n, catalog)")
        connection.execute("INSERT INTO _head VALUES (1, 77, ?, 3)", (rows,))


def _rows(path: Path) -> list[Any]:
    with closing(open_writer(path)) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n").fetchall()]


def test_a_copy_is_the_state_of_one_moment(tmp_path: Path) -> None:
    """A commit between any two steps is not in it, and never makes it begin anew."""
    source, target = tmp_path / "a.db", tmp_path / "b.db"
    rows = 4 * BACKUP_PAGES_PER_STEP
    _database(source, rows)
    told: list[int] = []
    with closing(open_writer(source)) as writer:

        def progress(size: int) -> None:
            told.append(size)
            writer.execute("UPDATE t SET filling = randomblob(4000) WHERE n % 50 = 1")
            writer.execute("INSERT INTO t VALUES (NULL, 'later')")
            writer.execute("UPDATE _head SET n = n + 1")

        position = copy_database(source, target, progress)
    assert position == Position(77, rows, 3) == position_of(target)
    assert len(told) >= 4
    assert sum(told) == target.stat().st_size
    assert _rows(target) == list(range(1, rows + 1))
    assert len(_rows(source)) == rows + len(told)
    assert faults_of(target) == []


def test_a_new_feed_is_another_one(tmp_path: Path) -> None:
    """The rest of the head stays."""
    path = tmp_path / "a.db"
    _database(path, 3)
    renew_feed(path)
    first = position_of(path)
    renew_feed(path)
    assert first.feed != position_of(path).feed
    assert first[1:] == (3, 3)


def test_tables_that_call_functions_are_checked(tmp_path: Path) -> None:
    """A check may call ours; a trigger is known by the table that it hangs on."""
    path = tmp_path / "a.db"
    _database(path, 3)
    with closing(open_writer(path)) as connection:
        connection.execute("CREATE TABLE u(id BLOB CHECK (id IS NULL OR is_uuid(id)))")
        connection.execute("INSERT INTO u VALUES (uuid_v7())")
        connection.execute("CREATE TRIGGER x AFTER UPDATE ON _head BEGIN SELECT 1; END")
    assert faults_of(path) == []
    assert triggers_on(path, {"_head"}) == ["x"]
    assert triggers_on(path, {"t"}) == []


def test_a_database_without_a_log_is_copied_too(tmp_path: Path) -> None:
    """As the files of others are."""
    with closing(open_writer(tmp_path / "a.db")) as connection:
        connection.execute("CREATE TABLE t(n)")
    assert copy_database(tmp_path / "a.db", tmp_path / "b.db", lambda _size: None) == Position()
    renew_feed(tmp_path / "b.db")
    assert position_of(tmp_path / "b.db") == Position()


def test_faults_are_found(tmp_path: Path) -> None:
    """Pages that were overwritten, rows that refer to nothing, and what is no database."""
    path = tmp_path / "a.db"
    _database(path, 50)
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("CREATE TABLE r(t INTEGER REFERENCES t(n))")
        connection.execute("INSERT INTO r VALUES (7), (1000)")
    assert faults_of(path) == ["row 2 of r refers to a row of t that is gone"]
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096)
    assert faults_of(path)
    path.write_text("no database at all" * 1000)
    assert faults_of(path)
    for attempt in (position_of, renew_feed):
        with pytest.raises(CopyError):
            attempt(path)
    with pytest.raises(CopyError):
        copy_database(path, tmp_path / "c.db", lambda _size: None)


def test_only_the_first_faults_are_told(tmp_path: Path) -> None:
    """A broken database may have a million of them."""
    path = tmp_path / "a.db"
    _database(path, 1)
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("CREATE TABLE r(t INTEGER REFERENCES t(n))")
        connection.execute(
            "INSERT INTO r WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM c"
            " WHERE n < 99) SELECT n FROM c"
        )
    assert len(faults_of(path)) == copy._FAULTS_SHOWN


def test_functions_of_a_schema_are_no_faults(tmp_path: Path) -> None:
    """Checks, generated columns and indexes may call ours."""
    path = tmp_path / "a.db"
    with closing(open_writer(path)) as connection:
        connection.execute(
            "CREATE TABLE t(id BLOB PRIMARY KEY CHECK (is_uuid(id)),"
            " text TEXT AS (uuid_text(id)) STORED) STRICT"
        )
        connection.execute("CREATE INDEX by_text ON t(uuid_text(id))")
        connection.execute("INSERT INTO t(id) VALUES (uuid_v7())")
    assert faults_of(path) == []


def test_rows_of_other_schemas_are_no_faults(tmp_path: Path) -> None:
    """Settings may have changed since; a built-in schema has not."""
    path = tmp_path / "a.db"
    with closing(open_writer(path)) as connection:
        connection.execute("CREATE TABLE t(v TEXT CHECK (jsonschema('gone', v))) STRICT")
        connection.execute("CREATE TABLE u(v TEXT CHECK (jsonschema('std.KeyValue', v))) STRICT")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("INSERT INTO t VALUES ('5')")
    assert faults_of(path) == []
    with closing(open_writer(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("INSERT INTO u VALUES ('5')")
    assert faults_of(path) == ["CHECK constraint failed in u"]
