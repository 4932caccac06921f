"""Reading a database by its file alone: one state where that is wanted, and one kind of fault."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from shared.errors import Kind
from worker.engine.offline import OfflineReader, ReadError

_DEPOT = """
CREATE TABLE _head(catalog INTEGER); INSERT INTO _head VALUES (7);
CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT);
INSERT INTO notes VALUES (1, 'one'), (2, '{');
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database in WAL mode with two notes, and no collections."""
    path = tmp_path / "main.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_DEPOT)
    return path


def _add(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO notes VALUES (3, 'three')")


def test_rows_in_every_form(file: Path) -> None:
    """A list, by name, the first, one value, one after the other; and what tables there are."""
    with OfflineReader(file) as reader:
        assert reader.rows("SELECT id FROM notes ORDER BY 1") == [(1,), (2,)]
        assert reader.named_rows("SELECT id, text FROM notes WHERE id = ?", (1,)) == [
            {"id": 1, "text": "one"}
        ]
        assert reader.row("SELECT id, text FROM notes WHERE id = 2") == (2, "{")
        assert reader.row("SELECT 1 FROM notes WHERE id = 9") is None
        assert reader.value("SELECT count(*) FROM notes") == 2
        assert list(reader.stream("SELECT id FROM notes ORDER BY 1")) == [(1,), (2,)]
        assert reader.has_table("notes")
        assert not reader.has_collections
        assert (reader.catalog().version, reader.catalog().all()) == (7, ())


@pytest.mark.parametrize(("held", "count"), [(True, 2), (False, 3)])
def test_one_state_where_it_is_held(file: Path, held: bool, count: int) -> None:
    """What others commit meanwhile is seen by those that hold nothing."""
    sql = "SELECT count(*) FROM notes"
    with OfflineReader(file, held=held) as reader:
        assert reader.value(sql) == 2
        _add(file)
        assert reader.value(sql) == count


def test_faults_are_of_one_kind(file: Path) -> None:
    """A missing column, a value that cannot be worked out, one that cannot be bound, a write."""
    with OfflineReader(file) as reader:
        with pytest.raises(ReadError, match="no such column: gone") as caught:
            reader.rows("SELECT gone FROM notes")
        assert (caught.value.kind, caught.value.other_schema) == (Kind.INVALID, True)
        with pytest.raises(ReadError, match="malformed JSON"):
            list(reader.stream("SELECT json(text) FROM notes ORDER BY id DESC"))
        with pytest.raises(ReadError):
            reader.named_rows("SELECT ?", ({},))  # type: ignore[arg-type]
        with pytest.raises(ReadError, match="readonly"):
            reader.rows("DELETE FROM notes")


def test_files_that_cannot_be_read(tmp_path: Path, file: Path) -> None:
    """None, no database, no database of a depot; a damaged one only where it is looked through."""
    with pytest.raises(ReadError, match=r"gone\.db cannot be read") as caught:
        OfflineReader(tmp_path / "gone.db")
    assert caught.value.kind is Kind.UNAVAILABLE
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE t(x)")
    with OfflineReader(other) as reader, pytest.raises(ReadError, match="no database of a depot"):
        reader.catalog()
    other.write_bytes(b"no database at all" * 100)
    with pytest.raises(ReadError, match="not a database"):
        OfflineReader(other, foreign=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'")
        start = (page.fetchone()[0] - 1) * 4096
    content = bytearray(file.read_bytes())
    content[start + 8 : start + 12] = b"\xff" * 4  # where the cells of the page begin
    file.write_bytes(content)
    with pytest.raises(ReadError):
        OfflineReader(file, foreign=True)


def test_another_programs_file_is_merged_and_not_trusted(tmp_path: Path, file: Path) -> None:
    """What stands only in the log of a copied file is read, too."""
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("INSERT INTO notes VALUES (3, 'in the log')")
        connection.commit()
        for part in ("", "-wal"):
            Path(f"{copy}{part}").write_bytes(Path(f"{file}{part}").read_bytes())
    with OfflineReader(copy, foreign=True) as reader:
        assert reader.value("SELECT text FROM notes WHERE id = 3") == "in the log"
        assert Path(f"{copy}-wal").stat().st_size == 0
