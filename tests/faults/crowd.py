"""A crowd of listeners over both workers, what is done to it, and what it must have heard."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.cluster_process import ClusterProcess
from tests.faults.listeners import Heard, Listener, Spell, listeners
from tests.faults.scribes import (
    COLLECTION,
    FIELDS,
    Scribes,
    by_record,
    log,
    scribes,
    write_the_last,
)
from tests.waiting import until_async

SUBSCRIBERS = 200
Disturb = Callable[[Scribes], Awaitable[None]]


@dataclass
class Outcome:
    """What everybody heard, and the log that they should have heard."""

    listeners: list[Listener]
    truth: list[Heard]
    scribes: Scribes

    @property
    def deliveries(self) -> int:
        """Events that arrived, over all listeners."""
        return sum(len(one.heard) for one in self.listeners)

    @property
    def ends(self) -> int:
        """Connections that ended before the last."""
        return sum(len(one.spells) - 1 for one in self.listeners)

    def check(self) -> None:
        """Nothing lost, nothing doubled and all in order, but for gaps that everybody can see."""
        self._check_writes()
        for listener in self.listeners:
            check_listener(listener.spells, self.truth, resumes=listener.resumes)

    def _check_writes(self) -> None:
        """The log is what was acknowledged, once each, and a last record."""
        assert by_record(self.truth[:-1]) == by_record(self.scribes.written)


def check_listener(spells: list[Spell], truth: list[Heard], *, resumes: bool) -> None:
    """What one listener heard is the log, but for what passed between two connections."""
    places = {one._replace(n=0): place for place, one in enumerate(truth)}
    assert len(places) == len(truth)
    end = 0
    for spell in spells:
        start = _start(spell, truth, places)
        assert start >= end, f"told twice: {start} after {end}"
        assert not resumes or (start == end and not spell.told), f"lost: {start - end} at {end}"
        end = start + len(spell.heard)
        _compare(spell.heard, truth[start:end])
    assert end == len(truth), f"the end is missing: {end} of {len(truth)}"


def _start(spell: Spell, truth: list[Heard], places: dict[Heard, int]) -> int:
    """Where in the log a spell begins: no later than it promised."""
    promised = next((place for place, one in enumerate(truth) if one.n > spell.begins), len(truth))
    if spell.exact or not spell.heard:
        return promised
    start = places.get(spell.heard[0]._replace(n=0), promised)
    assert start <= promised, f"lost at the beginning: {start - promised}"
    return start


def _compare(heard: list[Heard], truth: list[Heard]) -> None:
    """One connection heard a part of the log without a gap, and in the log's order."""
    for got, true in zip(heard, truth, strict=True):
        assert got == true._replace(n=got.n), f"{got} in place of {true}"
        assert got.n in (0, true.n)


def listen_through(
    cluster: ClusterProcess,
    disturb: Disturb,
    *,
    subscribers: int = SUBSCRIBERS,
    cuts: bool = False,
) -> Outcome:
    """Let everybody subscribe, do what `disturb` does while scribes write, and wait for the end.

    `cuts`: meanwhile all listeners drop their connections at random.
    """
    cluster.collection(COLLECTION, FIELDS)
    return asyncio.run(_listen_through(cluster, disturb, subscribers, cuts))


async def _listen_through(
    cluster: ClusterProcess, disturb: Disturb, subscribers: int, cuts: bool
) -> Outcome:
    some = listeners(subscribers, COLLECTION, cluster.port, cluster.realtime_port)
    async with listening(cluster, some), scribes(cluster) as writing:
        for one in some:
            one.cuts = cuts
        await disturb(writing)
        await writing.settle()
    return Outcome(some, log(cluster.depot), writing)


@asynccontextmanager
async def listening(cluster: ClusterProcess, some: list[Listener]) -> AsyncIterator[None]:
    """All of them listen, and have heard everything when it is over; the last write is made then."""
    tasks = [asyncio.create_task(one.run()) for one in some]
    try:
        await _all_listening(some, tasks)
        yield
        for one in some:
            one.cuts = False
        await _all_listening(some, tasks)
        last_n = await write_the_last(cluster)
        for one in some:
            one.end(last_n)
        _done, late = await asyncio.wait(tasks, timeout=60)
        assert not late, f"{len(late)} never heard the last write"
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all_listening(some: list[Listener], tasks: list[asyncio.Task[None]]) -> None:
    def all_listen() -> bool:
        for task in tasks:
            if task.done():
                task.result()
        return all(one.listening for one in some)

    await until_async(all_listen, seconds=60, what="everybody listens")


def spread(some: list[Listener]) -> Counter[int]:
    """How many listened on which worker at some time."""
    return Counter(slot for one in some for slot in one.slots)
