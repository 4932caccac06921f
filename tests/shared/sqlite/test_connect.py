"""Connections have the settings that everything else relies on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from shared.limits import LIKE_PATTERN_BYTES_MAX
from shared.sqlite.connect import open_reader, open_writer
from shared.sqlite.failures import code_and_text, is_busy, is_full, is_interrupt, is_io, is_ours


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one table."""
    path = tmp_path / "main.db"
    connection = open_writer(path)
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE)")
    connection.close()
    return path


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("trusted_schema", 0),
        ("busy_timeout", 5_000),
        ("temp_store", 2),
    ],
)
def test_writer_settings(path: Path, pragma: str, value: object) -> None:
    """WAL, an fsync a commit, foreign keys, no trust in the schema."""
    connection = open_writer(path)
    assert connection.execute(f"PRAGMA {pragma}").get == value
    connection.close()


def test_like_differs_between_writer_and_reader(path: Path) -> None:
    """Case-sensitive on the writer's connection only."""
    writer, reader = open_writer(path), open_reader(path)
    assert writer.execute("SELECT 'A' LIKE 'a'").get == 0
    assert reader.execute("SELECT 'A' LIKE 'a'").get == 1
    writer.close()
    reader.close()


@pytest.mark.parametrize("opening", [open_reader, open_writer])
def test_patterns_are_bounded(path: Path, opening: Callable[[Path], apsw.Connection]) -> None:
    """One that is too long fails, instead of taking its time."""
    connection = opening(path)
    like = "SELECT 'a' LIKE ?"
    assert connection.execute(like, ("b" * LIKE_PATTERN_BYTES_MAX,)).get == 0
    with pytest.raises(apsw.SQLError):
        _ = connection.execute(like, ("b" * (LIKE_PATTERN_BYTES_MAX + 1),)).get
    connection.close()


def test_reader_cannot_write(path: Path, tmp_path: Path) -> None:
    """Neither to its own file nor to one that it attaches."""
    reader = open_reader(path)
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO t VALUES (1, 1)")
    with pytest.raises(apsw.Error):
        reader.execute(f"ATTACH '{tmp_path / 'other.db'}' AS o; CREATE TABLE o.x(a)")
    reader.close()


def test_reader_makes_no_file(tmp_path: Path) -> None:
    """A missing database is an error, not a new file."""
    with pytest.raises(apsw.CantOpenError):
        open_reader(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []


def test_failures_are_told_apart(path: Path) -> None:
    """Codes are the extended ones; a wrong number of values is ours."""
    connection = open_writer(path)
    connection.execute("INSERT INTO t VALUES (1, 'x')")
    with pytest.raises(apsw.ConstraintError) as unique:
        connection.execute("INSERT INTO t VALUES (2, 'x')")
    assert code_and_text(unique.value) == (2067, "UNIQUE constraint failed: t.v")
    assert not is_ours(unique.value)
    with pytest.raises(apsw.BindingsError) as bindings:
        connection.execute("INSERT INTO t VALUES (?, ?)", (1,))
    assert is_ours(bindings.value)
    connection.close()
    assert is_full(apsw.FullError())
    assert is_io(apsw.IOError())
    assert is_busy(apsw.BusyError())
    assert is_interrupt(apsw.InterruptError())
