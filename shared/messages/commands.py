"""The write link: Hello and Welcome on every connection, Operations one way, Results the other.

An operation's id is (incarnation of the worker process, seq). After every Welcome the worker sends
everything unanswered again under the same ids; the writer answers a known id from its `_batch`
log, so a second copy is never applied.
"""

from __future__ import annotations

import enum

import msgspec

from shared.sql.plan import Plan, Value

PROTOCOL = 5


class Status(enum.IntEnum):
    """How an operation ended."""

    OK = 0
    """Committed. payload = the value kept by a RETURN step, or None; of a plan with `returns_all`
    the JSON array of all of them."""
    REFUSED = 1
    """A step's guard said no. payload = its refusal text, step = where it stands in the plan."""
    FAILED = 2
    """SQLite refused a statement. payload = [extended result code, message], step = which one."""
    STALE = 3
    """Planned for another version of its database's catalog, or of main's: plan again under a new seq."""
    LATE = 4
    """Past its deadline when its turn came. Certainly not applied."""
    FULL = 5
    """Disk full. Certainly not applied."""
    BUSY = 6
    """The writer's inbox is full. Certainly not applied."""
    ERROR = 7
    """A fault of ours, logged by the writer. payload = None. Not applied."""
    CLOSED = 8
    """The plan's database is not open. Not applied, unless it was sent before."""


class Operation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One plan under one id.

    `deadline_ns`: CLOCK_MONOTONIC. `request_id` and `actor` (`"<collection id>/<record id>"`, `""`
    for a guest) go into the log and the `_commit` row.
    """

    seq: int
    plan: Plan
    deadline_ns: int
    request_id: str = ""
    actor: str = ""


class Hello(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """First message of every connection. `incarnation` is random and made at process start."""

    protocol: int
    incarnation: int


class Operations(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """Operations of one event-loop tick for one database.

    `acked`: every seq up to it is finished here that was for the same database.
    """

    acked: int
    operations: list[Operation]


class Welcome(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """Answer to Hello, about main."""

    epoch: int
    feed: int
    catalog_version: int
    head: int


class Result(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Outcome of one operation.

    `step`: place of the plan's step that said no, -1 where it was none of them.
    """

    seq: int
    status: Status
    payload: Value | tuple[int, str] = None
    step: int = -1


class Results(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """All answers of one commit for one worker. `head`: main's `_change.n` after that commit."""

    head: int
    results: list[Result]


ToWriter = Hello | Operations
ToWorker = Welcome | Results


class LoggedResult(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An outcome as `_batch` keeps it: with the whole id of its operation."""

    incarnation: int
    seq: int
    status: Status
    payload: Value | tuple[int, str] = None
    step: int = -1


class BatchLog(msgspec.Struct, array_like=True, frozen=True):
    """The `entries` blob of one `_batch` row: what one commit decided.

    `acked`: (incarnation, seq) marks as of this batch; a seq at or below its mark is finished.
    """

    acked: list[tuple[int, int]]
    results: list[LoggedResult]
