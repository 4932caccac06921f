"""Database files that cannot be what their name says: they are told, and take nobody down.

Tests `writer.databases` and `writer.housekeeping` from outside.
"""

from __future__ import annotations

import os
import sqlite3

import pytest

from shared.messages.commands import Status
from shared.sql.plan import Step, run
from tests.waiting import until
from tests.writer.link import Depot, Link


@pytest.fixture
def pair(link: Link) -> Link:
    """A second database `tenant-1` with a table `items`."""
    link.name_databases("tenant-1")
    link.define("CREATE TABLE items(id TEXT PRIMARY KEY)", database="tenant-1")
    return link


def item(key: str) -> Step:
    """A new row of items."""
    return run("INSERT INTO items VALUES (?)", (key,))


@pytest.mark.parametrize("kind", ["symlink", "hard link", "of main", "pipe"])
def test_a_file_has_one_name(depot: Depot, pair: Link, kind: str) -> None:
    """Else the writers of both would take it from each other, and end."""
    path = depot.path("second")
    if kind == "symlink":
        path.symlink_to(depot.path("tenant-1"))
    elif kind == "hard link":
        path.hardlink_to(depot.path("tenant-1"))
    elif kind == "of main":
        path.symlink_to(depot.path("main"))
    else:
        os.mkfifo(path)
    pair.name_databases("tenant-1", "second")
    assert not depot.words("second").is_open
    assert pair.run(item("a"), database="tenant-1").status is Status.OK
    assert depot.rows("SELECT id FROM items", of="tenant-1") == [("a",)]


@pytest.mark.parametrize(
    "rows",
    [
        "",
        "INSERT INTO _head VALUES (1, NULL, NULL, NULL, NULL, NULL)",
        "INSERT INTO _head VALUES (1, 0, 0, 0, 1, 1); INSERT INTO _batch VALUES (1, NULL, NULL)",
        "INSERT INTO _head VALUES (1, 0, -1, 'x', 1, 1)",
    ],
)
def test_tables_of_another_program_take_nobody_down(depot: Depot, pair: Link, rows: str) -> None:
    """They are called like the system's, and hold something else."""
    made = sqlite3.connect(depot.path("foreign"))
    made.executescript(
        "CREATE TABLE _head(one, epoch, seq, n, catalog, feed);"
        "CREATE TABLE _change(n INTEGER PRIMARY KEY, tbl, act, key, old, new);"
        "CREATE TABLE _batch(seq INTEGER PRIMARY KEY, at, entries);"
        f"{rows};"
    )
    made.close()
    pair.name_databases("tenant-1", "foreign")
    assert not depot.words("foreign").is_open
    assert pair.run(item("a"), database="tenant-1").status is Status.OK


def test_one_that_is_damaged_takes_nobody_down(depot: Depot, pair: Link) -> None:
    """It is found out later, when the writer tidies up."""
    pair.name_databases("tenant-1", "damaged")
    pair.name_databases("tenant-1")
    wal = depot.data / "damaged.db-wal"
    until(lambda: not wal.exists() or not wal.stat().st_size, what="it is closed in order")
    path = depot.path("damaged")
    made = sqlite3.connect(path)
    find = "SELECT rootpage FROM sqlite_schema WHERE name = '_idempotency_at'"
    ((page,),) = made.execute(find).fetchall()
    made.close()
    pages = bytearray(path.read_bytes())
    pages[(page - 1) * 4096 : (page - 1) * 4096 + 64] = b"x" * 64
    path.write_bytes(pages)
    pair.name_databases("tenant-1", "damaged")
    told = '"retention is put off"'
    until(lambda: told in depot.log.read_text(), what="the line of the log")
    assert pair.run(item("a"), database="tenant-1").status is Status.OK
    assert "writer ends" not in depot.log.read_text()
