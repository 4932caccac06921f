"""Reads: budgets, threads, transactions, and the catalog that moves under them."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path

import pytest

from shared.errors import Kind, QuillError, not_found
from shared.limits import (
    LIKE_PATTERN_BYTES_MAX,
    QUICK_READ_PROGRESS_STEPS,
    READ_BYTES_MAX,
    SLOW_READS_WAITING_MAX,
)
from shared.schema.catalog import Catalog
from shared.sql.plan import Plan, run
from shared.sqlite.driver import SQLError
from tests.waiting import until_async
from tests.worker.engine.conftest import TABLE, insert, linked, reading
from tests.writer.link import Depot
from worker.engine import snapshot as snapshot_module
from worker.engine.batch_log import OutcomeLog
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot, quick_snapshot

_LONG = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ?) SELECT sum(i) FROM c"


def _sum(snapshot: Snapshot, _catalog: Catalog, top: int) -> tuple[object, str]:
    return snapshot.value(_LONG, (top,)), threading.current_thread().name


def test_a_short_read_stays_on_the_loop(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """And many of them never add up to the budget of one."""
    monkeypatch.setattr(snapshot_module, "QUICK_READ_SECONDS", 0.1)

    async def scenario() -> None:
        with reading(depot) as reader:
            for _ in range(1_000):
                total, thread = await reader.read(_sum, 1_000)
                assert (total, thread) == (500_500, threading.main_thread().name)

    asyncio.run(scenario())


def test_a_long_read_moves_to_a_thread(depot: Depot) -> None:
    """The same work runs again there, and the loop goes on meanwhile."""

    async def scenario() -> None:
        with reading(depot) as reader:
            total, thread = await reader.read(_sum, 300_000)
            assert total == 300_000 * 300_001 // 2
            assert thread.startswith("slow-read")
            assert (await reader.read(_sum, 10))[1] == threading.main_thread().name

    asyncio.run(scenario())


def test_an_endless_read_is_ended(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the longest time a read ends in UNAVAILABLE and says why."""
    monkeypatch.setattr(snapshot_module, "READ_SECONDS_MAX", 0.05)

    async def scenario() -> None:
        with reading(depot) as reader:
            with pytest.raises(QuillError) as caught:
                await reader.read(_sum, 1 << 40)
            assert caught.value.kind is Kind.UNAVAILABLE
            assert (await reader.read(_sum, 10))[0] == 55

    asyncio.run(scenario())


def test_time_counts_and_not_steps(depot: Depot) -> None:
    """A few hundred comparisons of long texts are few steps, and much too long for the loop."""
    sql = (
        "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 300)"
        " SELECT count(*) FROM c WHERE printf('%.*c', 5000 + i, 'a') LIKE ?"
    )

    def work(snapshot: Snapshot, _catalog: Catalog) -> tuple[object, str]:
        pattern = "%" + "a" * (LIKE_PATTERN_BYTES_MAX - 3) + "b%"
        return snapshot.value(sql, (pattern,)), threading.current_thread().name

    async def scenario() -> tuple[object, str]:
        with reading(depot) as reader:
            return await reader.read(work)

    count, thread = asyncio.run(scenario())
    assert count == 0
    assert thread.startswith("slow-read")


