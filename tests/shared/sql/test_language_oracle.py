"""The compiler against the oracle: random worlds, random expressions, the same rows from both.

Each world has a caller and a request; a handful of filters and rules about one of its collections
is judged by both sides: as a page, as a count, row by row, and over rows of bound values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from shared.language.errors import ForbiddenNameError, LanguageError
from shared.sql.conditions import Use
from tests.shared.sql.oracle_database import Database
from tests.shared.sql.oracle_expressions import expression
from tests.shared.sql.oracle_judge import Judge, meant
from tests.shared.sql.oracle_paths import Voice, sort_keys
from tests.shared.sql.oracle_routes import Scope
from tests.shared.sql.oracle_schemas import GHOST, SUPERUSERS, Draw, asking, row, tables
from tests.shared.sql.oracle_tree import Name, Tree, written
from tests.shared.sql.oracle_values import order
from tests.shared.sql.oracle_world import ForbiddenError, InvalidError, Row, Table, World

EXPRESSIONS = 10
TOO_MANY = "the expression combines too many related records"
TOO_MANY_OF_A_CASE = 2
"""A bound of the compiler: list rules of what is joined may multiply what is asked."""
QUICK = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass
class Case:
    """What is asked of one world. `asked`: "filter" or "rule", and the expression."""

    world: World
    table: Table
    ghost: Row
    asked: list[tuple[str, Tree]]
    sort: list[tuple[str, tuple[str, ...]]]
    like: bool

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """All that one needs to see what went wrong, without the rest."""
        printer.text(str(self))

    def __str__(self) -> str:
        """The world in lines."""
        lines = [f"{'superuser ' * self.world.superuser}caller: {self.world.caller}"]
        lines += [f"request: {self.world.asking}", f"asked of: {self.table.name}"]
        for one in self.world.tables.values():
            rule = one.rule if one.rule is None or isinstance(one.rule, str) else written(one.rule)
            lines += [f"{one.name} listRule={rule!r} {_columns(one)}"]
            lines += [f"    {each}" for each in one.rows]
        return "\n".join(lines)


def _columns(table: Table) -> str:
    return ", ".join(
        f"{one.name} {one.kind}{'[]' * one.many}{' unique' * one.unique}{' hidden' * one.hidden}"
        + (f" -> {one.target}" if one.target else "")
        for one in table.columns.values()
    )


@st.composite
def cases(draw: Draw, *, flat: bool = False) -> Case:
    """A world, who asks, and what. `flat`: about nothing but the row's own fields."""
    made = tables(draw)
    table = made[
        draw(st.sampled_from([name for name in made if name != "staff" and name[0] != "_"]))
    ]
    for one in made.values():
        if one.name != SUPERUSERS:
            one.rule = _list_rule(draw, made, one)
    caller = draw(st.sampled_from([None, "users", "users", "staff", SUPERUSERS]))
    callers = made[caller].rows if caller else []
    who = (caller, draw(st.sampled_from(callers))) if callers else None
    world = World(made, who, asking(draw, table), bool(callers) and caller == SUPERUSERS)
    asked = [_asked(draw, world, table, flat=flat) for _ in range(EXPRESSIONS)]
    voice = Voice(made, table, client=not world.superuser)
    ghost = row(draw, table, GHOST)
    return Case(world, table, ghost, asked, sort_keys(draw, voice), draw(st.booleans()))


def _list_rule(draw: Draw, made: dict[str, Table], table: Table) -> Tree | str | None:
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return None
    if kind < 5:
        return ""
    return expression(draw, Voice(made, table, client=False, body=False), depth=1)


def _asked(draw: Draw, world: World, table: Table, *, flat: bool) -> tuple[str, Tree]:
    of = draw(st.sampled_from(["filter", "filter", "rule"]))
    client = of == "filter" and not world.superuser
    careless = draw(st.integers(0, 14)) == 0
    return of, expression(draw, Voice(world.tables, table, client, careless=careless, flat=flat))


def check(case: Case) -> None:
    """Both sides agree about everything asked, but for the little that is too much to ask."""
    database = Database(case.world, case_sensitive_like=case.like)
    refused = 0
    for of, tree in case.asked:
        try:
            _check_one(case, database, of, tree)
        except LanguageError as error:
            if error.message != TOO_MANY:
                raise
            refused += 1
    assert refused <= TOO_MANY_OF_A_CASE
    _check_sort(case, database)


def _check_one(case: Case, database: Database, of: str, tree: Tree) -> None:
    text, table = written(tree), case.table
    every = [*table.rows, case.ghost]
    try:
        wanted = meant(tree, case.world, table, every, of=of)
    except InvalidError:
        _check_refused(database, text, table, LanguageError, of=of)
        return
    except ForbiddenError:
        _check_refused(database, text, table, ForbiddenNameError, of=of)
        return
    stored = [one for one in wanted if one != GHOST]
    made = {use: database.compiled(text, table, use, of=of) for use in Use}
    for use in (Use.PAGE, Use.COUNT):
        assert database.page(made[use], table) == stored, f"{of} {use}: {text}"
    counted = (len(stored), len(stored))
    assert database.count(made[Use.COUNT], table) == counted, f"{of} counted: {text}"
    assert database.rows(made[Use.ROW], table) == stored, f"{of} row by row: {text}"
    assert database.values(made[Use.VALUES], table, every) == wanted, f"{of} of values: {text}"


def _check_refused(
    database: Database, text: str, table: Table, error: type[LanguageError], *, of: str
) -> None:
    for use in Use:
        with pytest.raises(LanguageError) as refused:
            database.compiled(text, table, use, of=of)
        assert type(refused.value) is error, text


def _check_sort(case: Case, database: Database) -> None:
    text = ",".join(direction + ".".join(parts) for direction, parts in case.sort)
    scope = Scope(case.world, case.table, filter=True)
    last = case.sort[-1][0] == "-"

    def compared(left: Row, right: Row) -> int:
        for direction, parts in case.sort:
            name = Name("row", parts)
            found = order(Judge(scope, left).read(name), Judge(scope, right).read(name))
            if found:
                return -found if direction == "-" else found
        places = [case.table.rows.index(one) for one in (left, right)]
        return (places[0] - places[1]) * (-1 if last else 1)

    wanted = [one["id"] for one in sorted(case.table.rows, key=cmp_to_key(compared))]
    assert database.sorted(text, case.table) == wanted, text


@QUICK
@given(cases())
def test_the_compiler_and_the_oracle_agree(case: Case) -> None:
    """2,000 expressions over 200 worlds."""
    check(case)


@settings(QUICK, max_examples=60)
@given(cases(flat=True))
def test_they_agree_about_plain_fields(case: Case) -> None:
    """600 expressions about the row alone: how values compare."""
    check(case)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=600, derandomize=False)
@given(cases(flat=True))
def test_they_agree_about_plain_fields_at_length(case: Case) -> None:
    """6,000 of those, others each time."""
    check(case)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=2_400, derandomize=False)
@given(cases())
def test_the_compiler_and_the_oracle_agree_at_length(case: Case) -> None:
    """24,000 expressions over 2,400 worlds, others each time."""
    check(case)
