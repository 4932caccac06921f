"""What crosses the write link for the SQL console: what a text must not touch, and what it gave."""

from __future__ import annotations

from typing import Final

import msgspec

from shared.sql.plan import Step, StepKind, Value

TOO_MANY_ROWS: Final = "the text changes too many rows to tell each of them"
"""Why a text is refused that is not in a bulk plan; in one it may be run again."""


class Scope(msgspec.Struct, frozen=True, gc=False):
    """What is known of a database beside its own schema.

    `owned`: tables and views whose definition belongs to a collection, in lower case. `secrets`:
    columns that nobody is shown, by table, both in lower case.
    """

    owned: frozenset[str] = frozenset()
    secrets: dict[str, frozenset[str]] = {}


class Column(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A column of a result. `declared`: the type of the table's column, "" for an expression."""

    name: str
    declared: str = ""
    nullable: bool = True
    primary: bool = False


class Answer(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a text gave: the rows of the last statement that gives any, and how many it changed.

    `columns`: None where no statement gives rows. `cut`: there were more rows.
    """

    columns: list[Column] | None = None
    rows: list[tuple[Value, ...]] = []
    changes: int = 0
    cut: bool = False


_encode_scope = msgspec.json.Encoder().encode
_decode_scope = msgspec.json.Decoder(Scope).decode
_encode_answer = msgspec.msgpack.Encoder().encode
_decode_answer = msgspec.msgpack.Decoder(Answer).decode


def console_step(scope: Scope, statements: list[str]) -> Step:
    """The step that runs these statements; its result is an encoded Answer."""
    return Step(StepKind.CONSOLE, "", (_encode_scope(scope).decode(), *statements))


def read_step(step: Step) -> tuple[Scope, list[str]]:
    """What stands in such a step. Raises ValueError for anything else."""
    scope, *statements = step.params
    if not isinstance(scope, str) or not all(isinstance(one, str) for one in statements):
        raise ValueError("a step of the console is texts")
    return _decode_scope(scope), [str(one) for one in statements]


def encode_answer(answer: Answer) -> bytes:
    """As it crosses the link."""
    return _encode_answer(answer)


def read_answer(payload: object) -> Answer:
    """Raises TypeError, msgspec.MsgspecError for what is none."""
    if not isinstance(payload, bytes):
        raise TypeError("no answer of the console")
    return _decode_answer(payload)
