"""What a program may ask of a database: `worker.migrations.depot`, as `quillbase.migration` has it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from quillbase.migration import Depot
from shared.errors import QuillError
from worker.migrations.depot import MigratedDepot


def _opened(path: Path) -> Depot:
    """The promised type is what programs are given: the type checker compares them here."""
    return MigratedDepot(path, "U1__x.py")


@pytest.fixture
def depot(tmp_path: Path) -> Depot:
    """Over a database beside main, which has no collections."""
    path = tmp_path / "more.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE _head(catalog)")
        database.execute("INSERT INTO _head VALUES (7)")
        database.execute("CREATE TABLE t (a, b)")
        database.execute("INSERT INTO t VALUES (1, x'00'), (NULL, 'é')")
    database.close()
    return _opened(path)


def test_rows_are_dicts(depot: Depot) -> None:
    """By the names of the columns, with values of all kinds."""
    assert depot.rows("SELECT a, b FROM t WHERE a IS ?", (1,)) == [{"a": 1, "b": b"\0"}]
    assert depot.rows("SELECT b AS c FROM t WHERE a IS NULL") == [{"c": "é"}]
    assert depot.rows("SELECT 1 WHERE 0") == []


def test_only_main_has_collections(depot: Depot) -> None:
    """Told, rather than failing in the writer."""
    assert depot.collections.all() == []
    assert depot.collections.get("posts") is None
    with pytest.raises(QuillError, match="Only the database main has collections"):
        depot.collections.put({"name": "posts"})


def test_what_is_queued_comes_in_order(depot: Depot) -> None:
    """With values, or several statements without."""
    depot.run("DELETE FROM t; DROP TABLE t")
    depot.run("INSERT INTO u VALUES (?)", [3])
    assert isinstance(depot, MigratedDepot)
    answer = depot.answer()
    assert answer.catalog_version == 7
    assert [(one.step.sql, one.step.params) for one in answer.steps] == [
        ("DELETE FROM t", ()),
        ("DROP TABLE t", ()),
        ("INSERT INTO u VALUES (?)", (3,)),
    ]
