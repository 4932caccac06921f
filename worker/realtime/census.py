"""How many realtime clients and subscriptions a worker has, over all its exchanges.

The bounds and the gauges are the worker's; each log that somebody listens to has an exchange.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Protocol

from shared import metrics


class Counted(Sized, Protocol):
    """An exchange; its length is the number of its clients."""

    @property
    def subscriptions(self) -> int:
        """Subscriptions of all its clients."""


class Census:
    """The exchanges of one worker."""

    def __init__(self) -> None:
        self._counted: list[Counted] = []

    def add(self, one: Counted) -> None:
        """Count this one, too."""
        self._counted.append(one)

    def remove(self, one: Counted) -> None:
        """It has ended, which may be said twice."""
        if one in self._counted:
            self._counted.remove(one)

    @property
    def clients(self) -> int:
        """Connected clients."""
        return sum(map(len, self._counted))

    @property
    def subscriptions(self) -> int:
        """Subscriptions of all clients."""
        return sum(one.subscriptions for one in self._counted)

    def publish(self) -> None:
        """Tell the gauges."""
        metrics.REALTIME_CLIENTS.set(self.clients)
        metrics.REALTIME_SUBSCRIPTIONS.set(self.subscriptions)
