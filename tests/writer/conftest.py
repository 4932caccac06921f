"""Fixtures: a running writer with a table, and links to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.writer.link import Depot, Link


@pytest.fixture
def idle_depot() -> Iterator[Depot]:
    """A depot whose writer is not started. The path is short, since ipc paths are bounded."""
    folder = Path(tempfile.mkdtemp(prefix="quill-"))
    depot = Depot(folder)
    yield depot
    depot.close()
    shutil.rmtree(folder)


@pytest.fixture
def depot(idle_depot: Depot) -> Depot:
    """A depot with a running writer."""
    idle_depot.start()
    return idle_depot


@pytest.fixture
def link(depot: Depot) -> Link:
    """A greeted link, and the table `posts(_rowid_, id, title, views)`."""
    link = Link(depot)
    link.hello()
    link.define(
        'CREATE TABLE "posts" (_rowid_ INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE,'
        ' "title" TEXT NOT NULL DEFAULT \'\', "views" NUMERIC NOT NULL DEFAULT 0)'
    )
    return link