def test_the_engines_own_reads_have_their_own_time(
    depot: Depot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that was ended leaves nothing behind; an endless one of the engine's is ended too."""
    monkeypatch.setattr(snapshot_module, "READ_SECONDS_MAX", 0.2)

    async def scenario() -> None:
        with reading(depot) as reader:
            for _ in range(2):
                with pytest.raises(QuillError):
                    await reader.read(_sum, 1 << 40)
                total = await reader.run_in_thread(lambda own: own.value(_LONG, (10_000,)))
                assert total == 50_005_000
                with pytest.raises(QuillError) as caught:
                    await reader.run_in_thread(lambda own: own.value(_LONG, (1 << 40,)))
                assert caught.value.kind is Kind.UNAVAILABLE
                found = await OutcomeLog(reader, 1).look_up("main", [1], 0)
                assert found == {}

    asyncio.run(scenario())


def test_a_thread_without_a_connection_is_unavailable(depot: Depot, folder: Path) -> None:
    """The reader goes on; the request may be sent again."""

    async def scenario() -> None:
        with reading(depot) as reader:
            reader._path, path = folder / "none.db", reader._path
            with pytest.raises(QuillError) as caught:
                await reader.read(_sum, 1_000_000)
            assert caught.value.kind is Kind.UNAVAILABLE
            reader._path = path
            assert (await reader.read(_sum, 300_000))[0] == 300_000 * 300_001 // 2

    asyncio.run(scenario())


def test_an_answer_that_is_too_large_is_refused(depot: Depot) -> None:
    """SQLite gives up before it has made it, on the loop as in a thread."""

    def work(snapshot: Snapshot, _catalog: Catalog, top: int) -> object:
        snapshot.value(_LONG, (top,))
        return snapshot.value("SELECT hex(zeroblob(?))", (READ_BYTES_MAX,))

    async def scenario() -> None:
        with reading(depot) as reader:
            for top in (1, 300_000):
                with pytest.raises(QuillError, match="fewer records") as caught:
                    await reader.read(work, top, transaction=True)
                assert caught.value.kind is Kind.INVALID

    asyncio.run(scenario())


def test_a_commit_is_never_broken_off(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """However late it is: an open transaction would make every later read fail."""
    monkeypatch.setattr(snapshot_module, "QUICK_READ_SECONDS", 0.0)
    words = depot.page.database()
    snapshot = quick_snapshot(depot.database, words)
    for _ in range(3 * QUICK_READ_PROGRESS_STEPS):
        snapshot.run(lambda _own, _catalog: None, Catalog(0, ()), (), transaction=True)
    assert snapshot.in_transaction(lambda own: own.value("SELECT 7")) == 7
    snapshot.close()


def test_the_slow_queue_is_bounded(depot: Depot) -> None:
    """A full queue refuses at once."""

    async def scenario() -> None:
        with reading(depot) as reader:
            reader._waiting = SLOW_READS_WAITING_MAX
            with pytest.raises(QuillError) as caught:
                await reader.read(_sum, 300_000)
            assert caught.value.kind is Kind.UNAVAILABLE

    asyncio.run(scenario())


def test_a_transaction_sees_one_state(depot: Depot) -> None:
    """Two statements of one transaction agree while another process writes; `position` is older."""

    async def scenario() -> None:
        with reading(depot) as reader:
            async with linked(depot) as link:
                stop = asyncio.Event()

                async def write() -> None:
                    while not stop.is_set():
                        await link.submit(insert(depot, "x"))

                writing = asyncio.ensure_future(write())
                for _ in range(200):
                    first, second, position = await reader.read(_count_twice, transaction=True)
                    assert first == second
                    assert isinstance(first, int)
                    assert position <= first
                    await asyncio.sleep(0)
                stop.set()
                await writing

    asyncio.run(scenario())


def _count_twice(snapshot: Snapshot, _catalog: Catalog) -> tuple[object, object, int]:
    sql = "SELECT max(n) FROM _change"
    first = snapshot.value(f"SELECT coalesce(({sql}), 1 << 40)")
    return first, snapshot.value(f"SELECT coalesce(({sql}), 1 << 40)"), snapshot.position


def test_a_result_under_an_old_catalog_is_thrown_away(depot: Depot) -> None:
    """The work runs again with the new catalog when the version moved while it ran."""
    seen: list[int] = []

    async def scenario() -> int:
        with reading(depot) as reader:
            async with linked(depot) as link:
                await link.ready()

                def work(snapshot: Snapshot, catalog: Catalog) -> int:
                    seen.append(catalog.version)
                    if len(seen) == 1:
                        _bump(depot)
                    snapshot.rows(f'SELECT * FROM "{TABLE}"')
                    return catalog.version

                return await reader.read(work)

    version = asyncio.run(scenario())
    assert seen == [version - 1, version]
    assert version == depot.page.database().catalog_version


def test_a_refusal_under_an_old_catalog_is_thrown_away(depot: Depot) -> None:
    """Not only results: what the old rules refused may be allowed now."""
    seen: list[int] = []

    def work(_snapshot: Snapshot, catalog: Catalog) -> str:
        seen.append(catalog.version)
        if len(seen) == 1:
            _bump(depot)
            raise not_found()
        return "allowed"

    async def scenario() -> str:
        with reading(depot) as reader:
            return await reader.read(work)

    assert asyncio.run(scenario()) == "allowed"


def test_refusals_and_faults_pass_through(depot: Depot) -> None:
    """With a catalog that stands, errors of the work reach its caller."""

    def refuse(_snapshot: Snapshot, _catalog: Catalog) -> None:
        raise not_found()

    def fail(snapshot: Snapshot, _catalog: Catalog) -> None:
        snapshot.value("SELECT * FROM nowhere")

    async def scenario() -> None:
        with reading(depot) as reader:
            with pytest.raises(QuillError):
                await reader.read(refuse, transaction=True)
            with pytest.raises(SQLError):
                await reader.read(fail, transaction=True)
            assert (await reader.read(_sum, 3, transaction=True))[0] == 6

    asyncio.run(scenario())


class _Body:
    """What a request brought."""


@pytest.mark.parametrize("steps", [1, 300_000], ids=["on the loop", "in a thread"])
def test_what_was_refused_is_gone_at_once(depot: Depot, steps: int) -> None:
    """It may be large, and the collector of circles comes only after many requests."""

    def work(snapshot: Snapshot, _catalog: Catalog, _body: _Body) -> None:
        snapshot.value(_LONG, (steps,))
        raise not_found()

    async def refused(reader: Reader) -> weakref.ref[_Body]:
        body = _Body()
        with pytest.raises(QuillError):
            await reader.read(work, body)
        return weakref.ref(body)

    async def scenario() -> None:
        with reading(depot) as reader:
            gc.disable()
            try:
                body = await refused(reader)
                await until_async(lambda: body() is None, what="nothing holds it")
            finally:
                gc.enable()

    asyncio.run(scenario())


def _bump(depot: Depot) -> None:
    """A catalog change by another process, complete before this returns."""

    async def change() -> None:
        async with linked(depot) as link:
            version = (await link.ready()).catalog_version
            await link.submit(Plan(version, (run("SELECT 1"),), changes_catalog=True))

    thread = threading.Thread(target=asyncio.run, args=(change(),))
    thread.start()
    thread.join()
