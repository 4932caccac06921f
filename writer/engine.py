"""The engine: `commit(batch)` answers an outcome per operation. It alone commits.

One transaction holds the operations (`writer.apply`) and their log (`writer.sealing`). A batch in
which nothing succeeded is rolled back: it needs no fsync, its answers live in memory. What to do
when a batch as a whole fails is decided by `writer.batch`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import apsw

from shared import limits
from shared.messages.commands import Operation, Result, Status
from shared.sql.plan import Bulk
from shared.sqlite.failures import code_and_text
from writer.answers import Answers, Entry, Worker
from writer.apply import Applier
from writer.bulk import conditions
from writer.capture import Capture
from writer.database import Database
from writer.main_catalog import MainCatalog, MainMovedError
from writer.outcomes import SlowGuardError, TransactionLostError
from writer.sealing import CommitFailedError, Sealer

_OK: Final = Status.OK
_LONG_NS: Final = int(limits.WRITE_DEADLINE_SECONDS * 1.5e9)


@dataclass(slots=True)
class Commit:
    """What became of one batch. `results` is parallel to its entries; None: no answer is due.

    Rows (before, head] of `_change` are new. `durable`: there was a COMMIT. `slow`: places of
    operations to be run again, alone; `left`: places of those that did not fit into this batch.
    """

    results: list[Result | None]
    before: int
    head: int
    durable: bool = False
    slow: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """The operations of a batch that are really to be applied, with their places in it."""

    places: list[int] = field(default_factory=list)
    repeats: list[tuple[int, int]] = field(default_factory=list)
    """(place, place of the first copy) of an operation that came twice in one batch."""
    main_version: int = 0
    """Of main's catalog, where any of them asks for one."""


