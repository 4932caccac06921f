"""The feed: every change once, in order, whatever notice is lost and whichever writer dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.messages.changes import Act, Change
from shared.sql.plan import Plan, run
from tests.waiting import until_async
from tests.worker.engine.conftest import TABLE, insert, linked, reading
from tests.writer.link import Depot
from worker.engine.feed import EVERY_TABLE, Feed


class _Heard:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def __call__(self, changes: list[Change]) -> None:
        self.changes += changes

    @property
    def numbers(self) -> list[int]:
        return [change.n for change in self.changes]

    @property
    def keys(self) -> list[object]:
        return [(change.new or {}).get("id") for change in self.changes]


@asynccontextmanager
async def feeding(depot: Depot, endpoint: str | None = None) -> AsyncIterator[tuple[Feed, _Heard]]:
    """A started feed with one listener."""
    with reading(depot) as reader:
        feed = Feed(endpoint or depot.run_directory.changes, reader.snapshot, depot.page.database())
        heard = _Heard()
        feed.listen(heard)
        feed.start()
        try:
            yield feed, heard
        finally:
            feed.close()


def test_changes_arrive_in_order(depot: Depot) -> None:
    """Hundreds of commits from concurrent writers: each n once, in order."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (_feed, heard):
            first = depot.page.database().head + 1
            await asyncio.gather(*(link.submit(insert(depot, str(n))) for n in range(300)))
            await until_async(lambda: len(heard.changes) == 300)
            assert heard.numbers == list(range(first, first + 300))
            assert {change.act for change in heard.changes} == {Act.CREATE}
            assert set(heard.keys) == {str(n) for n in range(300)}

    asyncio.run(scenario())


def test_an_update_tells_old_and_new(depot: Depot) -> None:
    """`old` holds what changed; `new` is whole."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (_feed, heard):
            await link.submit(insert(depot, "a", "before"))
            version = depot.page.database().catalog_version
            await link.submit(Plan(version, (run(f'UPDATE "{TABLE}" SET "v" = ?', ("after",)),)))
            await until_async(lambda: len(heard.changes) == 2)
            update = heard.changes[1]
            assert update.act is Act.UPDATE
            assert (update.old or {})["v"] == "before"
            assert (update.new or {})["v"] == "after"
            assert (update.new or {})["id"] == "a"

    asyncio.run(scenario())


def test_lost_notices_are_noticed_by_the_page(depot: Depot) -> None:
    """Without any notice at all, the page's head is followed."""

    async def scenario() -> None:
        nowhere = f"ipc://{depot.run_directory.path}/nowhere.ipc"
        async with linked(depot) as link, feeding(depot, nowhere) as (_feed, heard):
            await link.submit(insert(depot, "a"))
            await until_async(lambda: heard.keys == ["a"])

    asyncio.run(scenario())


def test_a_new_writer_is_followed(depot: Depot) -> None:
    """Changes before and after a `kill -9` of the writer arrive without gap or double."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (_feed, heard):
            for round_number in range(3):
                plans = [insert(depot, f"{round_number}-{n}") for n in range(50)]
                await asyncio.gather(*(link.submit(plan) for plan in plans))
                await asyncio.to_thread(depot.kill)
                await asyncio.to_thread(depot.start)
            await until_async(lambda: len(heard.changes) >= 150)
            assert heard.numbers == list(range(heard.numbers[0], heard.numbers[0] + 150))

    asyncio.run(scenario())


def test_unwanted_changes_are_skipped(depot: Depot) -> None:
    """While nobody wants changes only the mark moves; from then on all are told."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (feed, heard):
            feed.wanted = lambda: False
            await link.submit(insert(depot, "a"))
            await until_async(lambda: feed.position == depot.page.database().head)
            feed.wanted = lambda: True
            await link.submit(insert(depot, "b"))
            await until_async(lambda: bool(heard.changes))
            assert heard.keys == ["b"]

    asyncio.run(scenario())


