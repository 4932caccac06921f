"""The engine: `commit(batch)` answers an outcome per operation. It alone commits.

One transaction holds the operations, their rows in `_change`, who did what in `_commit`, the
answers in `_batch` and the new `_head`. A batch in which nothing succeeded is rolled back: it
needs no fsync, its answers live in memory. What to do when a batch as a whole fails is decided by
`writer.batch`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import apsw
import msgspec

from shared import failpoints, limits
from shared.messages.commands import Operation, Result, Status
from shared.metrics import WRITER_COMMIT_SECONDS
from shared.sql.plan import Bulk
from shared.sqlite.failures import code_and_text, is_full, is_io
from writer import stored_rows
from writer.answers import Answers, Entry, Worker, encode_log
from writer.apply import Applier, SlowGuardError, TransactionLostError
from writer.bulk import conditions
from writer.capture import Capture, ChangeRow, Event, encode_events
from writer.database import Database
from writer.heavy_answers import HeavyAnswers
from writer.main_catalog import MainCatalog, MainMovedError
from writer.schemas import follow_schemas

_encode = msgspec.msgpack.Encoder().encode
_NOTHING = contextlib.nullcontext()
_LONG_NS = int(limits.WRITE_DEADLINE_SECONDS * 1.5e9)


class DiskFailedError(Exception):
    """I/O error at COMMIT: nobody knows what the disk holds. Exit without an answer."""


class CommitFailedError(Exception):
    """COMMIT was refused, as by a deferred constraint, or the batch's log; all is rolled back.

    `payload`: what a FAILED result tells.
    """

    def __init__(self, payload: tuple[int, str]) -> None:
        super().__init__(payload[1])
        self.payload = payload


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
        self._gate = None if database.is_main else main.gate(database.name)
        self._connection = database.connection
        self._answers = answers
        self._capture = Capture(database.connection)
        self._applier = Applier(database.connection, self._capture)
        self._heavy = HeavyAnswers()
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
            if result.status is Status.OK:
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
            turn = self._turn(catalog, work.main_version)
            size = self._seal(decided, marks, catalog, turn, commit)
            self._note_size(size, decided, entries)
        else:
            self._execute("ROLLBACK")
        for worker, result in decided:
            worker.remember(result)

    def _seal(
        self,
        decided: list[tuple[Worker, Result]],
        marks: list[tuple[Operation, int]],
        catalog: int,
        turn: contextlib.AbstractContextManager[None],
        commit: Commit,
    ) -> int:
        """Write the log of this transaction and, in its turn, COMMIT; then the new state is in force.

        Returns the size of the answers in the log, in bytes.
        """
        database = self._database
        self._applier.lift_limits()
        changes, last = encode_events(self._events(), database.n)
        head = database.n + len(changes)
        seq = database.seq + 1
        disposable = self._heavy.disposable()
        entries = encode_log(decided)
        self._capture.pause()
        try:
            self._write_log(changes, seq, entries, disposable)
            if changes:
                self._write_commit(seq, head, catalog, marks, last)
            database.advance(seq, head, catalog)
            with turn:
                self._finish(seq, head, catalog)
        finally:
            self._capture.resume()
        commit.head, commit.durable = head, True
        self._heavy.forget(len(disposable))
        if changes:
            database.sizes.note(changes)
        return len(entries)

    def _events(self) -> list[Event]:
        """What was captured, with the rows that the hook could not read."""
        capture = self._capture
        if not capture.stored_touched:
            return capture.events
        return stored_rows.told(self._connection, capture.events)

    def _turn(self, catalog: int, main_version: int) -> contextlib.AbstractContextManager[None]:
        """What the COMMIT and the new state need as one piece. Entering raises MainMovedError."""
        if self._gate is None:
            return self._main.moving() if catalog != self._database.catalog else _NOTHING
        return self._main.standing(self._gate, main_version) if main_version else _NOTHING

    def _finish(self, seq: int, head: int, catalog: int) -> None:
        database = self._database
        if failpoints.ACTIVE:
            failpoints.reach("writer.before_commit")
        self.end()
        if failpoints.ACTIVE:
            failpoints.reach("writer.after_commit")
        if database.is_main and catalog != database.catalog:
            follow_schemas(database.connection)  # before anybody can plan by the new version
        database.seq, database.n, database.catalog = seq, head, catalog
        database.show()

    def _note_size(
        self, size: int, decided: list[tuple[Worker, Result]], entries: Sequence[Entry]
    ) -> None:
        if size <= limits.BATCH_HEAVY_BYTES:
            return
        last_ns = max(operation.deadline_ns for _, operation, _ in entries)
        awaited: dict[Worker, int] = {}
        for worker, result in decided:
            awaited[worker] = max(result.seq, awaited.get(worker, 0))
        self._heavy.note(self._database.seq, size, awaited, last_ns)

    def _write_log(
        self, changes: list[ChangeRow], seq: int, entries: bytes, disposable: list[int]
    ) -> None:
        """Raises CommitFailedError where something is longer than SQLite's longest value."""
        try:
            if changes:
                self._connection.executemany(
                    "INSERT INTO _change(n, tbl, act, key, old, new) VALUES (?, ?, ?, ?, ?, ?)",
                    changes,
                )
            self._execute(
                "INSERT INTO _batch(seq, at, entries) VALUES (?, ?, ?)",
                (seq, time.monotonic_ns(), entries),
            )
        except apsw.TooBigError as error:
            raise CommitFailedError(code_and_text(error)) from error
        for old in disposable:
            self._execute("DELETE FROM _batch WHERE seq = ?", (old,))

    def _write_commit(
        self,
        seq: int,
        head: int,
        catalog: int,
        marks: list[tuple[Operation, int]],
        last: list[int],
    ) -> None:
        operations = [(op.request_id, op.actor, last[mark - 1]) for op, mark in marks]
        self._execute(
            "INSERT INTO _commit(seq, at, before, head, catalog, operations)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                seq,
                time.time_ns() // 1_000_000,
                self._database.n,
                head,
                catalog,
                _encode(operations),
            ),
        )

    def begin(self) -> None:
        """Take the write lock now, so that nothing read before it can be out of date."""
        self._execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """COMMIT. Whoever gets here without an exception may be answered."""
        started = time.perf_counter()
        try:
            self._execute("COMMIT")
        except apsw.Error as error:
            if is_io(error):
                raise DiskFailedError(str(error)) from error
            if is_full(error):
                raise
            raise CommitFailedError(code_and_text(error)) from error
        WRITER_COMMIT_SECONDS.observe(time.perf_counter() - started)


def _first_copy(
    entries: Sequence[Entry], places: list[int], worker: Worker, seq: int
) -> int | None:
    """Where in this batch the same operation stands already. Rare: only after a re-send."""
    for place in places:
        client, operation, _ = entries[place]
        if operation.seq == seq and client.worker is worker:
            return place
    return None
