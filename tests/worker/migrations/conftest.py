"""Fixture: a workshop of the module's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worker.migrations.workshop import Workshop, open_workshop

POSTS = """
from quillbase.migration import Depot

def up(depot: Depot) -> None:
    depot.collections.put(
        {"name": "authors", "fields": [{"name": "name", "type": "text"}]},
        {"name": "posts", "fields": [
            {"name": "title", "type": "text"},
            {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        ], "indexes": ["CREATE INDEX by_title ON posts (title)"]},
    )
    depot.run("INSERT INTO authors (id, name) VALUES (?, ?)", ("a" * 15, "Ada"))

def down(depot: Depot) -> None:
    depot.collections.delete("posts", "authors")
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """With two collections, made by the first migration."""
    with open_workshop(tmp_path_factory.mktemp("workshop")) as made:
        made.write("posts.py", POSTS)
        assert made.up() == ["U1__posts.py"]
        yield made
