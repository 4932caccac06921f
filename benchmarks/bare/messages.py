"""What crosses ZeroMQ between the bare workers and the bare writer."""

from __future__ import annotations

import msgspec

Params = tuple[str | int | float | None, ...]


class Operation(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One insert under one id; `guard` holds the parameters of the rule."""

    seq: int
    insert: int
    guard: Params
    values: Params


class Operations(msgspec.Struct, array_like=True, frozen=True):
    """All operations of one loop tick of one worker. `acked`: every seq up to it is answered."""

    incarnation: int
    acked: int
    operations: list[Operation]


class Result(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The stored row as JSON text; None: refused."""

    seq: int
    record: str | None


class Results(msgspec.Struct, array_like=True, frozen=True):
    """All answers of one commit for one worker."""

    results: list[Result]


class Notice(msgspec.Struct, array_like=True, frozen=True):
    """A commit added the rows (before, head] to `_change`."""

    before: int
    head: int
