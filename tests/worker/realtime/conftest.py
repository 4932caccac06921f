"""Fixtures of the realtime tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.realtime.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place with one public collection, `posts`."""
    made = Place(tmp_path)
    made.store("posts")
    yield made
    made.close()
