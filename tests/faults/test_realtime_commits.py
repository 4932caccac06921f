"""An event is never seen before its commit can be read, and never of a write that was undone."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.crowd import listening, spread
from tests.faults.faulty import replaced, wait_until, writer_of_age
from tests.faults.listeners import LAST_STEP, Heard, Listener, listeners
from tests.faults.scribes import COLLECTION, FIELDS, PATH, log, scribes
from tests.load import Connection as Caller
from tests.sse import Connection
from tests.waiting import until_async
from tests.worker.records.batching import BATCH, changing, creating

_LISTENERS = 16
_ROUNDS, _AT_ONCE = 20, 8
_READERS = 8  # connections to each worker
_CLIENTS = 8
_BATCHES = 80
_GAMBLE_LISTENERS = 8
_POINTS = ("before_operation", "before_commit", "after_commit")


class Witness:
    """Asks the other worker for the record of each event, the moment that it comes."""

    def __init__(self) -> None:
        self._readers: dict[int, asyncio.Queue[Connection]] = {
            0: asyncio.Queue(),
            1: asyncio.Queue(),
        }
        self._looks: list[asyncio.Task[None]] = []
        self.seen: Counter[str] = Counter()
        self.gone: set[str] = set()

    async def open(self, port: int) -> None:
        """Connect to both workers."""
        for slot, queue in self._readers.items():
            for _ in range(_READERS):
                queue.put_nowait(await Connection.to_slot(port, slot))

    async def close(self) -> None:
        """Hang up."""
        for queue in self._readers.values():
            while not queue.empty():
                await queue.get_nowait().close()

    def look(self, slot: int, heard: Heard) -> None:
        """Begin to look; `slot` is of the worker that told it."""
        if heard.step != LAST_STEP:
            self._looks.append(asyncio.create_task(self._look(1 - slot, heard)))

    async def settle(self, looks: int) -> None:
        """Wait until so many events have been looked up, and raise what was found wrong."""
        await until_async(lambda: len(self._looks) >= looks, seconds=60, what="all events")
        await asyncio.gather(*self._looks)

    async def _look(self, slot: int, heard: Heard) -> None:
        readers = self._readers[slot]
        reader = await readers.get()
        try:
            status, record = await reader.request("GET", f"{PATH}/{heard.record}")
        finally:
            readers.put_nowait(reader)
        self.seen[f"{heard.action} {status}"] += 1
        if status == 404:
            self.gone.add(heard.record)
        else:
            assert status == 200, record
            assert heard.action != "delete", f"{heard} was told and is still there"
            assert record["step"] >= heard.step, f"{heard} was told before it could be read"


def test_an_event_can_be_read_at_once_on_the_other_worker(live_cluster: ClusterProcess) -> None:
    """Each event's record is there in that version or a later one, when it is asked for at once."""
    live_cluster.collection(COLLECTION, FIELDS)
    some = listeners(_LISTENERS, COLLECTION, live_cluster.port, live_cluster.realtime_port)
    witness = Witness()

    async def scenario() -> None:
        await witness.open(live_cluster.port)
        for one in some:
            one.witness = witness.look
        async with listening(live_cluster, some), scribes(live_cluster, _AT_ONCE) as writing:
            for _ in range(_ROUNDS):
                await writing.write(_AT_ONCE)  # no more at once, so that none waits to be looked up
                await writing.settle()
                await witness.settle(writing.allowed * _LISTENERS)
        await witness.close()

    asyncio.run(scenario())
    deleted = {one.record for one in log(live_cluster.depot) if one.action == "delete"}
    assert witness.gone <= deleted, "told before it was there"
    assert len(spread(some)) == 2
    for usual in ("create 200", "update 200", "delete 404"):
        assert witness.seen[usual] > _LISTENERS, witness.seen


