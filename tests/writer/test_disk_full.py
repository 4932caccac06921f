"""Disk full on a small tmpfs: clear answers, nothing lost, and service when space is back.

Tests `writer.space` and `writer.housekeeping` from outside.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from shared.messages.commands import Status
from shared.sql.plan import run
from tests.small_disk import small_disk
from tests.waiting import until
from tests.writer.link import Depot, Link

_KIB = 24 * 1024
_ROW = "x" * 20_000


@pytest.fixture
def small_depot() -> Iterator[Depot]:
    """A depot on a file system of 24 MB of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="quill-") as folder,
        small_disk(Path(folder) / "disk", _KIB) as disk,
    ):
        depot = Depot(disk, log_level="info")
        yield depot
        depot.close()


def _fill(depot: Depot) -> Path:
    """Leave about 2 MB free."""
    filler = depot.data / "filler"
    free = shutil.disk_usage(depot.data).free
    with filler.open("wb") as file:
        file.write(b"x" * (free - 2_000_000))
    return filler


def test_full_disk_is_told_and_left_again(small_depot: Depot) -> None:
    """Every OK row is there, every FULL row is not; it recovers by itself."""
    depot = small_depot
    depot.start()
    link = Link(depot)
    link.hello()
    link.define("CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)")
    ballast = depot.data / "ballast"
    assert ballast.exists()
    filler = _fill(depot)
    statuses: dict[int, Status] = {}

    def insert(number: int) -> Status:
        step = run("INSERT INTO notes VALUES (?, ?)", (number, _ROW))
        statuses[number] = link.run(step).status
        return statuses[number]

    numbers = iter(range(10_000))
    assert until(lambda: insert(next(numbers)) is Status.FULL, what="the disk is full")
    assert depot.page.disk_full
    assert not ballast.exists()
    assert insert(next(numbers)) is Status.FULL
    assert depot.value("SELECT count(*) FROM notes") > 0  # readers go on
    filler.unlink()
    until(lambda: insert(next(numbers)) is Status.OK, what="service is back")
    until(lambda: not depot.page.disk_full, what="the page says so")
    assert ballast.exists()
    kept = {number for number, status in statuses.items() if status is Status.OK}
    assert {row[0] for row in depot.rows("SELECT id FROM notes")} == kept
    assert depot.value("SELECT max(n) FROM _change") == depot.page.database().head
    assert depot.stop() == 0
    connection = apsw.Connection(str(depot.database), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


def test_whole_batch_is_full(small_depot: Depot) -> None:
    """A batch that finds no space is answered whole, and none of it is there."""
    depot = small_depot
    depot.start()
    link = Link(depot)
    link.hello()
    link.define("CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT)")
    _fill(depot)
    operations = [
        link.operation([run("INSERT INTO notes VALUES (?, ?)", (number, _ROW * 3))])
        for number in range(100)
    ]
    assert {result.status for result in link.submit(operations)} == {Status.FULL}
    assert depot.value("SELECT count(*) FROM notes") == 0
