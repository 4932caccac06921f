"""Modifiers as SQL, run by SQLite, against Python's own lists and numbers."""

from __future__ import annotations

from typing import Any

import apsw
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.collection import Collection
from shared.schema.fields import field_from_json
from shared.schema.fields.field import Field
from shared.sql.modifiers import (
    Guard,
    Modification,
    Op,
    assignment,
    guard_error,
    kept_names_guard,
    result_guards,
)
from shared.sql.plan import Value

# The columns of json_each, so that a bare name would mean the wrong thing.
NAMES = ("value", "key", "id", "json", "atom", "place", "f")
VALUES = ("a", "b", "c", "ä", 'q"uo\\te', "line\nbreak", "\x1f")


def make(kind: str, name: str = "f", **options: Any) -> tuple[Collection, Field]:
    """A collection with the one field."""
    field = field_from_json({"id": "f1", "name": name, "type": kind, **options})
    things = Collection(id="pbc_1", name="things", type="base", system=False, fields=(field,))
    return things, field


class Row:
    """A table with one row, whose one column holds `stored`."""

    def __init__(self, field: Field, stored: Value) -> None:
        self.field = field
        self.db = apsw.Connection(":memory:")
        self.db.execute(f"CREATE TABLE things (_rowid_ INTEGER PRIMARY KEY, {field.column()})")
        self.db.execute(f'INSERT INTO things ("{field.name}") VALUES (?)', (stored,))

    def holds(self, guard: Guard) -> bool:
        """Whether a guard's condition is true of the row."""
        found = self.db.execute(f"SELECT 1 FROM things r WHERE ({guard.sql})", guard.params)
        return found.fetchall() == [(1,)]

    def refusal(self, guards: list[Guard]) -> str:
        """The code of the first guard that does not hold, as the writer would tell it."""
        broken = next((guard for guard in guards if not self.holds(guard)), None)
        code = "" if broken is None else broken.refusal.partition(":")[0]
        assert broken is None or guard_error(self.field, code) is not None
        return code

    def after(self, things: Collection, steps: list[Modification]) -> Value:
        """What the column holds once the modifications are assigned."""
        found = assignment(things, self.field, steps)
        name = f'"{self.field.name}"'
        done = self.db.execute(
            f"UPDATE things SET {name} = {found.sql} RETURNING {name}", found.params
        )
        value: Value = done.get
        return value


def expected_list(held: list[str], steps: list[Modification]) -> list[str]:
    """Plain loops: distinct values, of equal ones the first."""
    for op, operand in steps:
        assert isinstance(operand, list)
        if op is Op.REMOVE:
            held = [text for text in held if text not in operand]
        else:
            joined = [*held, *operand] if op is Op.APPEND else [*operand, *held]
            held = []
            for text in joined:
                if text not in held:
                    held.append(text)
    return held


LISTS = st.lists(st.sampled_from(VALUES), max_size=4, unique=True)
LIST_STEPS = st.lists(st.builds(Modification, st.sampled_from(Op), LISTS), min_size=1, max_size=3)
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(-1e12, 1e12) | st.integers(-12, 12)
NUMBER_STEPS = st.lists(
    st.builds(Modification, st.sampled_from([Op.APPEND, Op.REMOVE]), NUMBERS),
    min_size=1,
    max_size=3,
)


@given(
    st.sampled_from(NAMES),
    LISTS,
    LIST_STEPS,
    st.booleans(),
    st.integers(0, 3),
    st.integers(2, 4),
    st.sampled_from(["select", "relation"]),
)
def test_lists_change_as_python_lists_do(
    name: str,
    held: list[str],
    steps: list[Modification],
    required: bool,
    least: int,
    most: int,
    kind: str,
) -> None:
    """The value is that of plain loops, and the guards refuse what the field's check refuses."""
    things, field = make(
        kind,
        name,
        values=VALUES,
        collectionId="x",
        required=required,
        minSelect=min(least, most),
        maxSelect=most,
    )
    row = Row(field, orjson.dumps(held).decode() if held else "[]")
    expected = field.prepare(expected_list(held, steps))
    problem = field.check(expected)
    refusal = row.refusal(result_guards(field, steps))

    if all(step.op is Op.REMOVE for step in steps) and len(held) > most:
        problem = problem if problem and problem.code != "validation_too_many_values" else None
    assert refusal == (problem.code if problem is not None else "")
    assert row.after(things, steps) == expected


