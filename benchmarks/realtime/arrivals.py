"""When which marks were read, and how long after their writes that was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.realtime.messages import Latencies

_NS_A_MS: Final = 1_000_000


class Arrivals:
    """All reads since the last measuring. `add` is called for every one: it is a list's append."""

    def __init__(self) -> None:
        self._reads: list[tuple[Sequence[bytes], int]] = []
        self.add = self._reads.append

    def clear(self) -> None:
        """Forget them."""
        self._reads.clear()

    def measure(self, sent: Mapping[str, int]) -> Latencies:
        """Of the marks that are in `sent`, by when they were sent; the others are left out."""
        times = {mark.encode(): moment for mark, moment in sent.items()}
        taken = sorted(
            now - times[mark] for marks, now in self._reads for mark in marks if mark in times
        )
        self.clear()
        if not taken:
            return Latencies(0, 0.0, 0.0, 0.0)
        return Latencies(
            len(taken),
            _at(taken, 0.50),
            _at(taken, 0.99),
            taken[-1] / _NS_A_MS,
        )


def _at(ordered: Sequence[int], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] / _NS_A_MS