def test_rows_that_were_removed_are_a_reset(depot: Depot) -> None:
    """A feed that is further behind than the log reaches tells a RESET of every table."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (feed, heard):
            held = feed.wanted
            feed._continued = True  # as in the middle of a long backlog: nothing is read
            await link.submit(insert(depot, "a"))
            await link.submit(insert(depot, "b"))
            gone = depot.page.database().head - 1
            version = depot.page.database().catalog_version
            await link.submit(Plan(version, (run("DELETE FROM _change WHERE n <= ?", (gone,)),)))
            feed._continued = False
            assert held()
            await until_async(lambda: len(heard.changes) >= 2)
            assert (heard.changes[0].act, heard.changes[0].table) == (Act.RESET, EVERY_TABLE)
            assert heard.keys[1] == "b"
            assert heard.numbers == [gone, gone + 1]

    asyncio.run(scenario())


def test_an_emptied_log_is_a_reset(depot: Depot) -> None:
    """When retention took everything above the mark, the RESET carries the head."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (feed, heard):
            feed._continued = True
            await link.submit(insert(depot, "a"))
            version = depot.page.database().catalog_version
            await link.submit(Plan(version, (run("DELETE FROM _change"),)))
            feed._continued = False
            await until_async(lambda: bool(heard.changes))
            assert [change.act for change in heard.changes] == [Act.RESET]
            assert feed.position == depot.page.database().head

    asyncio.run(scenario())


def test_rows_that_the_page_does_not_show_yet_wait(depot: Depot) -> None:
    """A commit whose writer has not moved the page is told when the page has moved, as no RESET."""

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (feed, heard):
            feed._continued = True
            await link.submit(insert(depot, "a"))
            await link.submit(insert(depot, "b"))
            words = depot.page.database()
            words.head -= 1
            feed._continued = False
            feed.advance()
            feed.advance()
            assert heard.keys == ["a"]
            words.head += 1
            feed.advance()
            assert heard.keys == ["a", "b"]
            assert {change.act for change in heard.changes} == {Act.CREATE}

    asyncio.run(scenario())


def test_a_new_feed_id_is_a_reset(depot: Depot) -> None:
    """After a restore the numbers mean something else."""

    async def scenario() -> None:
        async with feeding(depot) as (_feed, heard):
            depot.page.database().feed += 1
            await until_async(lambda: bool(heard.changes))
            assert [change.act for change in heard.changes] == [Act.RESET]

    asyncio.run(scenario())


def test_a_failing_listener_does_not_deafen_the_others(depot: Depot) -> None:
    """Its error is logged; the next listener hears everything."""

    def broken(_changes: list[Change]) -> None:
        raise ValueError

    async def scenario() -> None:
        async with linked(depot) as link, feeding(depot) as (feed, heard):
            feed._listeners.insert(0, broken)
            await link.submit(insert(depot, "a"))
            await link.submit(insert(depot, "b"))
            await until_async(lambda: heard.keys == ["a", "b"])

    asyncio.run(scenario())


def test_those_who_read_for_themselves_are_woken(depot: Depot) -> None:
    """Also while nobody wants changes; without notices too; and no more after they have left."""

    async def scenario() -> None:
        nowhere = f"ipc://{depot.run_directory.path}/nowhere.ipc"
        async with linked(depot) as link, feeding(depot, nowhere) as (feed, heard):
            feed.wanted = lambda: False
            seen: list[int] = []

            def waker() -> None:
                seen.append(depot.page.database().head)

            feed.wake(waker)
            for key in "ab":
                await link.submit(insert(depot, key))
                await until_async(lambda: seen[-1:] == [depot.page.database().head])
            feed.wake_no_more(waker)
            count = len(seen)
            await link.submit(insert(depot, "c"))
            await until_async(lambda: feed.position == depot.page.database().head)
            assert (len(seen), heard.changes) == (count, [])

    asyncio.run(scenario())
