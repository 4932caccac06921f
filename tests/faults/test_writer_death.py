"""kill -9 of the writer under load: clients see latency, never an error, a loss or a double."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared.limits import RESTART_EARLY_SECONDS
from tests.cluster_process import ClusterProcess
from tests.faults.creators import FIELDS, PATH, Ledger, under_load, until_acknowledged
from tests.load import Connection
from tests.sse import EventStream
from tests.waiting import until

STALL_SECONDS_MAX = 1.0
EVENT_SECONDS_MAX = 0.2


async def _settled(cluster: ClusterProcess) -> None:
    """Ready for longer than a second: a death before that is a crash loop, which waits by design."""
    await asyncio.to_thread(until, cluster.ready, what="ready")
    since = time.monotonic()
    await asyncio.to_thread(
        until, lambda: time.monotonic() - since > RESTART_EARLY_SECONDS * 1.2, what="settled"
    )


async def _kill_writer(cluster: ClusterProcess, times: int, ledger: Ledger) -> None:
    for _ in range(times):
        await until_acknowledged(ledger, 100)
        killed = cluster.kill("writer")
        await asyncio.to_thread(
            until, lambda old=killed: cluster.children().get("writer", old) != old, what="restart"
        )
        await _settled(cluster)
    await until_acknowledged(ledger, 100)


async def _event_after_silence(cluster: ClusterProcess) -> float:
    """How long after one create is sent its event arrives, with no other write to help it."""
    async with await EventStream.open(cluster.port) as stream:
        assert await stream.subscribe("ledger/*") == 204
        connection = Connection(cluster.url)
        await connection.request("GET", "/api/health")
        started = time.monotonic()
        answer = await connection.request("POST", PATH, {"marker": "the last"})
        event = await stream.next()
        seconds = time.monotonic() - started
        await connection.close()
        assert event.data["record"]["id"] == answer.json()["id"]
    return seconds


def _run(cluster: ClusterProcess, kills: int) -> Ledger:
    cluster.collection("ledger", FIELDS)

    async def fault(ledger: Ledger) -> None:
        await _kill_writer(cluster, kills, ledger)

    ledger = asyncio.run(under_load(cluster, fault))
    assert set(ledger.statuses) == {200}, ledger.statuses
    assert ledger.broken == 0
    ledger.verify(cluster)
    return ledger


def test_three_kills_of_the_writer_lose_nothing(own_cluster: ClusterProcess) -> None:
    """Every acknowledged create is there once, and no client saw an error."""
    _run(own_cluster, kills=3)


@pytest.mark.long
def test_twenty_kills_of_the_writer_lose_nothing(own_cluster: ClusterProcess) -> None:
    """The same twenty times, and the figures."""
    ledger = _run(own_cluster, kills=20)
    print(
        f"\nwriter killed 20 times under 64 creators: {len(ledger.acknowledged)} acknowledged, "
        f"0 missing, 0 doubled, 0 errors, longest wait {ledger.longest_seconds:.2f} s"
    )
    assert ledger.longest_seconds <= STALL_SECONDS_MAX
    seconds = asyncio.run(_event_after_silence(own_cluster))
    print(f"one write and silence after them: its event came after {seconds * 1000:.0f} ms")
    assert seconds <= EVENT_SECONDS_MAX


@pytest.mark.long
@pytest.mark.parametrize(
    "point", ["writer.before_commit", "writer.after_commit", "writer.after_reply"]
)
def test_dying_at_a_named_step_loses_nothing(
    point: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The writer kills itself at the worst moments: the re-sent batch is answered, not applied again."""
    folder = tmp_path_factory.mktemp("death")
    trigger = folder / "die"
    env = {"QUILL_FAILPOINT": f"{point}=kill:{trigger}"}
    with ClusterProcess(folder / "depot", env=env) as cluster:
        cluster.collection("ledger", FIELDS)

        async def fault(ledger: Ledger) -> None:
            for _ in range(5):
                await until_acknowledged(ledger, 100)
                old = cluster.children()["writer"]
                await _settled(cluster)
                trigger.touch()
                await asyncio.to_thread(
                    until,
                    lambda old=old: cluster.children().get("writer", old) != old,
                    what="death",
                )
            await until_acknowledged(ledger, 100)

        ledger = asyncio.run(under_load(cluster, fault))
        assert set(ledger.statuses) == {200}, ledger.statuses
        assert ledger.broken == 0
        ledger.verify(cluster)
