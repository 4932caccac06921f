"""Reading databases beside main, and writing to them, as a worker does; over a real writer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.depot.layout import DepotLayout
from shared.errors import Kind, QuillError
from shared.messages.commands import Status
from shared.schema.catalog import Catalog
from shared.sql.plan import Bulk, Plan, run
from tests.waiting import until
from tests.writer.link import Depot, Link
from worker.engine import snapshot as snapshot_module
from worker.engine.batch_log import OutcomeLog
from worker.engine.others import Others
from worker.engine.reader import Reader
from worker.engine.snapshot import Snapshot
from worker.engine.writer_link import WriterLink

COUNT = "SELECT count(*) FROM tenant.items"


@pytest.fixture
def tenant(idle_depot: Depot, tmp_path: Path) -> Link:
    """A running writer with a database `tenant` with `items`; it holds where `tmp_path/hold` is."""
    points = f"writer.before_commit=hold:{tmp_path / 'hold'}"
    kill = f"writer.after_commit=kill:{tmp_path / 'kill'}"
    idle_depot.start(QUILL_FAILPOINT=f"{points},{kill}")
    link = Link(idle_depot)
    link.hello()
    link.name_databases("tenant")
    link.define("CREATE TABLE items(id TEXT PRIMARY KEY)", database="tenant")
    return link


@contextmanager
def reading(depot: Depot) -> Iterator[Reader]:
    """A worker's reader that knows the other databases."""
    others = Others(DepotLayout(depot.folder), depot.run_directory, depot.page)
    reader = Reader(depot.database, depot.page.database(), others)
    try:
        yield reader
    finally:
        reader.close()


def count(snapshot: Snapshot, _catalog: Catalog) -> object:
    """Rows of items."""
    return snapshot.value(COUNT)


def _value(snapshot: Snapshot, _catalog: Catalog, sql: str) -> object:
    return snapshot.value(sql)


def test_it_is_read_under_its_name(idle_depot: Depot, tenant: Link) -> None:
    """What is acknowledged is seen at once; its words tell its own head."""

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            assert await reader.read_beside(["tenant"], count) == 0
            head = reader.other("tenant").words.head
            tenant.run(run("INSERT INTO items VALUES ('a')"), database="tenant")
            assert await reader.read_beside(["tenant"], count, transaction=True) == 1
            assert reader.other("tenant").words.head == head + 1
            assert reader.other("tenant").words.feed != idle_depot.page.database().feed

    asyncio.run(scenario())


def test_what_another_catalog_was_planned_for_is_thrown_away(
    idle_depot: Depot, tenant: Link
) -> None:
    """The table changes in the middle of a read: it runs again."""
    seen: list[object] = []

    def meddle(snapshot: Snapshot, catalog: Catalog) -> object:
        found = count(snapshot, catalog)
        if not seen:
            tenant.define("INSERT INTO items VALUES ('a')", database="tenant")
        seen.append(found)
        return found

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            # In a transaction, so that the first run cannot see what was done meanwhile.
            assert await reader.read_beside(["tenant"], meddle, transaction=True) == 1

    asyncio.run(scenario())
    assert seen == [0, 1]


@pytest.mark.parametrize("name", ["nowhere", "../main", "main"])
def test_one_that_is_not_open_is_unavailable(idle_depot: Depot, tenant: Link, name: str) -> None:
    """Unknown, or closed since."""

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            for missing in (name, "tenant"):
                with pytest.raises(QuillError) as caught:
                    await reader.read_beside([missing], count)
                assert caught.value.kind is Kind.UNAVAILABLE

    tenant.name_databases()
    asyncio.run(scenario())


