"""The link to the writer: plans go one way, outcomes come back, whatever dies in between.

Two states. **down**: operations gather. **up**: they are sent, all of one event-loop tick in one
message.

    monitor says connected → send Hello (still down)
    Welcome                → up; send everything pending again, oldest first
    monitor says gone      → down; pending stays pending

Sending again under the same id is harmless: the writer answers a known id from its log. So a
`kill -9` of the writer costs its clients time and nothing else. When an operation's deadline has
passed without an answer, the worker looks it up in the log itself; only if it is not there either
is its outcome told as unknown.

It needs an event loop, the run directory and nothing else, so the command line uses it, too. It
must not know what a plan means.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
import zmq

from shared import metrics
from shared.depot.layout import MAIN
from shared.errors import Kind, QuillError
from shared.limits import (
    DATABASE_RETRY_SECONDS,
    IN_FLIGHT_WRITES_PER_WORKER,
    RESEND_OPERATIONS_PER_MESSAGE,
    WRITE_DEADLINE_SECONDS,
    WRITE_GRACE_SECONDS,
)
from shared.logs import get_logger
from shared.messages.commands import (
    PROTOCOL,
    Hello,
    Operation,
    Operations,
    Result,
    Results,
    Status,
    ToWorker,
    Welcome,
)
from shared.sql.plan import Plan
from worker.engine.dealer import Dealer

_TIMER_SECONDS: Final = 0.05
_NS: Final = 1_000_000_000
_GRACE_NS: Final = int(WRITE_GRACE_SECONDS * _NS)
_log = get_logger()

Lookup = Callable[[str, Iterable[int], int], Awaitable[dict[int, Result]]]
"""`(database, seqs, since CLOCK_MONOTONIC ns)` → the outcomes that the writer's log holds of them."""


class _Pending:
    """An operation without an answer.

    `sent`: it has been handed to a connection. `again`: to more than one.
    """

    __slots__ = ("again", "expires_ns", "future", "operation", "sent", "submitted_ns")

    def __init__(
        self, operation: Operation, future: asyncio.Future[Result], submitted_ns: int
    ) -> None:
        self.operation = operation
        self.future = future
        self.submitted_ns = submitted_ns
        self.expires_ns = operation.deadline_ns + _GRACE_NS
        self.sent = self.again = False