@given(st.sampled_from(NAMES), st.sampled_from(["", *VALUES]), LIST_STEPS, st.booleans())
def test_a_single_value_is_the_last_of_a_list(
    name: str, held: str, steps: list[Modification], required: bool
) -> None:
    """Appending replaces, prepending fills what is empty, removing clears."""
    things, field = make("select", name, values=VALUES, required=required)
    row = Row(field, held)
    expected = held
    for op, operand in steps:
        assert isinstance(operand, list)
        one = Modification(op, operand[-1:])
        if op is Op.REMOVE:
            one = Modification(op, operand)
        left = expected_list([expected] if expected else [], [one])
        expected = left[-1] if left else ""
    problem = field.check(expected)

    assert row.refusal(result_guards(field, steps)) == (problem.code if problem else "")
    assert row.after(things, steps) == expected


@given(NUMBERS, NUMBER_STEPS, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_numbers_change_as_python_numbers_do(
    held: float,
    steps: list[Modification],
    required: bool,
    only_int: bool,
    low: bool,
    high: bool,
) -> None:
    """The sum, and the guards refuse what the field's check refuses."""
    options: dict[str, Any] = {"min": -7 if low else None, "max": 9 if high else None}
    things, field = make("number", required=required, onlyInt=only_int, **options)
    stored = field.prepare(held)
    row = Row(field, stored)
    expected: Any = stored
    for op, operand in steps:
        assert not isinstance(operand, list)
        delta = field.prepare(operand)
        assert isinstance(delta, int | float)
        expected = expected - delta if op is Op.REMOVE else expected + delta
    expected = field.prepare(expected)
    prepared = [Modification(op, field.prepare(operand)) for op, operand in steps]  # type: ignore[arg-type]
    problem = field.check(expected)

    assert row.refusal(result_guards(field, prepared)) == (problem.code if problem else "")
    assert row.after(things, prepared) == expected


def test_a_sum_that_is_not_finite_is_refused() -> None:
    """Infinity has no place in JSON; a bound refuses it as well."""
    huge = [Modification(Op.APPEND, 1.7e308)]
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "not_a_number"),
        ({"min": 0, "max": 5}, "max_number_constraint"),
    ]
    for options, code in cases:
        _, field = make("number", **options)
        assert Row(field, 1.7e308).refusal(result_guards(field, huge)) == f"validation_{code}"
    _, field = make("number")
    assert (
        Row(field, -(2**63) + 1).refusal(result_guards(field, [Modification(Op.REMOVE, 9)])) == ""
    )


def test_a_stored_value_that_is_none_any_more_can_only_go() -> None:
    """After the values of a select were changed, the check is of the whole result."""
    _, field = make("select", values=["a", "b"], maxSelect=2)
    row = Row(field, '["old"]')

    add = result_guards(field, [Modification(Op.APPEND, ["a"])])
    assert row.refusal(add) == "validation_invalid_value"
    assert row.refusal(result_guards(field, [Modification(Op.REMOVE, ["old"])])) == ""


@pytest.mark.parametrize("most", [1, 3])
def test_only_stored_names_of_files_can_be_kept(most: int) -> None:
    """One unknown name among the known ones is refused."""
    _, field = make("file", maxSelect=most)
    row = Row(field, '["a.png","b.png"]' if most > 1 else "a.png")

    assert row.refusal([kept_names_guard(field, ["a.png"])]) == ""
    for names in (["c.png"], ["a.png", "c.png"], [""]):
        assert row.refusal([kept_names_guard(field, names)]) == "validation_invalid_file"