class Engine:
    """Commits batches to one database."""

    def __init__(self, database: Database, answers: Answers, main: MainCatalog) -> None:
        self._database = database
        self._main = main
        self._connection = database.connection
        self._answers = answers
        self._capture = Capture(database.connection)
        self._applier = Applier(database.connection, self._capture)
        self._sealer = Sealer(database, self._capture, main)
        self._execute = database.connection.cursor().execute

    def commit(self, entries: Sequence[Entry], *, alone: bool = False) -> Commit:
        """Apply and commit. `alone`: statements may take their full time.

        Raises TransactionLostError, CommitFailedError, apsw.FullError, apsw.BusyError: nothing is
        committed, the connection is outside a transaction. FencedError, DiskFailedError: exit.
        """
        while True:
            results: list[Result | None] = [None] * len(entries)
            work = self._sort_out(entries, results)
            commit = Commit(results, self._database.n, self._database.n)
            try:
                self._do(entries, work, commit, alone=alone)
            except MainMovedError:
                continue  # what was made of the former catalog is stale now
            break
        for place, first in work.repeats:
            results[place] = results[first]
            if results[first] is None:
                commit.left.append(place)
        return commit

    def _do(self, entries: Sequence[Entry], work: _Work, commit: Commit, *, alone: bool) -> None:
        if not work.places:
            return
        bulk = entries[work.places[0]][1].plan.bulk
        if bulk is None:
            self._attempt(entries, work, commit, alone=alone)
        else:
            self._attempt_bulk(entries, work, commit, bulk)

    def _attempt(
        self, entries: Sequence[Entry], work: _Work, commit: Commit, *, alone: bool
    ) -> None:
        try:
            self._transact(entries, work, commit, alone=alone)
        except BaseException:
            self.abandon()
            plan = entries[work.places[0]][1].plan
            if plan.changes_catalog or plan.bulk is not None:
                self._capture.reload()
            raise

    def _attempt_bulk(
        self, entries: Sequence[Entry], work: _Work, commit: Commit, bulk: Bulk
    ) -> None:
        """Raises CommitFailedError, too, where its file cannot be attached."""
        self._applier.lift_limits()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(conditions(self._connection, bulk))
            except apsw.Error as error:
                raise CommitFailedError(code_and_text(error)) from error
            self._attempt(entries, work, commit, alone=True)
            # Its worker was silent because it waited: what it is told must not be forgotten.
            for place in work.places:
                entries[place][0].worker.seen_ns = time.monotonic_ns()

    def abandon(self) -> None:
        """Roll back whatever is open."""
        if self._connection.in_transaction:
            self._execute("ROLLBACK")

    @contextlib.contextmanager
    def maintenance(self) -> Iterator[None]:
        """Around the writer's own work on internal tables: no capture and no time limit."""
        self._applier.lift_limits()
        self._capture.pause()
        try:
            yield
        finally:
            self._capture.resume()

    def _sort_out(self, entries: Sequence[Entry], results: list[Result | None]) -> _Work:
        """Answer what needs no transaction: known, late and stale operations.

        Late, stale or due long after the usual time: such an operation may have been committed
        longer ago than is in memory, so all is loaded before it is answered, once.
        """
        work = _Work()
        now = time.monotonic_ns()
        catalog, main = self._database.catalog, self._main.version
        complete = self._answers.complete
        for place, (client, operation, _) in enumerate(entries):
            worker, seq = client.worker, operation.seq
            if seq <= worker.highest:
                if seq <= worker.acked:
                    continue
                known = worker.results.get(seq)
                if known is not None:
                    results[place] = known
                    continue
                first = _first_copy(entries, work.places, worker, seq)
                if first is not None:
                    work.repeats.append((place, first))
                    continue
            deadline_ns = operation.deadline_ns
            asked = operation.plan.main_version
            stale = operation.plan.catalog_version != catalog or asked not in (0, main)
            if not complete and (stale or deadline_ns < now or deadline_ns > now + _LONG_NS):
                return self._sort_out_all(entries, results)
            if deadline_ns < now:
                results[place] = Result(seq, Status.LATE)
            elif stale:
                results[place] = Result(seq, Status.STALE)
            else:
                worker.highest = max(worker.highest, seq)
                work.places.append(place)
                work.main_version = work.main_version or asked
        return work

    def _sort_out_all(self, entries: Sequence[Entry], results: list[Result | None]) -> _Work:
        """Again, with everything known that may still be asked for."""
        with self.maintenance():
            self._answers.load_all()
        return self._sort_out(entries, results)

    def _transact(
        self, entries: Sequence[Entry], work: _Work, commit: Commit, *, alone: bool
    ) -> None:
        places = work.places
        capture, results = self._capture, commit.results
        apply = self._applier.apply
        events = capture.events
        capture.clear()
        marks: list[tuple[Operation, int]] = []
        decided: list[tuple[Worker, Result]] = []
        worth = False
        answered = 0
        self.begin()
        for done, place in enumerate(places, 1):
            client, operation, _ = entries[place]
            mark = len(events)
            try:
                result = apply(operation, alone=alone)
            except SlowGuardError:
                commit.slow.append(place)
                continue
            except TransactionLostError as lost:
                lost.place = place
                raise
            results[place] = result
            decided.append((client.worker, result))
            if result.status is _OK:
                worth = True
                if len(events) > mark:
                    marks.append((operation, len(events)))
                if isinstance(result.payload, str):
                    answered += len(result.payload)
                    if answered > limits.BATCH_BYTES_MAX:
                        commit.left = places[done:]
                        break
        if worth:
            catalog = self._database.catalog + entries[places[0]][1].plan.changes_catalog
            self._applier.lift_limits()
            size = self._sealer.seal(decided, marks, catalog, work.main_version)
            commit.head, commit.durable = self._database.n, True
            self._sealer.note_size(size, decided, entries)
        else:
            self._execute("ROLLBACK")
        for worker, result in decided:
            worker.remember(result)

    def begin(self) -> None:
        """Take the write lock now, so that nothing read before it can be out of date."""
        self._execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """COMMIT without a log. Raises as `Sealer.end`."""
        self._sealer.end()


def _first_copy(
    entries: Sequence[Entry], places: list[int], worker: Worker, seq: int
) -> int | None:
    """Where in this batch the same operation stands already. Rare: only after a re-send."""
    for place in places:
        client, operation, _ = entries[place]
        if operation.seq == seq and client.worker is worker:
            return place
    return None
