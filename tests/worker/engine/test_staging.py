"""A private file of rows: filled, judged by unique indexes, and what happens where it cannot grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import Kind, QuillError
from worker.engine.offline import OfflineReader
from worker.engine.staging import NotUniqueError, StagedFile


def test_rows_and_unique_indexes(tmp_path: Path) -> None:
    """An index that fails leaves the file as it was, and it can be gone on with."""
    staged = StagedFile(tmp_path / "rows.db")
    staged.run("CREATE TABLE r (n INTEGER PRIMARY KEY, a TEXT)")
    staged.add("INSERT INTO r VALUES (?, ?)", ((n, str(n % 999)) for n in range(1_000)))
    with pytest.raises(NotUniqueError):
        staged.make_unique("CREATE UNIQUE INDEX u ON r (a)")
    staged.run("DELETE FROM r WHERE n = ?", (999,))
    staged.make_unique("CREATE UNIQUE INDEX u ON r (a)")
    assert staged.rows("PRAGMA integrity_check") == [("ok",)]
    staged.close()
    staged.close()
    again = StagedFile(tmp_path / "rows.db")
    assert again.rows("SELECT count(*) FROM r") == [(999,)]
    again.close()
    with OfflineReader(tmp_path / "rows.db", held=True) as reader:
        assert reader.value("SELECT count(*) FROM r") == 999
        with pytest.raises(QuillError, match="no database of a depot"):
            reader.catalog()


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    """Is told as a full disk."""
    staged = StagedFile(tmp_path / "rows.db")
    staged.run("CREATE TABLE r (a TEXT)")
    staged.rows("PRAGMA max_page_count = 10")
    with pytest.raises(QuillError) as caught:
        staged.add("INSERT INTO r VALUES (?)", [("x" * 100_000,)])
    assert caught.value.kind is Kind.DISK_FULL
    staged.close()
