"""A row of the change log is judged and shown as the stored row is: random worlds, odd values.

A read asks one stored row (`Use.ROW`), an event the values that were logged (`Use.VALUES`). Also
`shared.sql.row` and what the writer's capture makes of a row on its way there.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.language.errors import LanguageError
from shared.sql.conditions import Use
from shared.sql.plan import Value
from tests.shared.sql.logged_world import LoggedWorld, odd_values
from tests.shared.sql.oracle_schemas import Draw
from tests.shared.sql.oracle_tree import written
from tests.shared.sql.semantics_world import world as semantics
from tests.shared.sql.test_language_oracle import QUICK, Case, cases


@dataclass
class Logged:
    """A case of the oracle, and odd values for its rows."""

    case: Case
    odd: dict[tuple[str, object], dict[str, Value]]


@st.composite
def logged(draw: Draw, *, flat: bool = False) -> Logged:
    """A world, what is asked of it, and what was written into the rows that are asked."""
    case = draw(cases(flat=flat))
    table = case.table
    odd = {(table.name, row["id"]): odd_values(draw, table) for row in table.rows}
    return Logged(case, odd)


def check(one: Logged) -> None:
    """Whatever is asked, each row is hidden or shown alike, with the same text.

    But for what asks for a secret of the row, which is not in the log: then nothing is told.
    """
    case = one.case
    world = LoggedWorld(case.world, one.odd)
    collection, shape = world.collection(case.table.name), world.shape(case.table)
    for of, tree in case.asked:
        text = written(tree)
        try:
            stored = world.compiled(text, case.table, Use.ROW, of=of)
            values = world.compiled(text, case.table, Use.VALUES, of=of)
        except LanguageError:
            continue
        secret = any(f'r."{f.name}"' in values.sql for f in collection.fields if f.secret)
        for row in case.table.rows:
            read = world.shown_as_stored(stored, shape, collection, row["id"])
            told = world.shown_as_logged(values, shape, collection, row["id"])
            assert told == (None if secret else read), (
                f"{of}: {text} of {one.odd[case.table.name, row['id']]}"
            )


def test_what_asks_for_a_secret_of_the_row_has_no_answer() -> None:
    """Secrets are not logged: neither a rule that they are there nor one that they are not holds."""
    world = LoggedWorld(semantics(), {("people", "ann"): {"name": "Ann"}})
    people, shape = world.collection("people"), world.shape(world.world.tables["people"])
    seen = []
    for rule in (
        "name = 'Ann'",
        "tokenKey != ''",
        "tokenKey = '' || name = 'Ann'",
        "password = ''",
    ):
        compiled = world.compiled(rule, world.world.tables["people"], Use.VALUES, of="rule")
        seen.append(world.shown_as_logged(compiled, shape, people, "ann") is not None)
    assert seen == [True, False, False, False]


@settings(QUICK, max_examples=140)
@given(logged())
def test_a_logged_row_is_judged_as_the_stored_one(one: Logged) -> None:
    """1,400 expressions over 140 worlds, each for up to five rows."""
    check(one)


@settings(QUICK, max_examples=60)
@given(logged(flat=True))
def test_a_logged_row_is_judged_as_the_stored_one_by_its_own_fields(one: Logged) -> None:
    """600 expressions about the row alone, where its odd values count."""
    check(one)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=1_400, derandomize=False)
@given(logged())
def test_a_logged_row_is_judged_as_the_stored_one_at_length(one: Logged) -> None:
    """14,000 expressions over 1,400 worlds, others each time."""
    check(one)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=600, derandomize=False)
@given(logged(flat=True))
def test_a_logged_row_is_judged_by_its_own_fields_at_length(one: Logged) -> None:
    """6,000 of those, others each time."""
    check(one)
