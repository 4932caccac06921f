"""How collections differ from what migrations have made, and how that is written out.

Names `worker.migrations.shown`, `worker.migrations.written` and `worker.migrations.history`.
"""

from __future__ import annotations

import ast
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from shared.depot.layout import DepotLayout
from shared.depot.migration_files import read_name
from worker.engine.offline import OfflineReader
from worker.migrations.difference import difference
from worker.migrations.history import Applied, read_collections, read_history
from worker.migrations.refusal import MigrationError
from worker.migrations.review import Standing, review
from worker.migrations.shown import first_collections, merged
from worker.migrations.written import (
    empty_program,
    empty_script,
    new_file,
    program_of,
    write,
)


def _definition(name: str, own_id: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": own_id or f"id_{name}",
        "name": name,
        "type": "base",
        "system": False,
        "fields": [
            {"id": "f1", "name": "title", "type": "text", "max": 0},
            {"id": "f2", "name": "note", "type": "text", "max": 0},
        ],
        "indexes": ["CREATE INDEX a ON t (title)"],
        "listRule": None,
        **more,
    }


def _lines(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    return [line for one in difference(before, after) for line in one.lines]


def test_equal_collections_do_not_differ() -> None:
    """Nor does what an earlier build did not know yet."""
    old = _definition("a")
    assert _lines([old], [_definition("a")]) == []
    newer = _definition("a", mfa={"enabled": False})
    newer["fields"][0]["help"] = ""
    assert _lines([old], [newer]) == []


def test_new_and_gone_collections_are_told_with_what_they_hold() -> None:
    """A view with its query; system collections that one side does not know are left out."""
    view = _definition("v", type="view", viewQuery="SELECT 1 AS id")
    system = _definition("_otps", system=True)
    assert _lines([_definition("a"), system], [view, _definition("_mfas", system=True)]) == [
        "+ collection v (view)",
        "+   query SELECT 1 AS id",
        "- collection a (base)",
        "-   field title (text)",
        "-   field note (text)",
        "-   index CREATE INDEX a ON t (title)",
    ]


def test_changes_are_told_by_their_places() -> None:
    """Names, rules, fields by their ids, the order of fields, indexes."""
    new = _definition(
        "b",
        "id_a",
        listRule="",
        indexes=["CREATE INDEX b ON t (title)"],
        fields=[
            {"id": "f2", "name": "note", "type": "text", "max": 0},
            {"id": "f1", "name": "caption", "type": "text", "max": 9},
            {"id": "f3", "name": "n", "type": "number"},
        ],
    )
    assert _lines([_definition("a")], [new]) == [
        "~ collection b",
        "~   name a → b",
        '~   field title: name "title" → "caption"',
        "~   field title: max 0 → 9",
        "+   field n (number)",
        "~   order of the fields",
        "-   index CREATE INDEX a ON t (title)",
        "+   index CREATE INDEX b ON t (title)",
        '~   listRule null → ""',
    ]
    dropped = _definition("a", fields=_definition("a")["fields"][:1])
    assert "-   field note (text)" in _lines([_definition("a")], [dropped])


def test_what_migrations_made_grows_by_each() -> None:
    """By ids: what is put replaces, what is deleted goes, the rest stays."""
    known = [_definition("a"), _definition("b")]
    after = merged(known, [_definition("c"), _definition("b", listRule="")], ["id_a"])
    assert [one["name"] for one in after] == ["b", "c"]
    assert after[0]["listRule"] == ""


def test_a_new_database_begins_with_users_and_superusers() -> None:
    """Main does; the others have no collections."""
    names = [one["name"] for one in first_collections("main")]
    assert names == ["users", "_superusers"]
    assert all("created" not in one for one in first_collections("main"))
    assert first_collections("other") == []


def test_changes_are_written_as_a_program(tmp_path: Path) -> None:
    """What it puts and deletes is the difference, forwards and backwards."""
    file = read_name(tmp_path / "U1__my_changes.py")
    assert file is not None
    text = program_of(
        file,
        difference(
            [_definition("a"), _definition("x")], [_definition("a", listRule=""), _definition("n")]
        ),
    )
    asked: dict[str, Any] = {}

    class Collections:
        def change(self, **what: Any) -> None:
            asked.update(what)

    class Depot:
        collections = Collections()

    namespace: dict[str, Any] = {}
    exec(text, namespace)
    namespace["up"](Depot())
    assert asked == {"put": [_definition("a", listRule=""), _definition("n")], "delete": ["x"]}
    asked.clear()
    namespace["down"](Depot())
    assert asked == {"put": [_definition("a"), _definition("x")], "delete": ["n"]}
    assert text.startswith('"""My changes."""')


def test_new_files_come_after_all_others(tmp_path: Path) -> None:
    """Versions are the present second, or what follows the newest."""
    layout = DepotLayout(tmp_path)
    first = new_file(layout, "main", "add a note-book!", ".sql", ordered=False)
    assert first.name == "add_a_note_book"
    write(first.path, empty_script(first))
    second = new_file(layout, "main", "x", ".py", ordered=True)
    assert second.path.name.startswith("V")
    assert second.version > first.version
    ast.parse(empty_program(second))
    with pytest.raises(MigrationError, match="cannot be written"):
        write(first.path, "")
    with pytest.raises(MigrationError, match="needs letters"):
        new_file(layout, "main", "-!", ".sql", ordered=False)


def test_what_trailbase_applied_counts_as_applied(tmp_path: Path) -> None:
    """Its table is read as it is, and its checksums are not ours to judge."""
    path = tmp_path / "main.db"
    with sqlite3.connect(path) as database:
        database.executescript("""
            CREATE TABLE _schema_history(version INT4 PRIMARY KEY, name VARCHAR(255),
              applied_on VARCHAR(255), checksum VARCHAR(255));
            INSERT INTO _schema_history VALUES
              (1, 'initial', '2024-01-01T00:00:00Z', '14345543457'),
              (1700000000, 'add_table', '2024-01-01T00:00:00Z', '987');
            CREATE TABLE _head(catalog); INSERT INTO _head VALUES (1);
        """)
    database.close()
    sql = tmp_path / "U1700000000__add_table.sql"
    sql.write_text("CREATE TABLE t (a);")
    with OfflineReader(path, held=True) as state:
        history = read_history(state)
        assert read_collections(state) is None
        assert state.catalog().all() == ()
    assert history[1] == Applied(1, "initial", "2024-01-01T00:00:00Z", "14345543457")
    file = read_name(sql)
    assert file is not None
    found = review([file], history)
    assert [one.standing for one in found] == [Standing.MISSING, Standing.APPLIED]
