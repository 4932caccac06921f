"""The plan cache: what was compiled for one version of the catalog, kept by the form of a request.

A key says everything that the compiled thing depends on besides the catalog: action, collection,
query form, kind of caller. Values of a request are bound later and never stand in here.

Bounded by two generations: a hit in the old one is promoted, and when the young one is full it
becomes the old one. That drops what was not used for a while, and a hit costs one dict look-up.
A generation is full by its entries or by its text: what clients write themselves may be long.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from shared.limits import PLAN_CACHE_CHARS, PLAN_CACHE_ENTRIES
from shared.metrics import PLAN_CACHE_HITS, PLAN_CACHE_MISSES
from worker.records.totals import TotalsCache


class PlanCache:
    """The compiled plans of one worker. Used from the loop and from slow-read threads.

    `totals`: the counts of its lists, which have the same users.
    """

    def __init__(self, entries: int = PLAN_CACHE_ENTRIES, chars: int = PLAN_CACHE_CHARS) -> None:
        self.totals = TotalsCache()
        self._half = max(1, entries // 2)
        self._half_chars = chars // 2
        self._version = -1
        self._young: dict[Hashable, tuple[int, Any, int]] = {}
        self._old: dict[Hashable, tuple[int, Any, int]] = {}
        self._chars = 0  # of the young; threads may lose one another's, which costs little

    def get(self, version: int, key: Hashable) -> Any:
        """What is kept for `key` under this version of the catalog, else None.

        Each entry names its version: threads of two versions may meet here, and the one thing
        that must not happen is that a plan of the old catalog serves the new one.
        """
        if version > self._version:
            self._young, self._old, self._chars = {}, {}, 0
            self._version = version
        found = self._young.get(key) or self._promoted(key)
        if found is None or found[0] != version:
            PLAN_CACHE_MISSES.add()
            return None
        PLAN_CACHE_HITS.add()
        return found[1]

    def put(self, version: int, key: Hashable, plan: object, chars: int = 0) -> None:
        """Keep `plan` for this version of the catalog.

        `chars`: length of the texts in key and plan, where clients decide on it.
        """
        self._keep(key, (version, plan, chars))

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _promoted(self, key: Hashable) -> tuple[int, Any, int] | None:
        found = self._old.get(key)
        if found is not None:
            self._keep(key, found)
        return found

    def _keep(self, key: Hashable, entry: tuple[int, Any, int]) -> None:
        if len(self._young) >= self._half or self._chars + entry[2] > self._half_chars:
            self._old, self._young, self._chars = self._young, {}, 0
        self._young[key] = entry
        self._chars += entry[2]
