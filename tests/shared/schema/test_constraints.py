"""From SQLite's messages to fields, with SQLite itself as their author."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw
import pytest

from shared.schema.catalog import Catalog
from shared.schema.constraints import constraint_fields
from shared.schema.table import create_table
from tests.shared.schema.sample import define, new_database, run_all

POSTS = define(
    {
        "name": "posts",
        "fields": [
            {"name": "a", "type": "text"},
            {"name": "b", "type": "text"},
            {"name": "c", "type": "text"},
            {"name": "d", "type": "text"},
        ],
        "indexes": [
            "CREATE UNIQUE INDEX two ON t (a, b)",
            "CREATE UNIQUE INDEX `it's ``odd``` ON t (lower(c)) WHERE c != ''",
            "CREATE UNIQUE INDEX part ON t (d) WHERE d != ''",
        ],
    }
)
CATALOG = Catalog(1, [POSTS])
FIRST = {"id": "1", "a": "x", "b": "y", "c": "z", "d": "w"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": "1"}, {"id": "validation_not_unique"}),
        ({"id": "2", "a": "x", "b": "y"},
         {"a": "validation_not_unique", "b": "validation_not_unique"}),
        ({"id": "2", "c": "Z"}, {"c": "validation_not_unique"}),
        ({"id": "2", "d": "w"}, {"d": "validation_not_unique"}),
        ({"id": "2", "a": None}, {"a": "validation_required"}),
    ],
)  # fmt: skip
def test_each_constraint_names_its_fields(
    row: dict[str, str | None], expected: dict[str, str]
) -> None:
    """Columns, the index of an expression, partial indexes, and what may not be NULL."""
    db = new_database()
    run_all(db, create_table(POSTS))
    insert(db, FIRST)

    with pytest.raises(apsw.ConstraintError) as raised:
        insert(db, row)

    error: Any = raised.value
    found = constraint_fields(CATALOG, POSTS, error.extendedresult, str(error))
    assert {name: problem.code for name, problem in found.items()} == expected


def insert(db: apsw.Connection, row: Mapping[str, str | None]) -> None:
    """One row."""
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"INSERT INTO posts ({names}) VALUES ({marks})", tuple(row.values()))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (2067, "UNIQUE constraint failed: other.a"),
        (2067, "UNIQUE constraint failed: index 'unknown'"),
        (2067, ""),
        (787, "FOREIGN KEY constraint failed"),
        (1811, "posts.a"),
    ],
)
def test_nothing_is_guessed(code: int, message: str) -> None:
    """Other tables, unknown indexes and other constraints name no field."""
    assert constraint_fields(CATALOG, POSTS, code, message) == {}
