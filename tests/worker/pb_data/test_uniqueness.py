"""Unique indexes that records break: left out, or the records give way."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.schema.collection import AUTH, BASE, Collection
from shared.schema.fields import field_from_json
from worker.engine.staging import StagedFile
from worker.pb_data.report import Kind, Notes
from worker.pb_data.uniqueness import make_unique

Rows = Sequence[tuple[str, str | None, str | None]]


def _made(
    folder: Path, kind: str, index: str, rows: Rows
) -> tuple[tuple[str, ...], list[str], Notes]:
    """The indexes that are left, the ids that are left, and what was told."""
    fields = [field_from_json({"id": n, "name": n, "type": "text"}) for n in ("id", "a", "email")]
    one = Collection("c", "c", kind, system=False, fields=tuple(fields), indexes=(index,))
    notes = Notes()
    with contextlib.closing(StagedFile(folder / "staged.db")) as staging:
        staging.run('CREATE TABLE "t0" (_rowid_ INTEGER PRIMARY KEY, "id", "a", "email")')
        staging.add(
            'INSERT INTO "t0" VALUES (?, ?, ?, ?)', [(n, *row) for n, row in enumerate(rows)]
        )
        kept, removed = make_unique(staging, "t0", one, notes)
        ids = [str(row[0]) for row in staging.rows('SELECT "id" FROM "t0" ORDER BY _rowid_')]
    assert removed == len(rows) - len(ids)
    return kept.indexes, ids, notes


@pytest.mark.parametrize(
    "index",
    [
        "CREATE UNIQUE INDEX i ON c (a)",
        "CREATE UNIQUE INDEX i ON c (`a` COLLATE NOCASE DESC)",
        "CREATE UNIQUE INDEX i ON c (lower(`a`), `a` ASC)",
        "CREATE UNIQUE INDEX i ON c (`a`) WHERE `a` != 'same'",
    ],
)
def test_an_index_that_holds_stays(tmp_path: Path, index: str) -> None:
    """Also where parts of it are NULL, or its condition leaves rows out."""
    first = "same" if "WHERE" in index else "other"
    rows: Rows = [("1", "same", ""), ("2", first, ""), ("3", None, ""), ("4", None, "")]
    indexes, ids, notes = _made(tmp_path, BASE, index, rows)
    assert (indexes, ids, notes.all()) == ((index,), ["1", "2", "3", "4"], [])


@pytest.mark.parametrize("key", ["`a` COLLATE NOCASE DESC", "lower(`a`)"])
def test_an_index_that_is_broken_goes(tmp_path: Path, key: str) -> None:
    """The records stay, and it is told."""
    index = f"CREATE UNIQUE INDEX i ON c ({key})"
    indexes, ids, notes = _made(tmp_path, BASE, index, [("1", "A", ""), ("2", "a", "")])
    assert (indexes, ids) == ((), ["1", "2"])
    (note,) = notes.all()
    assert (note.kind, note.where) == (Kind.LEFT_OUT, "c")


def test_logins_keep_their_index(tmp_path: Path) -> None:
    """Of records with the same address the first stays; those without one all do."""
    index = "CREATE UNIQUE INDEX i ON c (`email` COLLATE NOCASE) WHERE `email` != ''"
    rows = [("1", "", "A@b.c"), ("2", "", "a@b.c"), ("3", "", ""), ("4", "", ""), ("5", "", "x")]
    indexes, ids, notes = _made(tmp_path, AUTH, index, rows)
    assert (indexes, ids) == ((index,), ["1", "3", "4", "5"])
    (note,) = notes.all()
    assert (note.examples, note.count) == (["2"], 1)


def test_an_id_stands_once(tmp_path: Path) -> None:
    """The first record has it."""
    index = "CREATE INDEX i ON c (a)"
    _, ids, notes = _made(tmp_path, BASE, index, [("1", "a", ""), ("1", "b", ""), ("2", "c", "")])
    assert ids == ["1", "2"]
    assert "the same id" in notes.all()[0].why
