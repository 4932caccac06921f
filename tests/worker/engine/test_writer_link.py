"""The link to the writer: nothing lost, nothing twice, whatever happens to the other end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from shared.errors import Kind, QuillError
from shared.limits import IN_FLIGHT_WRITES_PER_WORKER
from shared.messages.commands import Result, Status
from shared.sql.plan import Plan, require, run
from shared.sqlite.driver import BusyError, CantOpenError, InterruptError
from tests.waiting import until, until_async
from tests.worker.engine.conftest import insert, keys, linked
from tests.writer.link import Depot
from worker.engine.writer_link import WriterLink


def test_a_plan_is_answered(depot: Depot) -> None:
    """The result carries the value of the RETURN step."""

    async def scenario() -> None:
        async with linked(depot) as link:
            result = await link.submit(insert(depot, "a"), request_id="r", actor="x/y")
            assert (result.status, result.payload) == (Status.OK, "a")

    asyncio.run(scenario())
    assert keys(depot) == ["a"]


def test_operations_wait_for_the_first_writer(idle_depot: Depot) -> None:
    """What is submitted before any writer runs is answered when one comes up."""

    async def scenario() -> Result:
        async with linked(idle_depot) as link:
            waiting = asyncio.ensure_future(link.submit(Plan(1, (run("SELECT 1"),))))
            await asyncio.to_thread(idle_depot.start)
            return await waiting

    assert asyncio.run(scenario()).status in (Status.OK, Status.STALE)


def test_refusals_and_stale_plans_are_handed_back(depot: Depot) -> None:
    """REFUSED, FAILED and STALE are the caller's affair."""

    async def scenario() -> None:
        async with linked(depot) as link:
            version = depot.page.database().catalog_version
            guard = require("SELECT 1 WHERE 0", refusal="nope:field")
            refused = await link.submit(Plan(version, (guard,)))
            assert (refused.status, refused.payload) == (Status.REFUSED, "nope:field")
            failed = await link.submit(Plan(version, (run("INSERT INTO nowhere VALUES (1)"),)))
            assert failed.status == Status.FAILED
            stale = await link.submit(Plan(version + 1, insert(depot, "a").steps))
            assert stale.status == Status.STALE

    asyncio.run(scenario())


def test_kill_9_of_the_writer_is_only_latency(depot: Depot) -> None:
    """Five kills under 32 submitters: no error, nothing lost, nothing twice."""
    acknowledged: list[str] = []

    async def submitter(link: WriterLink, number: int, stop: asyncio.Event) -> None:
        count = 0
        while not stop.is_set():
            key = f"{number}-{count}"
            assert (await link.submit(insert(depot, key))).status == Status.OK
            acknowledged.append(key)
            count += 1

    def submitted(goal: int) -> bool:
        return len(acknowledged) >= goal

    async def scenario() -> None:
        stop = asyncio.Event()
        async with linked(depot) as link:
            tasks = [asyncio.ensure_future(submitter(link, n, stop)) for n in range(32)]
            for _ in range(5):
                goal = len(acknowledged) + 200
                await until_async(partial(submitted, goal), what="load")
                await asyncio.to_thread(depot.kill)
                await asyncio.to_thread(depot.start)
            stop.set()
            await asyncio.gather(*tasks)

    asyncio.run(scenario())
    stored = keys(depot)
    assert sorted(stored) == sorted(acknowledged)
    assert len(set(stored)) == len(stored)


def test_an_unanswered_write_is_found_in_the_log(depot: Depot) -> None:
    """A result that was committed and never told is read from `_batch` at the deadline."""

    async def scenario() -> None:
        async with linked(depot) as link:
            await link.ready()
            link._dealer._received = lambda _message: None
            result = await link.submit(insert(depot, "a"), deadline_seconds=0.2)
            assert (result.status, result.payload) == (Status.OK, "a")

    asyncio.run(scenario())


def test_a_stopped_writer_means_an_unknown_outcome(depot: Depot) -> None:
    """Past the deadline and not in the log: the error says so, and the write is not doubled."""
    assert depot.process is not None
    pid = depot.process.pid

    async def scenario() -> QuillError:
        async with linked(depot) as link:
            await link.ready()
            os.kill(pid, signal.SIGSTOP)
            try:
                with pytest.raises(QuillError) as caught:
                    await link.submit(insert(depot, "a"), deadline_seconds=0.2)
            finally:
                os.kill(pid, signal.SIGCONT)
            return caught.value

    assert asyncio.run(scenario()).kind is Kind.UNKNOWN_OUTCOME
    assert len(keys(depot)) <= 1


@pytest.mark.parametrize("fault", [CantOpenError, BusyError, InterruptError, ValueError])
def test_a_lookup_that_fails_means_an_unknown_outcome(depot: Depot, fault: type[Exception]) -> None:
    """Whatever goes wrong in reading the log, whoever waits is told."""

    async def lookup(_name: str, _seqs: Iterable[int], _since: int) -> dict[int, Result]:
        raise fault

    async def scenario() -> QuillError:
        link = WriterLink(depot.run_directory.writer, 1, lookup)
        link.start()
        await link.ready()
        link._dealer._received = lambda _message: None
        with pytest.raises(QuillError) as caught:
            await asyncio.wait_for(link.submit(insert(depot, "a"), deadline_seconds=0.1), 10)
        link.close()
        return caught.value

    assert asyncio.run(scenario()).kind is Kind.UNKNOWN_OUTCOME


def test_never_sent_means_certainly_not_applied(folder: Path) -> None:
    """Without any writer the deadline ends in UNAVAILABLE, not in doubt."""

    async def scenario() -> None:
        link = WriterLink(f"ipc://{folder}/nobody.ipc", 1)
        link.start()
        started = time.monotonic()
        with pytest.raises(QuillError) as caught:
            await link.submit(Plan(0, ()), deadline_seconds=0.1)
        assert caught.value.kind is Kind.UNAVAILABLE
        assert time.monotonic() - started < 1
        link.close()

    asyncio.run(scenario())


def test_a_full_link_refuses_at_once(folder: Path) -> None:
    """One more than the bound is refused without waiting."""

    async def scenario() -> None:
        link = WriterLink(f"ipc://{folder}/nobody.ipc", 1)
        link.start()
        waiting = [
            asyncio.ensure_future(link.submit(Plan(0, ())))
            for _ in range(IN_FLIGHT_WRITES_PER_WORKER)
        ]
        await asyncio.sleep(0)
        with pytest.raises(QuillError) as caught:
            await asyncio.wait_for(link.submit(Plan(0, ())), 2)
        assert caught.value.kind is Kind.UNAVAILABLE
        link.close()
        await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(scenario())


def test_one_tick_is_one_message(depot: Depot) -> None:
    """Operations of one turn of the loop travel together."""

    async def scenario() -> int:
        async with linked(depot) as link:
            await link.ready()
            sent: list[bytes] = []
            send = link._dealer.send

            def count(message: bytes) -> None:
                sent.append(message)
                send(message)

            link._dealer.send = count  # type: ignore[method-assign]
            plans = [insert(depot, str(n)) for n in range(20)]
            await asyncio.gather(*(link.submit(plan) for plan in plans))
            return len(sent)

    assert asyncio.run(scenario()) == 1
    until(lambda: len(keys(depot)) == 20)
