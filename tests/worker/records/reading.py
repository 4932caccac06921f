"""A database file with one collection, read as a worker reads it, without its processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import orjson

from shared.access.request import GUEST_REQUEST, AccessRequest
from shared.schema.catalog import Catalog
from shared.schema.collection import Collection
from shared.schema.table import create_table
from shared.status_page import StatusPage
from worker.engine.snapshot import Snapshot, timed_snapshot
from worker.records.list_form import ListQuery
from worker.records.plans import PlanCache
from worker.records.read import Page, run_list


class Reading:
    """The collection open to everybody, its table, and a worker's connection and caches."""

    def __init__(self, folder: Path, collection: Collection) -> None:
        self.collection = dataclasses.replace(collection, list_rule="", view_rule="")
        self.catalog = Catalog(1, [self.collection])
        self.plans = PlanCache()
        path = folder / "main.db"
        self.connection = apsw.Connection(str(path))
        self.connection.execute("PRAGMA journal_mode = WAL")
        for sql in create_table(self.collection):
            self.connection.execute(sql)
        self.words = StatusPage.create(folder / "page").database()
        self.snapshot = timed_snapshot(path, self.words)

    def write(self, sql: str, params: tuple[Any, ...] = ()) -> None:
        """A commit of which everybody is told."""
        self.connection.execute(sql, params)
        self.words.head += 1

    def list(
        self,
        asked: ListQuery,
        page: int = 1,
        per_page: int = 30,
        request: AccessRequest = GUEST_REQUEST,
    ) -> Page:
        """A list as a request gets it."""

        def work(snapshot: Snapshot, catalog: Catalog) -> Page:
            return run_list(
                snapshot, catalog, self.plans, self.collection, asked, page, per_page, request
            )

        return self.snapshot.run(work, self.catalog, (), transaction=True)

    def close(self) -> None:
        """Close both connections."""
        self.snapshot.close()
        self.connection.close()


@contextmanager
def reading(folder: Path, collection: Collection) -> Iterator[Reading]:
    """A `Reading` that is closed at the end."""
    made = Reading(folder, collection)
    try:
        yield made
    finally:
        made.close()


def column(page: Page, name: str) -> list[Any]:
    """One field of all records of a page."""
    return [record[name] for record in orjson.loads(page.items)]
