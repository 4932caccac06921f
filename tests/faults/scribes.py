"""Scribes: clients that create, update and delete records, and know what became of each write.

Each write carries an Idempotency-Key and is sent again until it is answered, so what was asked for
happens exactly once, whatever dies meanwhile. The log says in which order.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.messages.changes import Act
from tests.cluster_process import ClusterProcess
from tests.faults.listeners import LAST_STEP, Heard
from tests.load import Answer, Connection
from tests.waiting import until_async

COLLECTION = "ledger"
FIELDS = [{"name": "step", "type": "number"}, {"name": "text", "type": "text"}]
UPDATES = 3  # after its create and before its delete, so five writes a record
PATH = f"/api/collections/{COLLECTION}/records"
_AGAIN_SECONDS = 0.05
_ACTIONS = {Act.CREATE: "create", Act.UPDATE: "update", Act.DELETE: "delete"}


@dataclass
class Scribes:
    """Some writers, each with records of its own, who share the number of writes they may do.

    `written`: what was acknowledged.  `allowed`: how many writes may be done.  `broken`: how often a connection ended without an answer.
    """

    cluster: ClusterProcess
    written: list[Heard] = field(default_factory=list)
    broken: int = 0
    allowed: int = 0
    _permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def write(self, count: int) -> None:
        """Allow so many more writes, and wait until half of them are acknowledged."""
        goal = self.allowed + count // 2
        self.allowed += count
        for _ in range(count):
            self._permits.release()
        await until_async(lambda: len(self.written) >= goal, seconds=60, what="half of the writes")

    async def settle(self) -> None:
        """Wait until all writes so far are acknowledged."""
        await until_async(
            lambda: len(self.written) == self.allowed, seconds=60, what="all of the writes"
        )

    async def work(self) -> None:
        """One writer: record after record, over one connection, until it is cancelled."""
        connection = Connection(self.cluster.url)
        try:
            while True:
                await self._record(connection)
        finally:
            await connection.close()

    async def _record(self, connection: Connection) -> None:
        await self._permits.acquire()
        answer = await self._send(connection, "POST", PATH, {"step": 0, "text": "x"})
        record = answer.json()["id"]
        self.written.append(Heard(record, "create", 0, 0))
        for step in range(1, UPDATES + 1):
            await self._permits.acquire()
            await self._send(connection, "PATCH", f"{PATH}/{record}", {"step": step})
            self.written.append(Heard(record, "update", step, 0))
        await self._permits.acquire()
        await self._send(connection, "DELETE", f"{PATH}/{record}", None)
        self.written.append(Heard(record, "delete", UPDATES, 0))

    async def _send(self, connection: Connection, method: str, path: str, body: Any) -> Answer:
        answer, broken = await insist(connection, method, path, body)
        self.broken += broken
        return answer


async def insist(connection: Connection, method: str, path: str, body: Any) -> tuple[Answer, int]:
    """Send a write until it is done; and how many connections ended without an answer."""
    key = {"Idempotency-Key": secrets.token_hex(16)}
    broken = 0
    while True:
        try:
            answer = await connection.request(method, path, body, key)
        except ConnectionError:
            broken += 1
        else:
            if answer.status in (200, 204):
                return answer, broken
            assert answer.status == 503, answer
        await asyncio.sleep(_AGAIN_SECONDS)


async def write_the_last(cluster: ClusterProcess) -> int:
    """Make the record that ends everything; its n."""
    connection = Connection(cluster.url)
    await insist(connection, "POST", PATH, {"step": LAST_STEP, "text": "last"})
    await connection.close()
    return log(cluster.depot)[-1].n


@asynccontextmanager
async def scribes(cluster: ClusterProcess, count: int = 8) -> AsyncIterator[Scribes]:
    """So many of them at work; they wait for `write`."""
    some = Scribes(cluster)
    tasks = [asyncio.create_task(some.work()) for _ in range(count)]
    try:
        yield some
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def log(depot: Path) -> list[Heard]:
    """What the log has of the collection, in its order: the truth that all listeners share."""
    uri = f"file:{depot}/data/main.db?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        rows = database.execute(
            "SELECT n, act, key FROM _change WHERE tbl ="
            " (SELECT id FROM _collections WHERE name = ?) ORDER BY n",
            (COLLECTION,),
        ).fetchall()
    found, steps = list[Heard](), Counter[str]()
    for n, act, key in rows:
        step = steps[key] - (act == Act.DELETE)
        found.append(Heard(key, _ACTIONS[Act(act)], step, n))
        steps[key] += 1
    last = found[-1]
    if last.record not in [one.record for one in found[:-1]] and last.action == "create":
        found[-1] = last._replace(step=LAST_STEP)
    return found


def by_record(heard: list[Heard]) -> dict[str, list[tuple[str, int]]]:
    """What happened to each record, in order."""
    told: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for one in heard:
        told[one.record].append((one.action, one.step))
    return told
