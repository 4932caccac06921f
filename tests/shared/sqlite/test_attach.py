"""Another file beside a connection's own."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from shared.sqlite.attach import attach_for_reading, detach
from shared.sqlite.connect import open_reader, open_writer


def test_it_is_read_and_never_written(tmp_path: Path) -> None:
    """By readers and the writer, under any name and from any path."""
    path = tmp_path / "a ?mode=rwc#%.db"
    apsw.Connection(str(path)).execute("CREATE TABLE t(x); INSERT INTO t VALUES (7)")
    writer = open_writer(tmp_path / "main.db")
    for connection in (writer, open_reader(tmp_path / "main.db")):
        attach_for_reading(connection, path, 'odd "-name')
        assert connection.execute('SELECT x FROM "odd ""-name".t').get == 7
        with pytest.raises((apsw.ReadOnlyError, apsw.AuthError)):
            connection.execute('DELETE FROM "odd ""-name".t')
        detach(connection, 'odd "-name')
        with pytest.raises(apsw.SQLError):
            connection.execute('SELECT x FROM "odd ""-name".t')
        connection.close()


def test_a_write_locks_the_other_file_not(tmp_path: Path) -> None:
    """Its own writer goes on while we are in a transaction."""
    other = open_writer(tmp_path / "other.db")
    other.execute("CREATE TABLE t(x)")
    mine = open_writer(tmp_path / "main.db")
    attach_for_reading(mine, tmp_path / "other.db", "other")
    mine.execute("BEGIN IMMEDIATE; CREATE TABLE u(x); INSERT INTO u SELECT x FROM other.t")
    other.execute("INSERT INTO t VALUES (1)")
    mine.execute("COMMIT")
    assert mine.execute("SELECT count(*) FROM other.t").get == 1
    mine.close()
    other.close()


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """Nothing is attached then."""
    connection = open_writer(tmp_path / "main.db")
    with pytest.raises(apsw.CantOpenError):
        attach_for_reading(connection, tmp_path / "none.db", "none")
    assert [row[1] for row in connection.execute("PRAGMA database_list")] == ["main"]
    assert not (tmp_path / "none.db").exists()
    connection.close()
