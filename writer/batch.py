"""The batch thread of one database: drain what waits, commit it together, answer.

There is no timer: while one batch is on its way to the disk the next one gathers. When a batch
fails as a whole, what is to be done is decided here, so that one client's bad operation never
harms another's: each is then committed in a transaction of its own.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import apsw
import msgspec

from shared import limits
from shared.logs import get_logger, is_debugging
from shared.messages.changes import CommitNotice
from shared.messages.commands import Operation, Result, Results, Status
from shared.metrics import WRITER_BATCH_OPERATIONS, WRITER_BATCHES, WRITER_OPERATIONS
from shared.sqlite.failures import is_busy, is_io
from writer.answers import Answers, Client, Entry
from writer.database import Database, FencedError
from writer.engine import Commit, Engine
from writer.housekeeping import Housekeeping
from writer.outbox import Outgoing
from writer.outcomes import TransactionLostError
from writer.process import Process
from writer.sealing import CommitFailedError, DiskFailedError

log = get_logger()

_encode = msgspec.msgpack.Encoder().encode
_EXIT_DISK, _EXIT_FENCED, _EXIT_BUG = 74, 75, 70  # sysexits.h: IOERR, TEMPFAIL, SOFTWARE
_STATUS_TALLIES: Final = [WRITER_OPERATIONS[status] for status in Status]

Arrival = tuple[Client, int, Sequence[Operation], int]
"""One message: the connection, its acked mark, its operations, and the bytes of each on average."""


class Followers(Protocol):
    """What depends on main: the other databases, which its settings name."""

    def follow(self) -> None:
        """Main's catalog may have moved; before anybody is told."""

    def tend(self) -> None:
        """Between two batches, or when there are none."""


