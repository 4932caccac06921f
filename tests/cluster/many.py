"""A depot with many databases, each with its own migrations and a record API over its one table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from shared.depot.layout import DepotLayout
from shared.sqlite.connect import open_reader

RECORDS: Final = "/api/records/v1"
TABLE: Final = "CREATE TABLE items (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"


def settings_of(names: Iterable[str]) -> str:
    """`config.textproto` for main and these; the API of each has its name."""
    lines = [f'databases {{ name: "{name}" }}' for name in names if name != "main"]
    lines += [
        f'record_apis {{ name: "{name}" table_name: "{name}.items"'
        " acl_world: [CREATE, READ, UPDATE, DELETE] }"
        for name in names
    ]
    return "\n".join(lines) + "\n"


def write_depot(depot: Path, names: Iterable[str]) -> None:
    """Settings and migrations alone: the databases are made at the first start."""
    layout = DepotLayout(depot)
    for name in names:
        folder = layout.migrations(name)
        folder.mkdir(parents=True)
        (folder / "U1__items.sql").write_text(TABLE)
    layout.config.write_text(settings_of(names))


def rows(depot: Path, name: str, sql: str) -> list[tuple[Any, ...]]:
    """What the file of a database says now."""
    connection = open_reader(DepotLayout(depot).database(name))
    found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    connection.close()
    return found


def texts(depot: Path, name: str) -> list[str]:
    """The texts of its items."""
    return [str(text) for (text,) in rows(depot, name, "SELECT text FROM items ORDER BY text")]
