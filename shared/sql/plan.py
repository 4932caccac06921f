"""A write, as data: what a worker sends and the writer executes.

A plan is chosen from the schema and the request, never from rows that were read. Whatever depends
on rows is an SQL expression or a guard, so the writer can judge it inside the transaction.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    Value = None | int | float | str | bytes
    """What SQLite stores and msgpack carries."""
else:
    Value = Any  # msgspec cannot check a union of str and bytes, and msgpack tells them apart


MESSAGE_TOO_LARGE = "message_too_large"
"""The refusal of a message that does not fit into a row of the change log."""


class StepKind(enum.IntEnum):
    """What the writer does with a step's statement."""

    REQUIRE = 0
    """Guard: must return a row, else the operation is refused with `refusal`."""
    FORBID = 1
    """Guard: must return no row, else the operation is refused with `refusal`."""
    RUN = 2
    """Execute; with a `refusal`, it must change at least one row."""
    RETURN = 3
    """Execute and keep the first column of the first row as the operation's result;
    with a `refusal`, there must be such a row."""
    PUBLISH = 4
    """No statement: tell `params`, a custom topic and JSON on one line, with the rows that the plan
    changes, in the order of its steps. Refused with `refusal` when it is too large for the log."""
    CONSOLE = 5
    """No statement: run those in `params`, SQL that a superuser wrote, under the console's judge
    (`shared.messages.console`); what they gave is the operation's result."""


class Step(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One statement of a plan. `refusal` is `code` or `code:field`; `""` means none."""

    kind: StepKind
    sql: str
    params: tuple[Value, ...] = ()
    refusal: str = ""


class Bulk(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How a plan runs that is alone in its batch and may take long; the change log tells it as resets.

    `seconds`: what its steps have together. `attach`: a database file that the writer attaches,
    read-only, as `staged` while the plan runs; `""` for none. `foreign_keys`: False turns them off
    meanwhile, and the whole database is checked before the COMMIT.
    """

    seconds: float
    attach: str = ""
    foreign_keys: bool = True


class Plan(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Steps that hold together or not at all, made for one version of the catalog.

    `catalog_version`: the writer refuses a plan of any other version as stale.
    `changes_catalog`: the plan is a batch of its own, after which the version moves.
    `returns_all`: the result is a JSON array of what all RETURN steps gave, which is JSON each; the
    plan as a whole has the time that is otherwise one statement's.
    `bulk`: it is a batch of its own and runs under these conditions.
    `main_version`: of a plan for another database than main, the version of main's catalog that it
    was made of as well, since its access rules stand there; the writer refuses it as stale where
    main has another one by the COMMIT. 0 = not asked.
    """

    catalog_version: int
    steps: tuple[Step, ...]
    changes_catalog: bool = False
    database: str = "main"
    returns_all: bool = False
    bulk: Bulk | None = None
    main_version: int = 0


def require(sql: str, params: tuple[Value, ...] = (), *, refusal: str) -> Step:
    """A guard that must find a row."""
    return Step(StepKind.REQUIRE, sql, params, refusal)


def forbid(sql: str, params: tuple[Value, ...] = (), *, refusal: str) -> Step:
    """A guard that must find nothing."""
    return Step(StepKind.FORBID, sql, params, refusal)


def run(sql: str, params: tuple[Value, ...] = (), *, refusal: str = "") -> Step:
    """A statement whose rows do not matter."""
    return Step(StepKind.RUN, sql, params, refusal)


def returning(sql: str, params: tuple[Value, ...] = (), *, refusal: str = "") -> Step:
    """A statement whose first value is the operation's result."""
    return Step(StepKind.RETURN, sql, params, refusal)


def publish(topic: str, data: str) -> Step:
    """A message to a custom topic. `data`: JSON text without line breaks."""
    return Step(StepKind.PUBLISH, "", (topic, data), MESSAGE_TOO_LARGE)
