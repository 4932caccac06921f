"""A real writer and a real worker context without HTTP, for server code that follows the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import apsw

from shared.dates import now_text
from shared.messages.commands import Status
from shared.schema.definition import read_definition
from shared.schema.system import SUPERUSERS_ID
from shared.sql.plan import Plan, Step, run
from tests.writer.link import Depot
from worker.app import build_context
from worker.catalog.collections import compile_and_change
from worker.context import Context
from worker.realtime.following.follower import Follower, InternalEvent, follow
from worker.realtime.position import Position

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "done", "type": "bool"},
    {"name": "meta", "type": "json"},
    {"name": "note", "type": "text", "hidden": True, "max": 1_000_000},
]


class Followed:
    """A depot with a running writer, and a worker's context of it."""

    def __init__(self, depot: Depot, context: Context) -> None:
        self.depot = depot
        self.context = context

    async def submit(self, *steps: Step) -> None:
        """Have a plan executed."""
        catalog = self.context.catalog.current()
        result = await self.context.writer.submit(Plan(catalog.version, steps))
        assert result.status is Status.OK, result

    async def define(self, name: str, /, **more: Any) -> str:
        """Create or change a collection; returns its id."""
        catalog = self.context.catalog.current()
        old = catalog.find(name)
        body = {"name": name, "type": "base", "fields": FIELDS} if old is None else {}
        new = read_definition({**body, **more}, old, catalog, now_text())
        after = [new if one.id == new.id else one for one in catalog.all()]
        await self._change(after if old is not None else [*after, new], new.id)
        return new.id

    async def drop(self, name: str) -> None:
        """Delete a collection."""
        all_of_them = self.context.catalog.current().all()
        await self._change([one for one in all_of_them if one.name != name], SUPERUSERS_ID)

    async def _change(self, after: list[Any], own: str) -> None:
        catalog = self.context.catalog.current()
        _, steps = compile_and_change(catalog, after, frozenset({own}), now_text())
        plan = Plan(catalog.version, tuple(steps), changes_catalog=True)
        result = await self.context.writer.submit(plan, deadline_seconds=20)
        assert result.status is Status.OK, result

    async def add(self, *ids: str, table: str = "posts", title: str = "") -> None:
        """New records in one plan."""
        sql = f'INSERT INTO "{table}"("id", "title") VALUES (?, ?)'
        await self.submit(*(run(sql, (one, title)) for one in ids))

    def follow(self, topic: str, since: Position | None = None) -> Follower:
        """What server code would write."""
        return follow(self.context, topic, since)

    @property
    def head(self) -> Position:
        """The position now."""
        return Position(self.context.main.feed, self.context.main.head)

    def trim(self, n: int) -> None:
        """What retention does."""
        connection = apsw.Connection(str(self.depot.database))
        connection.set_busy_timeout(10_000)
        connection.execute("DELETE FROM _change WHERE n <= ?", (n,))
        connection.close()


@asynccontextmanager
async def followed(depot: Depot) -> AsyncIterator[Followed]:
    """A worker's context with its link and its feed, and the collection `posts`."""
    depot.page.prepared = True
    context = await build_context(0, depot.run_directory.path)
    context.writer.start()
    context.peers.start()
    context.feed.wanted = lambda: False  # as with no realtime client: the feed reads nothing
    context.feed.start()
    made = Followed(depot, context)
    try:
        await context.writer.ready()
        if context.catalog.current().find("posts") is None:
            await made.define("posts")
        yield made
    finally:
        context.feed.close()
        context.peers.close()
        context.writer.close()
        context.passwords.close()
        context.reader.close()


async def take(follower: Follower, count: int) -> list[InternalEvent]:
    """The next events."""
    return [await anext(follower) for _ in range(count)]


def keys(events: list[InternalEvent]) -> list[str]:
    """Whose events these are."""
    return [event.key for event in events]
