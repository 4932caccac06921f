"""200 subscribers of all transports over 2 workers hear every write in order, whatever dies."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.cluster_process import ClusterProcess
from tests.faults.crowd import SUBSCRIBERS, Outcome, listen_through, spread
from tests.faults.faulty import kill_worker, kill_writer, roll
from tests.faults.scribes import Scribes

WRITES = 200


def _print(what: str, outcome: Outcome, began: float) -> None:
    print(
        f"\n{what}: {len(outcome.truth)} writes, {outcome.deliveries} events heard by"
        f" {len(outcome.listeners)} subscribers over {outcome.ends} ends of connections,"
        f" {time.monotonic() - began:.1f} s"
    )


def test_everybody_hears_everything_in_order(live_cluster: ClusterProcess) -> None:
    """40,000 of 40,000 events, over one connection each, and the last record."""

    async def nothing(scribes: Scribes) -> None:
        await scribes.write(WRITES)

    began = time.monotonic()
    outcome = listen_through(live_cluster, nothing)
    outcome.check()
    _print("no fault", outcome, began)
    assert outcome.ends == 0
    assert outcome.deliveries == SUBSCRIBERS * (WRITES + 1)
    assert len(spread(outcome.listeners)) == 2


def test_a_killed_worker_costs_nobody_an_event_unseen(live_cluster: ClusterProcess) -> None:
    """SIGKILL in the middle of the writes: who resumes has all, the others see where it ended."""

    async def kill(scribes: Scribes) -> None:
        for slot in (0, 1):
            await scribes.write(WRITES // 2)
            await kill_worker(live_cluster, slot)

    began = time.monotonic()
    outcome = listen_through(live_cluster, kill)
    outcome.check()
    _print("both workers killed", outcome, began)
    assert outcome.ends >= SUBSCRIBERS / 2


def _kill_writers(cluster: ClusterProcess, kills: int) -> Outcome:
    async def kill(scribes: Scribes) -> None:
        for _ in range(kills):
            await scribes.write(WRITES // 4)
            await kill_writer(cluster)

    began = time.monotonic()
    outcome = listen_through(cluster, kill)
    outcome.check()
    _print(f"writer killed {kills} times", outcome, began)
    assert outcome.ends == 0, "a writer's death is nobody's end"
    return outcome


def test_a_killed_writer_ends_no_connection(live_cluster: ClusterProcess) -> None:
    """Three kills under load: everybody hears everything over one connection."""
    _kill_writers(live_cluster, 3)


@pytest.mark.long
def test_ten_killed_writers_end_no_connection(live_cluster: ClusterProcess) -> None:
    """The same ten times."""
    _kill_writers(live_cluster, 10)


def test_clients_that_drop_at_random_resume_exactly(live_cluster: ClusterProcess) -> None:
    """Nobody hears anything twice, and those who resume hear everything."""

    async def nothing(scribes: Scribes) -> None:
        await scribes.write(WRITES)

    began = time.monotonic()
    outcome = listen_through(live_cluster, nothing, cuts=True)
    outcome.check()
    _print("random drops", outcome, began)
    assert outcome.ends >= SUBSCRIBERS


def _all_together(cluster: ClusterProcess, rounds: int, subscribers: int) -> None:
    async def faults(scribes: Scribes) -> None:
        for _ in range(rounds):
            await scribes.write(WRITES // 4)
            await kill_worker(cluster, 0)
            await scribes.write(WRITES // 4)
            await kill_writer(cluster)
            await scribes.write(WRITES // 4)
            await asyncio.gather(roll(cluster), scribes.write(WRITES // 4))

    began = time.monotonic()
    outcome = listen_through(cluster, faults, subscribers=subscribers, cuts=True)
    outcome.check()
    _print(f"all faults together, {rounds} rounds", outcome, began)
    assert outcome.ends >= subscribers


def test_all_faults_together(live_cluster: ClusterProcess) -> None:
    """Kills of a worker and the writer, a rolling reload, and clients that drop all the while."""
    _all_together(live_cluster, 1, SUBSCRIBERS)


@pytest.mark.long
def test_all_faults_together_again_and_again(live_cluster: ClusterProcess) -> None:
    """Five rounds of it."""
    _all_together(live_cluster, 5, SUBSCRIBERS)
