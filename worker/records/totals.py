"""Totals of lists: exact as far as that is cheap, else told as "at least so many".

A list without a condition is counted through an index, always. One with a condition is counted up
to TOTAL_EXACT_RECORDS_MAX; beyond that clients learn that there are more (`bounded`), and at least
as many as they have seen, and one more where their page is full, so whoever pages until the total
is reached still sees everything.

Counts are kept per worker, under what was counted (collection, condition, its bound values) and the
position at which it was: feed, head of the change log, catalog version. A snapshot's position is
read before the snapshot is taken, and the head moves with each commit that changes a record of any
collection, before that commit is answered. So a count kept under a position is of that state or a
later one, and once a newer commit has been told to anybody, the position differs and the count is
made again: a total is never older than the position that its answer carries in Quill-Position.
Conditions that depend on the clock are counted each time.
"""

from __future__ import annotations

from collections.abc import Hashable
from time import thread_time
from typing import Final, NamedTuple

from shared.limits import TOTAL_EXACT_RECORDS_MAX, TOTALS_CACHE_ENTRIES
from shared.metrics import TOTALS_CACHE_HITS, TOTALS_CACHE_MISSES
from shared.sql.plan import Value
from shared.sql.select import ListPlan
from worker.engine.snapshot import Snapshot

Epoch = tuple[int, int, int]


class Total(NamedTuple):
    """`known`: how many records, -1 where nobody asked; with `bounded`, at least so many."""

    known: int
    bounded: bool = False


class Estimate(NamedTuple):
    """What counting once told: how many matched, `least` or more where they reach it.

    `seconds`: of CPU time that it took.
    """

    matches: int
    least: int
    seconds: float


NOT_COUNTED: Final = Total(-1)


class TotalsCache:
    """Counts of one position. Used from the loop and from slow-read threads.

    `estimates`: what is good enough to choose a strategy by, also of earlier positions.
    """

    def __init__(self, entries: int = TOTALS_CACHE_ENTRIES) -> None:
        self._entries = entries
        self._epoch: Epoch | None = None
        self._kept: dict[Hashable, tuple[Epoch, int]] = {}
        self._estimates: dict[Hashable, tuple[Epoch, Estimate]] = {}

    def get(self, epoch: Epoch, key: Hashable) -> int | None:
        """The count of `key` as of `epoch`, None where it is not known."""
        found = self._kept.get(key)
        if found is None or found[0] != epoch:
            TOTALS_CACHE_MISSES.add()
            return None
        TOTALS_CACHE_HITS.add()
        return found[1]

    def put(self, epoch: Epoch, key: Hashable, count: int) -> None:
        """Keep a count. Each entry names its position: threads of two may meet here."""
        if epoch != self._epoch or len(self._kept) >= self._entries:
            self._kept, self._epoch = {}, epoch
        self._kept[key] = (epoch, count)

    def estimate(self, epoch: Epoch, key: Hashable, cap: int) -> Estimate | None:
        """What was learned of `key` not long ago, where it tells if `cap` is reached.

        The head counts changed records, so as long as it has moved by less than the cap, the
        number of matches has hardly moved by more.
        """
        made, found = self._estimates.get(key, (None, None))
        if made is None or found is None or (made[0], made[2]) != (epoch[0], epoch[2]):
            return None
        known = found.matches < found.least or cap <= found.least
        return found if known and 0 <= epoch[1] - made[1] < cap else None

    def put_estimate(self, epoch: Epoch, key: Hashable, estimate: Estimate) -> None:
        """Keep what was learned."""
        if len(self._estimates) >= self._entries:
            self._estimates = {}
        self._estimates[key] = (epoch, estimate)

    def __len__(self) -> int:
        return max(len(self._kept), len(self._estimates))


class Counter:
    """The count of one list, made when it is first needed, kept for the others."""

    __slots__ = ("_cache", "_epoch", "_key", "_params", "_plan", "_snapshot")

    def __init__(
        self,
        cache: TotalsCache,
        snapshot: Snapshot,
        catalog_version: int,
        form: tuple[Hashable, ...],
        plan: ListPlan,
        params: tuple[Value, ...],
    ) -> None:
        """`form`: what the condition depends on besides its bound values, `params`."""
        self._cache, self._snapshot, self._plan, self._params = cache, snapshot, plan, params
        self._epoch = (*snapshot.log_position, catalog_version)
        self._key = None if plan.depends_on_time else (form, params)

    def known(self) -> int | None:
        """The count if it is kept; one above TOTAL_EXACT_RECORDS_MAX may be a lower bound."""
        return None if self._key is None else self._cache.get(self._epoch, self._key)

    def keep(self, count: int) -> None:
        """It was learned in another way, and is exact."""
        if self._key is not None:
            self._cache.put(self._epoch, self._key, count)

    def counted(self) -> int:
        """The count, up to one more than TOTAL_EXACT_RECORDS_MAX unless more came cheap."""
        known = self.known()
        if known is None:
            known = self.up_to(TOTAL_EXACT_RECORDS_MAX + 1)
            self.keep(known)
        return known

    def up_to(self, most: int) -> int:
        """The count, or `most` where it is at least that; nothing is kept."""
        limit = () if self._plan.counts_all else (most,)
        return int(str(self._snapshot.value(self._plan.count.sql, (*self._params, *limit))))

    def estimated(self, cap: int, *, total: bool) -> Estimate:
        """Whether `cap` is reached, and what it costs to find the matches.

        `total`: the list will be counted anyway.
        """
        found = None if self._key is None else self._cache.estimate(self._epoch, self._key, cap)
        if found is not None:
            return found
        started = thread_time()
        least = max(cap, TOTAL_EXACT_RECORDS_MAX + 1) if total else cap
        matches = self.up_to(least)
        found = Estimate(matches, least, thread_time() - started)
        if self._key is not None:
            self._cache.put_estimate(self._epoch, self._key, found)
        if matches < least or total:
            self.keep(matches)
        return found

    def total(self, offset: int, shown: int, per_page: int) -> Total:
        """What to tell beside a page of `shown` records after `offset` others."""
        if 0 < shown < per_page or (shown == 0 and offset == 0):
            return Total(offset + shown)  # it is the last page, so nothing needs to be counted
        count = self.counted()
        if count <= TOTAL_EXACT_RECORDS_MAX or self._plan.counts_all:
            return Total(count)
        seen = offset + shown + 1 if shown else 0
        return Total(max(TOTAL_EXACT_RECORDS_MAX, seen), bounded=True)
