"""The chores between batches go on after a full disk, and tell how long the log is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import limits, metrics
from shared.status_page import StatusPage
from writer.answers import Answers
from writer.database import Database
from writer.engine import Engine
from writer.housekeeping import Housekeeping
from writer.process import make_process


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new database in this process."""
    page = StatusPage.create(tmp_path / "status")
    made = Database("main", tmp_path / "main.db", page.database())
    yield made
    made.connection.close()


@pytest.fixture
def chores(database: Database, tmp_path: Path) -> Housekeeping:
    """Its chores."""
    answers = Answers(database.connection)
    page = StatusPage.open(tmp_path / "status")
    process = make_process(page, tmp_path)
    return Housekeeping(database, answers, Engine(database, answers, process.main), process)


def test_retention_under_load_survives_a_full_disk(
    chores: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fell due while the disk was full is done with the next batch, not never again."""
    rounds: list[bool] = []

    def trim() -> bool:
        rounds.append(True)
        return False

    monkeypatch.setattr(chores, "_trim", trim)
    chores._full = True
    for _ in range(limits.RETENTION_BATCHES + 5):
        chores.after_batch()
    assert not rounds
    chores._full = False
    chores.after_batch()
    assert len(rounds) == 1


def test_the_size_of_the_log_is_told_under_load(database: Database, chores: Housekeeping) -> None:
    """The gauge moves with batches, not only when nothing happens."""
    database.connection.execute("CREATE TABLE posts(title TEXT)")
    chores._flush_at = 0.0
    chores.after_batch()
    told = metrics.REGISTRY.get_sample_value("quill_writer_wal_bytes")
    assert told is not None
    assert told > 0
