"""When a slot starts its child again."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cluster.child import Child
from cluster.slot import Slot


def _start(name: str, _descriptors: Sequence[int]) -> Child:
    return Child(name, [sys.executable, "-c", "pass"], {})


def _filled(slot: Slot, ready_at: float | None) -> Child:
    child = slot.fill()
    child.process.wait()
    child.close()
    child.ready_at = ready_at
    return child


def test_backoff_doubles_up_to_five_seconds() -> None:
    """0.1, 0.2, 0.4 … 5, 5 for children that never become ready."""
    slot = Slot("worker-0", _start)
    delays = [slot.lost(_filled(slot, None), 100.0) for _ in range(8)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert slot.restart_at == 105.0


def test_a_child_that_served_restarts_at_once() -> None:
    """No delay after more than a second of readiness; but the backoff is not forgotten yet."""
    slot = Slot("worker-0", _start)
    slot.lost(_filled(slot, None), 100.0)
    assert slot.lost(_filled(slot, 100.0), 102.0) == 0.0
    assert slot.lost(_filled(slot, None), 103.0) == 0.2


def test_ten_healthy_seconds_reset_the_backoff() -> None:
    """After them a failed start waits 0.1 s again."""
    slot = Slot("worker-0", _start)
    for _ in range(4):
        slot.lost(_filled(slot, None), 100.0)
    assert slot.lost(_filled(slot, 100.0), 110.0) == 0.0
    assert slot.lost(_filled(slot, None), 111.0) == 0.1


def test_death_within_a_second_of_readiness_is_early() -> None:
    """Readiness that does not last is no health."""
    slot = Slot("worker-0", _start)
    assert slot.lost(_filled(slot, 100.0), 100.5) == 0.1
