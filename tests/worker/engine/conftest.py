"""Fixtures: a running writer over a fresh depot, with a table to write into."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from shared.messages.commands import Result
from shared.sql.plan import Plan, Value, returning, run
from tests.writer.link import Depot
from worker.engine.batch_log import OutcomeLog
from worker.engine.reader import Reader
from worker.engine.writer_link import WriterLink

TABLE = "probe"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, since ipc paths are bounded."""
    made = Path(tempfile.mkdtemp(prefix="quill-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def idle_depot(folder: Path) -> Iterator[Depot]:
    """A depot whose writer is not started."""
    made = Depot(folder)
    yield made
    made.close()


@pytest.fixture
def depot(idle_depot: Depot) -> Depot:
    """A depot whose writer runs and has made the table."""
    idle_depot.start()
    asyncio.run(make_table(idle_depot))
    return idle_depot


async def make_table(depot: Depot) -> Result:
    """Have the writer create the table."""
    ddl = f'CREATE TABLE "{TABLE}" (_rowid_ INTEGER PRIMARY KEY, "id" TEXT, "v" TEXT)'
    async with linked(depot) as link:
        version = (await link.ready()).catalog_version
        return await link.submit(Plan(version, (run(ddl),), changes_catalog=True))


@contextmanager
def reading(depot: Depot) -> Iterator[Reader]:
    """A worker's reader of the depot."""
    reader = Reader(depot.database, depot.page.database())
    try:
        yield reader
    finally:
        reader.close()


@asynccontextmanager
async def linked(depot: Depot) -> AsyncIterator[WriterLink]:
    """A worker's link to the depot's writer, which can look outcomes up when there is a file."""
    incarnation = secrets.randbits(63)
    with ExitStack() as stack:
        lookup = None
        if depot.database.exists():
            lookup = OutcomeLog(stack.enter_context(reading(depot)), incarnation).look_up
        link = WriterLink(depot.run_directory.writer, incarnation, lookup)
        link.start()
        stack.callback(link.close)
        yield link


def insert(depot: Depot, key: str, value: str = "") -> Plan:
    """A plan that adds one row and returns its id. The table has no unique index: doubles show."""
    params: tuple[Value, ...] = (key, value)
    sql = f'INSERT INTO "{TABLE}"("id", "v") VALUES (?, ?) RETURNING "id"'
    return Plan(depot.page.database().catalog_version, (returning(sql, params),))


def keys(depot: Depot) -> list[str]:
    """Every id in the table."""
    return [str(key) for (key,) in depot.rows(f'SELECT "id" FROM "{TABLE}"')]
