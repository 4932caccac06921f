"""Databases out of a stranger's backup: `worker.backups.verify` says what is wrong with them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from cluster.lone_writer import lone_writer
from shared.depot.backups import list_backups
from shared.depot.layout import DepotLayout
from worker.backups.archive import Progress
from worker.backups.create import BackupError, create
from worker.backups.task import Task
from worker.backups.verify import database_faults


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The main.db of a new depot."""
    folder = tmp_path_factory.mktemp("depot")
    with lone_writer(folder):
        pass
    path = folder / "data" / "main.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    return path.read_bytes()


def test_data_that_is_replaced_meanwhile_makes_no_backup(tmp_path: Path, good: bytes) -> None:
    """It would be partly the old and partly the new."""
    layout = DepotLayout(tmp_path)
    layout.data.mkdir()
    layout.database().write_bytes(good)

    def replace(_total: int) -> Progress:
        other = layout.data / "other"
        other.write_bytes(good)
        other.rename(layout.database())
        return lambda _size: None

    with pytest.raises(BackupError, match="was replaced meanwhile"):
        create(Task("create", str(tmp_path)), replace)
    layout.replacement.touch()
    with pytest.raises(BackupError, match="is being replaced"):
        create(Task("create", str(tmp_path)), lambda _total: lambda _size: None)
    assert list_backups(layout) == []


_LOOP = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM _head", "cannot be read"),
        ("UPDATE _head SET catalog = 'x'", "cannot be read"),
        ("DROP TABLE _change", "the table _change is missing"),
        ("DROP TABLE _head", "no database of a depot"),
        ("UPDATE _collections SET fields = '{'", "cannot be read"),
        ("UPDATE _collections SET fields = '[{}]'", "cannot be read"),
        (f"CREATE TRIGGER evil AFTER UPDATE ON _head BEGIN {_LOOP}; END", "the trigger evil is on"),
        ("CREATE TRIGGER evil INSTEAD OF UPDATE ON _HEAD BEGIN SELECT 1; END", "the trigger evil"),
    ],
)
def test_what_would_not_serve_is_told(tmp_path: Path, good: bytes, sql: str, reason: str) -> None:
    """In a sentence; a trigger on the system's tables would run with every commit."""
    path = tmp_path / "main.db"
    path.write_bytes(good)
    assert database_faults(path) == []
    with closing(apsw.Connection(str(path))) as connection:
        if "INSTEAD OF" in sql:
            connection.execute(
                "ALTER TABLE _head RENAME TO h; CREATE VIEW _HEAD AS SELECT * FROM h"
            )
        connection.execute(sql)
    (told,) = database_faults(path)
    assert told.startswith("main.db: ")
    assert reason in told
