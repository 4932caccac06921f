"""Compiled conditions against the naive evaluator, over random rows and random expressions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.access.identity import GUEST, Identity
from shared.language.macros import MACROS
from shared.language.parser import parse
from shared.sql.conditions import compile_condition
from shared.sql.plan import Value
from shared.sql.predicate import Predicate
from shared.sql.row import row_source, row_values
from shared.sql.select import list_plan
from tests.shared.sql.oracle import KINDS, Asked, Joined, Scalar, Side, World, judge, written
from tests.shared.sql.sample import SAMPLE, create, insert

NOW = datetime(2025, 11, 5, 10, 5, 5, 250_000, tzinfo=UTC)
MACRO_VALUES = {name: worth(NOW) for name, worth in MACROS.items()}
TEXTS = [
    "", "a", "A", "ab", "aB%", "a_b", "a\\b", "\\%", "%", "a\\", "5", "05", "5.5", " 5 ", "10",
    "1", "0", "é", "É", "it's", '"', "2025-11-05 10:05:05.250Z", "2025-11-05", "null",
]  # fmt: skip
NUMBERS = ["0", "1", "5", "10", "-5", "5.5", "05", "5.50", "2025", "99999999999999999999"]
JSON = [
    None, "null", "5", "5.5", '"5"', '"a"', '"A%"', '""', "true", "false", "[1,2]", '{"a":1}',
    "not json",
]  # fmt: skip
AUTH = ["id", "name", "level", "flag", "blank", "missing"]

_sides = st.one_of(
    st.sampled_from(sorted(KINDS)).map(lambda name: Side("field", name)),
    st.sampled_from(sorted(KINDS)).map(lambda name: Side("field", name)),
    st.sampled_from(TEXTS).map(lambda text: Side("text", text)),
    st.sampled_from(NUMBERS).map(lambda text: Side("number", text)),
    st.sampled_from(["null", "true", "false", "NULL"]).map(lambda text: Side("word", text)),
    st.sampled_from(AUTH).map(lambda name: Side("auth", name)),
    st.sampled_from(sorted(MACROS)).map(lambda name: Side("macro", name)),
)


def _supported(asked: Asked) -> bool:
    """Fields of numbers and of texts are not ordered against each other."""
    kinds = {KINDS[s.text] for s in (asked.left, asked.right) if s.sort == "field"}
    # The language cannot write a text that ends in a backslash before its own closing quote.
    closed = all(
        not (s.sort == "text" and s.text.endswith("\\")) for s in (asked.left, asked.right)
    )
    return closed and not (asked.sign[0] in "<>" and kinds == {"text", "number"})


_asked = st.builds(
    Asked, _sides, st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "~", "!~"]), _sides
).filter(_supported)


def _joined(parts: st.SearchStrategy[Asked | Joined]) -> st.SearchStrategy[Asked | Joined]:
    """Two or three parts held together."""
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.builds(Joined, st.sampled_from(["&&", "||"]), several)


_pairs = _joined(_asked)
_expressions = st.one_of(_asked, _pairs, _joined(st.one_of(_asked, _pairs)))
_numbers = st.sampled_from([0, 1, 5, 10, -5, 5.5, 2025])
_rows = st.fixed_dictionaries(
    {
        "title": st.sampled_from(TEXTS),
        "other": st.sampled_from(TEXTS),
        "day": st.sampled_from(["", "2025-11-05 10:05:05.250Z", "2025-12-01 00:00:00.000Z"]),
        "count": _numbers,
        "rank": _numbers,
        "open": st.sampled_from([0, 1]),
        "data": st.sampled_from(JSON),
        "owner": st.sampled_from(["", "row0", "caller"]),
        "state": st.sampled_from(["", "a", "b"]),
    }
)
_callers = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {
            "id": st.just("caller"),
            "name": st.sampled_from(TEXTS),
            "level": _numbers,
            "flag": st.sampled_from([0, 1]),
            "blank": st.just(""),
        }
    ),
)


def _check(
    rows: list[dict[str, Scalar]],
    caller: Mapping[str, Scalar] | None,
    expressions: list[Asked | Joined],
) -> None:
    connection = apsw.Connection(":memory:")
    create(connection, SAMPLE)
    for number, row in enumerate(rows):
        row["id"] = f"row{number}"
        insert(connection, SAMPLE, **row)
    identity = GUEST if caller is None else Identity("c_users", "users", dict(caller))
    for asked in expressions:
        text = written(asked)
        condition = compile_condition(parse(text), SAMPLE, client=False, may_see_hidden=True)
        wanted = [
            row["id"] for row in rows if judge(asked, World(row, caller, MACRO_VALUES)) is True
        ]
        bound = condition.bind(identity, NOW)
        found = connection.execute(
            f"SELECT id FROM sample r WHERE {condition.sql} ORDER BY r._rowid_", bound
        ).fetchall()
        assert [row[0] for row in found] == wanted, (text, condition, bound)
        plan = list_plan(SAMPLE, None, condition, "r._rowid_", 'r."id"')
        assert connection.execute(plan.count_sql, bound).get == len(wanted), text
        assert _alone(connection, rows, condition, bound) == wanted, text


def _alone(
    connection: apsw.Connection,
    rows: list[dict[str, Scalar]],
    condition: Predicate,
    bound: tuple[Value, ...],
) -> list[Scalar]:
    """The same over rows of bound values."""
    sql = f"SELECT r.id FROM {row_source(SAMPLE)} WHERE {condition.sql}"
    found = [connection.execute(sql, (*row_values(SAMPLE, row), *bound)).fetchall() for row in rows]
    return [one[0][0] for one in found if one]


_QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_QUICK
@given(
    st.lists(_rows, min_size=4, max_size=8),
    _callers,
    st.lists(_expressions, min_size=5, max_size=5),
)
def test_sql_and_the_evaluator_agree(
    rows: list[dict[str, Scalar]],
    caller: Mapping[str, Scalar] | None,
    expressions: list[Asked | Joined],
) -> None:
    """2,000 expressions: table, bound row and evaluator pick the same rows."""
    _check(rows, caller, expressions)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@settings(_QUICK, max_examples=6_000)
@given(
    st.lists(_rows, min_size=4, max_size=10),
    _callers,
    st.lists(_expressions, min_size=5, max_size=5),
)
def test_sql_and_the_evaluator_agree_at_length(
    rows: list[dict[str, Scalar]],
    caller: Mapping[str, Scalar] | None,
    expressions: list[Asked | Joined],
) -> None:
    """The same with 30,000 expressions."""
    _check(rows, caller, expressions)
