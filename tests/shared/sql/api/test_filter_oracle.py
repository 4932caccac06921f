"""Filters against the oracle: random tables and random filters, the same rows from both.

Each filter goes all the way: it is written as the query of a request, read again and compiled.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from shared.errors import Kind, QuillError
from shared.language.expression import Join
from shared.language.filter_tree import Compare, Junction, Operator, Tree
from shared.sql.api.filters import compile_filter
from tests.shared.sql.api.drawn_table import (
    BLOBS,
    BOXES,
    SECRET,
    TEXTS,
    Draw,
    DrawnTable,
    drawn_tables,
    shown,
    wkt,
)
from tests.shared.sql.api.filter_oracle import MeaninglessError, matching
from tests.worker.wire.trailbase.written_query import parameters
from worker.wire.trailbase.query import read_query

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ODD = (
    "", "+3", "-0", "007", "1e3", ".5", "5.", "1e999", "nan", "inf", "1_0", " 1", "\u0663", "true",
    "9223372036854775808", "-9223372036854775809", "9007199254740993", "AQ", "AQ==", "AQ=", "A", "====",
    "abab-abab", "-1", "1.5", "a\0b", "AAAAAAAAAAAAAAAAAAAAAA==", "abababab-abab-abab-abab-abababababab", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
PATTERNS = ("%", "_", "a%", "%b", "%A%", "a_b", "%\n", "__", "\U0001f40e", "%%", "1%")
EXPRESSIONS = ("a", "^a", "a.b", "[^a]", "a|é", "(a|b)+", "^.?.?", "(?i)A", r"\d+", "")
WRITTEN = {
    Operator.IS: ("NULL", "!NULL") * 10 + ("null", ""),
    Operator.LIKE: PATTERNS + TEXTS,
    Operator.REGEXP: EXPRESSIONS,
}
SEARCHING = (Operator.LIKE, Operator.REGEXP)
SIMPLE = tuple(one for one in Operator if not one.spatial and one not in SEARCHING)
OPERATORS = {
    "geometry": (Operator.IS, *(one for one in Operator if one.spatial)),
    **dict.fromkeys(("text", "nocase", "any"), (*SIMPLE, *SEARCHING, *SEARCHING)),
}


@st.composite
def cases(draw: Draw) -> tuple[DrawnTable, list[Tree]]:
    """A table and some filters of it."""
    table = draw(drawn_tables())
    return table, [_tree(draw, table, 3) for _ in range(8)]


def _tree(draw: Draw, table: DrawnTable, depth: int) -> Tree:
    if depth and draw(st.integers(0, 2)) == 0:
        join = draw(st.sampled_from(tuple(Join)))
        parts = [_tree(draw, table, depth - 1) for _ in range(draw(st.integers(1, 3)))]
        return Junction(join, tuple(parts))
    careless = draw(st.integers(0, 40)) == 0
    names = [*table.sorts] if not careless else [*table.sorts, SECRET, "nowhere", "rowid"]
    name = draw(st.sampled_from([one for one in names if one[0] != "_" or careless] or names))
    sort = table.sorts.get(name, next(iter(table.sorts.values())))
    operators = tuple(Operator) if careless else OPERATORS.get(sort.name, SIMPLE)
    operator: Operator = draw(st.sampled_from(operators))
    return Compare(name, operator, _value(draw, table, name, operator))


def _value(draw: Draw, table: DrawnTable, name: str, operator: Operator) -> str:
    if operator.spatial:
        return wkt(draw(st.sampled_from(BOXES)))
    if operator in WRITTEN:
        return draw(st.sampled_from(WRITTEN[operator]))
    if draw(st.integers(0, 60)) == 0:
        return draw(st.sampled_from(ODD))
    there: list[Any] = [row[name] for row in table.rows if row.get(name) is not None]
    sort = table.sorts.get(name)
    kept: bool = draw(st.booleans())
    if there and kept and sort is not None and sort.name != "geometry":
        return shown(draw(st.sampled_from(there)))
    if sort is None or sort.name == "geometry":
        return shown(draw(st.sampled_from(BLOBS)))
    return shown(draw(st.sampled_from(sort.values)))


def check(case: tuple[DrawnTable, list[Tree]]) -> None:
    """Both sides name the same rows, or both refuse."""
    table, asked = case
    database = table.database()
    api = table.api(database)
    name = '"v"' if table.view else '"t"'
    for drawn in asked:
        tree = read_query(urlencode(parameters(drawn))).filter
        assert tree is not None
        try:
            wanted = matching(table, drawn)
        except MeaninglessError:
            event("refused")
            with pytest.raises(QuillError) as refused:
                compile_filter(api.shown, tree)
            assert refused.value.kind is Kind.INVALID
            assert refused.value.message.startswith("Invalid filter params")
            continue
        event("some" if 0 < len(wanted) < len(table.rows) else "all or none")
        made = compile_filter(api.shown, tree)
        if made.trial is not None:
            database.execute(f"SELECT {made.trial.sql}", made.trial.params).fetchall()
        where = f"FROM main.{name} AS _ROW_ WHERE {made.condition.sql}"
        key = f'_ROW_."{table.key.replace(chr(34), chr(34) * 2)}"'
        rows = database.execute(f"SELECT {key} {where}", made.condition.params).fetchall()
        assert sorted(map(repr, (row[0] for row in rows))) == sorted(map(repr, wanted)), made


@QUICK
@given(cases())
def test_filters_and_the_oracle_agree(case: tuple[DrawnTable, list[Tree]]) -> None:
    """1,200 filters of 150 tables."""
    check(case)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(QUICK, max_examples=5_000, derandomize=False)
@given(cases())
def test_filters_and_the_oracle_agree_at_length(case: tuple[DrawnTable, list[Tree]]) -> None:
    """40,000 filters of 5,000 tables, others each time."""
    check(case)