def test_names_that_come_and_go_are_bounded(
    idle_depot: Depot, tenant: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection holds a few and attaches again what it needs."""
    monkeypatch.setattr(snapshot_module, "ATTACHED_DATABASES_MAX", 2)
    names = ["tenant", "b", "c", "d"]
    tenant.name_databases(*names)

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            for name in [*names, *names]:
                sql = f'SELECT count(*) FROM "{name}"._head'
                assert await reader.read_beside([name], _value, sql) == 1

    asyncio.run(scenario())


def test_the_one_used_least_lately_makes_room(
    idle_depot: Depot, tenant: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of one read stay together, whatever was attached before."""
    monkeypatch.setattr(snapshot_module, "ATTACHED_DATABASES_MAX", 3)
    names = ["tenant", "b", "c", "d"]
    tenant.name_databases(*names)
    attached = "SELECT group_concat(name) FROM pragma_database_list WHERE name <> 'main'"

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            for needed, left in (
                (["tenant", "b", "c"], "tenant,b,c"),
                (["tenant"], "tenant,b,c"),
                (["d"], "tenant,c,d"),
                (["d", "c", "b"], "c,d,b"),
            ):
                for transaction in (False, True):
                    found = await reader.read_beside(
                        needed, _value, attached, transaction=transaction
                    )
                    assert set(str(found).split(",")) == set(left.split(","))

    asyncio.run(scenario())


def test_another_file_under_the_same_name(idle_depot: Depot, tenant: Link) -> None:
    """It went out of the settings, a copy took the place of its file, and it came again."""
    file, copy = idle_depot.path("tenant"), idle_depot.data / "copy"
    assert idle_depot.process is not None
    descriptors = Path(f"/proc/{idle_depot.process.pid}/fd")

    def is_closed() -> bool:
        return str(file) not in {os.path.realpath(one) for one in descriptors.iterdir()}

    sql = "INSERT INTO items VALUES (?)"
    tenant.run(run(sql, ("old",)), database="tenant")

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            first = reader.other("tenant").state
            assert await reader.read_beside(["tenant"], count) == 1
            tenant.name_databases()
            until(is_closed, what="the writer has closed it")
            copy.write_bytes(file.read_bytes())
            for beside in ("tenant.db-wal", "tenant.db-shm"):
                file.with_name(beside).unlink(missing_ok=True)
            copy.replace(file)
            tenant.name_databases("tenant")
            tenant.run(run(sql, ("new",)), database="tenant")
            assert reader.other("tenant").state == first
            for transaction in (True, False):
                found = await reader.read_beside(["tenant"], count, transaction=transaction)
                assert found == 2

    asyncio.run(scenario())


def test_a_catalog_of_its_own_is_empty(idle_depot: Depot, tenant: Link) -> None:
    """A reader of the file itself has a version to plan for, and no collections."""
    assert tenant.run(run("SELECT 1"), database="tenant").status is Status.OK
    reader = Reader(idle_depot.path("tenant"), idle_depot.words("tenant"))
    catalog = reader.catalog.current()
    assert catalog.version == idle_depot.words("tenant").catalog_version
    assert list(catalog.all()) == []
    reader.close()


def test_links_write_anywhere_and_wait_for_nobody(
    idle_depot: Depot, tenant: Link, tmp_path: Path
) -> None:
    """A long plan keeps the marks of its own database only; others are answered and forgotten."""
    assert tenant.run(run("CREATE TABLE m(id)"), changes_catalog=True).status is Status.OK
    (tmp_path / "hold").touch()
    held = tmp_path / "hold.held"

    async def scenario() -> None:
        link = WriterLink(idle_depot.run_directory.writer, 77)
        link.start()
        await link.ready()
        version = idle_depot.words("tenant").catalog_version
        step = run("INSERT INTO items VALUES ('slow')")
        slow = Plan(version, (step,), database="tenant", bulk=Bulk(30))
        waiting = asyncio.create_task(link.submit(slow, deadline_seconds=60))
        await asyncio.to_thread(until, held.exists, what="the bulk plan is held")
        main = Plan(idle_depot.page.database().catalog_version, (run("INSERT INTO m VALUES (1)"),))
        for _ in range(3):
            assert (await link.submit(main)).status is Status.OK
        assert (link._acked(), link._acked_in("tenant"), link._acked_in("main")) == (0, 0, 4)
        assert not waiting.done()
        held.unlink()
        assert (await waiting).status is Status.OK
        link.close()

    asyncio.run(scenario())


def test_an_outcome_is_looked_up_in_its_own_log(
    idle_depot: Depot, tenant: Link, tmp_path: Path
) -> None:
    """The writer died after the COMMIT and nobody follows it: the log has the answer."""
    version = idle_depot.words("tenant").catalog_version

    async def scenario() -> None:
        with reading(idle_depot) as reader:
            link = WriterLink(idle_depot.run_directory.writer, 78, OutcomeLog(reader, 78).look_up)
            link.start()
            await link.ready()
            (tmp_path / "kill").touch()
            plan = Plan(version, (run("INSERT INTO items VALUES ('a')"),), database="tenant")
            assert (await link.submit(plan, deadline_seconds=0.5)).status is Status.OK
            link.close()

    asyncio.run(scenario())


def test_closed_is_not_believed_of_what_was_sent_before(
    idle_depot: Depot, tenant: Link, tmp_path: Path
) -> None:
    """The next writer cannot open the database: what became of the plan is not known."""
    version = idle_depot.words("tenant").catalog_version

    async def scenario() -> None:
        link = WriterLink(idle_depot.run_directory.writer, 79)
        link.start()
        await link.ready()
        (tmp_path / "kill").touch()
        plan = Plan(version, (run("INSERT INTO items VALUES ('a')"),), database="tenant")
        waiting = asyncio.create_task(link.submit(plan, deadline_seconds=30))
        await asyncio.to_thread(idle_depot.wait)
        for path in idle_depot.data.glob("tenant.db-*"):
            path.unlink()
        idle_depot.path("tenant").write_bytes(b"broken" * 1000)
        await asyncio.to_thread(idle_depot.start)
        with pytest.raises(QuillError) as caught:
            await waiting
        assert caught.value.kind is Kind.UNKNOWN_OUTCOME
        with pytest.raises(QuillError) as caught:
            await link.submit(plan)
        assert caught.value.kind is Kind.UNAVAILABLE
        link.close()

    asyncio.run(scenario())