class Gamblers:
    """Clients that send batches of creates, every other with a request in it that fails.

    They take no care: nothing is sent again.  `doomed`: ids that must never be heard of.
    `doubtful`: ids of good batches whose answer did not come.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.doomed: set[str] = set()
        self.doubtful: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self._allowed = self._sent = 0
        self._permits = asyncio.Semaphore(0)

    async def play(self) -> None:
        """One of them, until it is cancelled."""
        caller = Caller(self._url)
        try:
            for number in itertools.count():
                await self._permits.acquire()
                await self._play_once(caller, number)
                self._sent += 1
        finally:
            await caller.close()

    async def _play_once(self, caller: Caller, number: int) -> None:
        ids = [secrets.token_hex(8)[:15] for _ in range(3)]
        requests = [creating(COLLECTION, id=one, step=number) for one in ids]
        if number % 2:
            self.doomed.update(ids)
            requests.insert(2, changing(COLLECTION, "nowhere", step=1))
        try:
            answer = await caller.request("POST", BATCH, {"requests": requests})
        except ConnectionError:
            self.doubtful.update(set(ids) - self.doomed)
            return
        self.statuses[answer.status] += 1
        assert answer.status in (200, 400, 503), answer
        assert number % 2 == (answer.status == 400) or answer.status == 503

    def allow(self, batches: int) -> None:
        """Let them send so many more."""
        self._allowed += batches
        for _ in range(batches):
            self._permits.release()

    async def settle(self) -> None:
        """Wait until all of them are answered, or lost."""
        await until_async(lambda: self._sent == self._allowed, seconds=60, what="answers")


def _check(cluster: ClusterProcess, some: list[Listener], gamblers: Gamblers) -> None:
    """Exactly the records that are there were told, once each."""
    there = Counter(_stored(cluster))
    for one in some:
        told = Counter(heard.record for heard in one.heard)
        assert not gamblers.doomed & set(told), "told and undone"
        if one.resumes:
            assert told == there
        else:
            assert told <= there
    assert not gamblers.doomed & set(there)


def _stored(cluster: ClusterProcess) -> list[str]:
    found: list[str] = []
    with httpx.Client(base_url=cluster.url, timeout=30) as client:
        query: dict[str, str | int] = {"perPage": 1000, "skipTotal": 1, "sort": "id"}
        for page in itertools.count(1):
            items = client.get(PATH, params={**query, "page": page}).json()["items"]
            found += [item["id"] for item in items]
            if len(items) < 1000:
                return found
    raise AssertionError


@pytest.mark.parametrize("with_workers", [False, True], ids=["writer", "writer and workers"])
def test_only_what_exists_was_told(tmp_path: Path, with_workers: bool) -> None:
    """Batches fail in the middle, and writers die in the middle of theirs: told means stored.

    When the workers die with the writer, nobody sends again what it had not committed.
    """
    triggers = {point: tmp_path / point for point in _POINTS}
    failpoints = ",".join(f"writer.{point}=kill:{file}" for point, file in triggers.items())
    with ClusterProcess(
        tmp_path / "depot",
        arguments=["--realtime-port=0"],
        env={"QUILL_FAILPOINT": failpoints},
    ) as cluster:
        cluster.collection(COLLECTION, FIELDS)
        some = listeners(_GAMBLE_LISTENERS, COLLECTION, cluster.port, cluster.realtime_port)
        gamblers = Gamblers(cluster.url)

        async def scenario() -> None:
            async with listening(cluster, some):
                players = [asyncio.create_task(gamblers.play()) for _ in range(_CLIENTS)]
                for file in triggers.values():
                    await writer_of_age()
                    file.touch()
                    gamblers.allow(_BATCHES)
                    await _die(cluster, file, with_workers=with_workers)
                    await gamblers.settle()
                for player in players:
                    player.cancel()
                ends = await asyncio.gather(*players, return_exceptions=True)
                assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends

        asyncio.run(scenario())
        _check(cluster, some, gamblers)
        assert gamblers.doomed
        undone = gamblers.doubtful - set(_stored(cluster))
        assert bool(undone) == with_workers, "the writer did not die in the middle of a batch"


async def _die(cluster: ClusterProcess, trigger: Path, *, with_workers: bool) -> None:
    """The writer kills itself there, and with it go those who would send again, if wanted."""
    old = cluster.children()
    await until_async(lambda: not trigger.exists(), what="the writer dies")
    names = ["writer"]
    if with_workers:
        names += [cluster_name for cluster_name in old if cluster_name != "writer"]
        for name in names[1:]:
            cluster.kill(name)
    for name in names:
        await replaced(cluster, name, old[name])
    await wait_until(cluster.ready, "ready again")