class Batcher(threading.Thread):
    """Owns one database's connection from its start to its end."""

    def __init__(
        self,
        database: Database,
        answers: Answers,
        process: Process,
        followers: Followers | None = None,
    ) -> None:
        super().__init__(name=f"batch {database.name}", daemon=True)
        self._database = database
        self.answers = answers
        self._outbox = process.outbox
        self._main = process.page.database()
        self._followers = followers
        self._engine = Engine(database, answers, process.main)
        self._housekeeping = Housekeeping(database, answers, self._engine, process)
        self._arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._backlog: deque[Entry] = deque()
        self._told_to_stop = False  # used by the inbox thread only
        self._stopping = False
        self._verbose = is_debugging()
        self._received = 0  # written by the inbox thread only
        self._settled = 0  # written by this thread only
        self.finished = threading.Event()

    # --- Called by the inbox thread ---------------------------------------------------------

    @property
    def connection(self) -> apsw.Connection:
        """Before the start only: then it is this thread's."""
        return self._database.connection

    @property
    def waiting(self) -> int:
        """Operations taken in and not yet settled."""
        return self._received - self._settled

    def put(self, client: Client, acked: int, operations: Sequence[Operation], share: int) -> None:
        """Hand over one message; `share`: its bytes by operation."""
        self._received += len(operations)
        self._arrivals.put((client, acked, operations, share))

    def stop(self) -> None:
        """Settle all that was put before, then end. More than once is the same."""
        if not self._told_to_stop:
            self._told_to_stop = True
            self._arrivals.put(None)

    # --- This thread ------------------------------------------------------------------------

    def run(self) -> None:
        """Until `stop`. Any failure that is not understood ends the process without an answer."""
        try:
            while self._gather():
                self._settle_backlog()
                self._housekeeping.after_batch()
                if self._followers is not None:
                    self._followers.tend()
            self._housekeeping.at_end()
            self._database.connection.close()
        except FencedError as error:
            self._die(_EXIT_FENCED, error)
        except (DiskFailedError, apsw.IOError) as error:
            self._die(_EXIT_DISK, error)
        except BaseException as error:  # noqa: BLE001 -- the outermost loop of this thread
            self._die(_EXIT_BUG, error)
        self.finished.set()
        self._outbox.wake()

    def _die(self, code: int, error: BaseException) -> None:
        """No answer: the next writer finds out from the database what was committed."""
        log.error("writer ends", database=self._database.name, exc_info=error)
        os._exit(code)

    def _gather(self) -> bool:
        """Wait for work and take all that is there; False when it is time to end."""
        while not self._backlog:
            if self._stopping:
                return False
            try:
                self._unpack(self._arrivals.get(timeout=limits.IDLE_SECONDS))
            except queue.Empty:
                self._housekeeping.when_idle()
                if self._followers is not None:
                    self._followers.tend()
        while len(self._backlog) < limits.BATCH_OPERATIONS_MAX and not self._arrivals.empty():
            self._unpack(self._arrivals.get_nowait())
        return True

    def _unpack(self, arrival: Arrival | None) -> None:
        if arrival is None:
            self._stopping = True
            return
        client, acked, operations, share = arrival
        worker = client.worker
        worker.acknowledge(acked)
        worker.seen_ns = time.monotonic_ns()
        self._backlog.extend([(client, operation, share) for operation in operations])

    def _settle_backlog(self) -> None:
        """One batch; a catalog change or a bulk plan is one of its own."""
        entries = self._next_batch()
        self._settle(entries)
        self._settled += len(entries)

    def _next_batch(self) -> list[Entry]:
        backlog = self._backlog
        entries: list[Entry] = []
        size = 0
        while backlog and len(entries) < limits.BATCH_OPERATIONS_MAX:
            entry = backlog.popleft()
            size += entry[2]
            plan = entry[1].plan
            lonely = plan.changes_catalog or plan.bulk is not None
            if entries and (lonely or size > limits.BATCH_BYTES_MAX):
                backlog.appendleft(entry)
                break
            entries.append(entry)
            if lonely:
                break
        return entries

    def _settle(self, entries: list[Entry]) -> None:
        """Commit and answer, together if possible."""
        if self._housekeeping.is_disk_full():
            self._refuse(entries, Status.FULL)
            return
        try:
            commit = self._engine.commit(entries, alone=len(entries) == 1)
        except TransactionLostError as lost:
            self._isolate(entries, lost)
        except CommitFailedError as error:
            if len(entries) > 1:
                self._isolate(entries, None)
            else:
                self._fail(entries[0], error)
        except apsw.FullError:
            self._housekeeping.enter_disk_full()
            self._refuse(entries, Status.FULL)
        except apsw.Error as error:
            if is_io(error):
                raise
            if not is_busy(error):
                log.exception("batch failed", database=self._database.name)
            self._refuse(entries, Status.BUSY if is_busy(error) else Status.ERROR)
        else:
            self._lead(entries)
            self._answer(entries, commit)
            self._go_on(entries, commit)

    def _lead(self, entries: list[Entry]) -> None:
        """What depends on the catalog follows it before anybody is told that it has moved."""
        if self._followers is not None and entries[0][1].plan.changes_catalog:
            self._followers.follow()

    def _go_on(self, entries: list[Entry], commit: Commit) -> None:
        """Run slow ones alone; what did not fit into its batch is the beginning of the next."""
        for place in commit.slow:
            self._settle([entries[place]])
        if commit.left:
            self._backlog.extendleft(reversed([entries[place] for place in commit.left]))
            self._settled -= len(commit.left)

    def _isolate(self, entries: list[Entry], lost: TransactionLostError | None) -> None:
        """Run each operation in its own transaction; the known culprit last, or not again."""
        culprit = None if lost is None else entries[lost.place]
        if len(entries) > 1:
            log.warning(
                "batch is run again one by one",
                database=self._database.name,
                operations=len(entries),
                culprit=culprit[1].request_id if culprit else "",
            )
        for entry in entries:
            if culprit is None or not _is_same(entry, culprit):
                self._settle([entry])
        if lost is not None and culprit is not None:
            if lost.slow:
                self._settle([culprit])
            else:
                self._conclude(culprit, lost.result)

    def _fail(self, entry: Entry, error: CommitFailedError) -> None:
        """Alone, and its COMMIT was refused all the same."""
        self._conclude(entry, Result(entry[1].seq, Status.FAILED, error.payload))

    def _conclude(self, entry: Entry, result: Result) -> None:
        """Answer with a failure that left nothing in the database."""
        entry[0].worker.remember(result)
        head = self._database.n
        self._answer([entry], Commit([result], head, head))

    def _refuse(self, entries: list[Entry], status: Status) -> None:
        """The same answer for all whose outcome is not known from before. Not remembered."""
        results: list[Result | None] = [
            client.worker.results.get(operation.seq) or Result(operation.seq, status)
            for client, operation, _ in entries
        ]
        head = self._database.n
        self._answer(entries, Commit(results, head, head))

    def _answer(self, entries: list[Entry], commit: Commit) -> None:
        """One message for each connection, then the notice."""
        by_client: dict[Client, list[Result]] = {}
        for (client, _, _), result in zip(entries, commit.results, strict=True):
            if result is not None:
                _STATUS_TALLIES[result.status].add()
                try:
                    by_client[client].append(result)
                except KeyError:
                    by_client[client] = [result]
        head = commit.head if self._database.is_main else self._main.head
        outgoing = Outgoing(
            [
                (client.identity, _encode(Results(head, results)))
                for client, results in by_client.items()
            ]
        )
        if commit.head > commit.before:
            database = self._database
            outgoing.notice = CommitNotice(database.name, database.feed, commit.before, commit.head)
        self._outbox.put(outgoing)
        if self._verbose:
            self._tell(entries, commit)
        if commit.durable:
            WRITER_BATCHES.add()
            WRITER_BATCH_OPERATIONS.observe(len(entries) - len(commit.left))

    def _tell(self, entries: list[Entry], commit: Commit) -> None:
        """One line an operation, under the id of the request that asked for it."""
        for (_, operation, _), result in zip(entries, commit.results, strict=True):
            if result is not None:
                log.debug(
                    "operation",
                    request_id=operation.request_id,
                    actor=operation.actor,
                    status=result.status.name.lower(),
                    head=commit.head,
                )


def _is_same(entry: Entry, other: Entry) -> bool:
    """Two copies of one operation may stand in one batch after a re-send."""
    return entry[1].seq == other[1].seq and entry[0].worker is other[0].worker
