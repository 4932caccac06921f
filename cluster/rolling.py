"""The rolling reload: workers are replaced one by one, the successor first.

For each slot: start a successor on the same listening sockets, wait until it is ready, then drain
the old one. A successor that fails ends the reload; the old worker goes on serving.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable

from cluster.child import Child
from cluster.slot import Slot
from shared.limits import DRAIN_SECONDS, SUCCESSOR_READY_SECONDS
from shared.logs import get_logger


class Rolling:
    """Progress of reloads. `step` is called in every round of the supervisor's loop."""

    def __init__(self, slots: Iterable[Slot], watch: Callable[[Child], None]) -> None:
        self._slots = tuple(slots)
        self._watch = watch
        self._waiting: list[Slot] = []
        self._current: Slot | None = None
        self._deadline = 0.0

    @property
    def deadline(self) -> float | None:
        """When the present step is given up."""
        return self._deadline if self._current is not None else None

    def begin(self) -> None:
        """Replace every worker; one that comes during a reload adds a second round."""
        get_logger().info("reload begins", workers=len(self._slots))
        self._waiting.extend(self._slots)

    def stop(self) -> None:
        """The cluster ends: forget what is not done."""
        self._waiting.clear()
        self._current = None

    def step(self, now: float) -> None:
        """Do what can be done now, without waiting."""
        while self._current is None and self._waiting:
            self._take(self._waiting.pop(0), now)
        slot = self._current
        if slot is None:
            return
        if slot.successor is not None:
            self._await_successor(slot, slot.successor, now)
        elif slot.retiring is not None:
            self._await_retiring(slot.retiring, now)
        else:
            self._current = None
            if not self._waiting:
                get_logger().info("reload done")
            self.step(now)

    def _take(self, slot: Slot, now: float) -> None:
        """Start a successor; a slot that is down starts afresh anyway."""
        if slot.child is None:
            return
        try:
            slot.successor = slot.spawn()
        except OSError as error:
            self._give_up(slot, str(error))
            return
        self._watch(slot.successor)
        self._current = slot
        self._deadline = now + SUCCESSOR_READY_SECONDS

    def _await_successor(self, slot: Slot, successor: Child, now: float) -> None:
        if successor.ready_at is not None:
            slot.retiring, slot.child, slot.successor = slot.child, successor, None
            if slot.retiring is not None:
                slot.retiring.signal(signal.SIGTERM)
            self._deadline = now + DRAIN_SECONDS
        elif now >= self._deadline:
            successor.signal(signal.SIGKILL)

    def _await_retiring(self, old: Child, now: float) -> None:
        if now >= self._deadline:
            get_logger().warning("drain took too long", process_name=old.name, child=old.pid)
            old.signal(signal.SIGKILL)
            self._deadline = now + DRAIN_SECONDS

    def successor_lost(self, slot: Slot, child: Child) -> None:
        """The supervisor reaped a successor that never became ready."""
        slot.successor = None
        self._give_up(slot, child.refusal or "it ended before it was ready")

    def _give_up(self, slot: Slot, reason: str) -> None:
        get_logger().error(
            "reload given up; the old workers go on", process_name=slot.name, reason=reason
        )
        self._waiting.clear()
        self._current = None