class WriterLink:
    """One worker's, or one command's, link to the writer.

    `endpoint`: the writer's ROUTER.  `incarnation`: random 63 bits, never used by another process.
    `lookup`: reads the writer's log of outcomes; None: an unanswered operation is unknown.
    """

    def __init__(self, endpoint: str, incarnation: int, lookup: Lookup | None = None) -> None:
        self._endpoint = endpoint
        self._incarnation = incarnation
        self._lookup = lookup
        self._pending: dict[int, _Pending] = {}
        self._tick: list[Operation] = []
        self._seq = 0
        self._several = False
        """There have been plans for another database than main."""
        self._up = False
        self._welcomed: asyncio.Event = asyncio.Event()
        self._decode = msgspec.msgpack.Decoder(ToWorker).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._loop: asyncio.AbstractEventLoop
        self._dealer: Dealer
        self._timer: asyncio.TimerHandle | None = None
        self._lookups: set[asyncio.Task[None]] = set()
        self.welcome: Welcome | None = None
        self.on_welcome: Callable[[Welcome], None] | None = None

    def start(self) -> None:
        """Connect, on the running loop. Returns at once; operations may be submitted."""
        self._loop = asyncio.get_running_loop()
        self._dealer = Dealer(self._endpoint, self._connected, self._disconnected, self._received)
        self._dealer.start()

    async def ready(self) -> Welcome:
        """Wait until a writer has welcomed this process."""
        await self._welcomed.wait()
        assert self.welcome is not None
        return self.welcome

    @property
    def in_flight(self) -> int:
        """Operations without an answer."""
        return len(self._pending)

    def close(self) -> None:
        """Disconnect. Operations without an answer fail as unknown."""
        self._dealer.close()
        self._up = False
        if self._timer is not None:
            self._timer.cancel()
        for seq in list(self._pending):
            self._give_up(self._pending.pop(seq), None)

    # --- Submitting -----------------------------------------------------------------------------

    async def submit(
        self,
        plan: Plan,
        *,
        request_id: str = "",
        actor: str = "",
        deadline_seconds: float = WRITE_DEADLINE_SECONDS,
    ) -> Result:
        """Have a plan executed; the result's status is OK, REFUSED, FAILED or STALE.

        Raises QuillError: UNAVAILABLE (certainly not applied), UNKNOWN_OUTCOME, DISK_FULL, INTERNAL.
        """
        result = await self._enqueue(plan, request_id, actor, deadline_seconds)
        if result.status > Status.STALE:
            raise _failure(result.status)
        return result

    def _enqueue(
        self, plan: Plan, request_id: str, actor: str, deadline_seconds: float
    ) -> asyncio.Future[Result]:
        pending = self._pending
        if len(pending) >= IN_FLIGHT_WRITES_PER_WORKER:
            raise QuillError(
                Kind.UNAVAILABLE, "Too many writes are waiting.", retry_after_seconds=1
            )
        self._seq = seq = self._seq + 1
        now = time.monotonic_ns()
        operation = Operation(seq, plan, now + int(deadline_seconds * _NS), request_id, actor)
        future: asyncio.Future[Result] = self._loop.create_future()
        pending[seq] = _Pending(operation, future, now)
        if plan.database != MAIN:
            self._several = True
        if self._up:
            if not self._tick:
                self._loop.call_soon(self._flush)
            self._tick.append(operation)
        if self._timer is None:
            self._timer = self._loop.call_later(_TIMER_SECONDS, self._expire)
        metrics.WRITES_SUBMITTED.add()
        return future

    def _flush(self) -> None:
        """Send what this tick gathered."""
        operations, self._tick = self._tick, []
        if self._up and operations:
            self._send(operations)

    def _send(self, operations: list[Operation]) -> None:
        """Send one message, or one for each database.

        Each has its own mark of what is finished: a long plan in one database would make the writer
        keep every answer of the others.
        """
        if not self._several:
            self._send_message(operations, self._acked())
            return
        by_database: dict[str, list[Operation]] = {}
        for operation in operations:
            by_database.setdefault(operation.plan.database, []).append(operation)
        for database, ours in by_database.items():
            self._send_message(ours, self._acked_in(database))

    def _send_message(self, operations: list[Operation], acked: int) -> None:
        """What cannot be sent stays pending and goes after the next Welcome."""
        try:
            self._dealer.send(self._encode(Operations(acked, operations)))
        except zmq.Again:
            # The connection is gone, or full behind a stopped writer; the timer tries again.
            return
        pending = self._pending
        for operation in operations:
            entry = pending.get(operation.seq)
            if entry is not None:
                entry.sent = True

    def _acked(self) -> int:
        """Every seq up to this one is finished here: pending is in order of seq."""
        for seq in self._pending:
            return seq - 1
        return self._seq

    def _acked_in(self, database: str) -> int:
        """The same for the operations of one database."""
        for seq, entry in self._pending.items():
            if entry.operation.plan.database == database:
                return seq - 1
        return self._seq

    # --- The connection -------------------------------------------------------------------------

    def _connected(self) -> None:
        try:
            self._dealer.send(self._encode(Hello(PROTOCOL, self._incarnation)))
        except zmq.Again:
            return  # gone again already; the next connection says Hello

    def _disconnected(self) -> None:
        self._up = False

    def _received(self, message: bytes) -> None:
        decoded = self._decode(message)
        if type(decoded) is Results:
            self._settle(decoded.results)
        elif type(decoded) is Welcome:
            self._resume(decoded)

    def _resume(self, welcome: Welcome) -> None:
        """Send everything pending again: harmless, whichever writer has it already."""
        self._up = True
        self._tick.clear()
        self.welcome = welcome
        self._welcomed.set()
        for entry in self._pending.values():
            entry.again = entry.sent
        operations = [entry.operation for entry in self._pending.values()]
        for at in range(0, len(operations), RESEND_OPERATIONS_PER_MESSAGE):
            self._send(operations[at : at + RESEND_OPERATIONS_PER_MESSAGE])
        if self.on_welcome is not None:
            self.on_welcome(welcome)

    def _settle(self, results: Iterable[Result]) -> None:
        """Hand outcomes to whoever waits. An unknown seq is a second answer after a re-send."""
        pending = self._pending
        outcomes = metrics.WRITE_OUTCOMES
        for result in results:
            entry = pending.pop(result.seq, None)
            if entry is not None:
                outcomes[result.status].add()
                if entry.future.done():
                    continue
                if result.status == Status.CLOSED and entry.again:
                    entry.future.set_exception(_unknown())  # it was open the first time
                else:
                    entry.future.set_result(result)

    # --- Deadlines ------------------------------------------------------------------------------

    def _expire(self) -> None:
        """One coarse timer for all: a timer an operation would cost more than sending it."""
        self._timer = None
        now = time.monotonic_ns()
        expired = [entry for entry in self._pending.values() if entry.expires_ns <= now]
        if expired:
            for entry in expired:
                del self._pending[entry.operation.seq]
            task = self._loop.create_task(self._look_up(expired))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)
        if self._up:
            self._send_stalled()
        if self._pending:
            self._timer = self._loop.call_later(_TIMER_SECONDS, self._expire)

    def _send_stalled(self) -> None:
        """Send what a full connection refused, once it takes messages again."""
        stalled = [entry.operation for entry in self._pending.values() if not entry.sent]
        ticking = {operation.seq for operation in self._tick}
        stalled = [operation for operation in stalled if operation.seq not in ticking]
        for at in range(0, len(stalled), RESEND_OPERATIONS_PER_MESSAGE):
            self._send(stalled[at : at + RESEND_OPERATIONS_PER_MESSAGE])

    async def _look_up(self, expired: list[_Pending]) -> None:
        """Ask the writer's log about operations that got no answer in time."""
        found: dict[int, Result] = {}
        sent = [entry for entry in expired if entry.sent]
        try:
            if self._lookup is not None:
                for database in {entry.operation.plan.database for entry in sent}:
                    ours = [one for one in sent if one.operation.plan.database == database]
                    since = min(entry.submitted_ns for entry in ours)
                    seqs = [entry.operation.seq for entry in ours]
                    found.update(await self._lookup(database, seqs, since))
        except Exception:  # noqa: BLE001 - the outermost edge of a task, for which requests wait
            # No log to be had, whatever the reason: unknown is the honest answer.
            _log.warning("no look into the log of outcomes", operations=len(sent), exc_info=True)
        finally:
            for entry in expired:
                self._give_up(entry, found.get(entry.operation.seq))

    def _give_up(self, entry: _Pending, found: Result | None) -> None:
        if entry.future.done():
            return
        if found is not None:
            metrics.WRITE_OUTCOMES[found.status].add()
            entry.future.set_result(found)
        elif entry.sent:
            metrics.WRITE_OUTCOMES["unknown"].add()
            entry.future.set_exception(_unknown())
        else:
            metrics.WRITE_OUTCOMES["late"].add()
            entry.future.set_exception(_failure(Status.LATE))


def _failure(status: Status) -> QuillError:
    """The error of an operation that was certainly not applied."""
    if status == Status.FULL:
        return QuillError(Kind.DISK_FULL, "The disk is full; nothing was written.")
    if status == Status.CLOSED:
        return QuillError(
            Kind.UNAVAILABLE,
            "The database is not open; nothing was written.",
            retry_after_seconds=int(DATABASE_RETRY_SECONDS),
        )
    if status in (Status.BUSY, Status.LATE):
        return QuillError(
            Kind.UNAVAILABLE, "The server is too busy; nothing was written.", retry_after_seconds=1
        )
    return QuillError(Kind.INTERNAL, "Something went wrong while processing your request.")


def _unknown() -> QuillError:
    return QuillError(
        Kind.UNKNOWN_OUTCOME,
        "The outcome of the write is unknown. Retry it with the same Idempotency-Key.",
        retry_after_seconds=1,
    )
