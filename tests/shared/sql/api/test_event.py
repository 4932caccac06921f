"""Events against lists: a change is shown to whoever the list with the same filter shows the row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import apsw
import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.language.filter_tree import Compare, Operator, Tree
from shared.quote import quote_identifier
from shared.schema.api import Action, RecordApi
from shared.sql.api.event import EventSql, event_sql, row_values
from shared.sql.api.filters import Filter, compile_filter
from shared.sql.api.list import point_sql
from shared.sql.api.rules import read_rule, rule_params
from shared.sql.api.shape import record_sql
from tests.shared.sql.api.drawn_table import SECRET, SORTS, Draw, DrawnTable
from tests.shared.sql.api.test_filter_oracle import QUICK, cases

RULES = (
    "{a} = {b}", "{a} < {b}", "{a} IS {b}", "{a} IS NOT NULL", "{a} = 'a'", "{a} LIKE 'A%'",
    "{a} > 1", "typeof({a}) = typeof({b})", "{a} IN (SELECT {A} FROM t)", "{a} || ''", "{a} + 0",
    "{a} = _USER_.id OR {b} = 1", "{a} BETWEEN 'A' AND 'b'", "{a} IN (1, 'a', x'61')", "1", "NULL",
    "max({a}, {b}) = {a}", "{a} <> {b} COLLATE NOCASE", "CASE {a} WHEN {b} THEN 1 END",
)  # fmt: skip
USERS = (None, "a", 1, b"test")


@st.composite
def judged(draw: Draw) -> tuple[DrawnTable, list[tuple[Tree, str]], Any]:
    """A table, filters of it each with a rule or "", and who listens."""
    table, trees = draw(cases())
    table.view = False
    rules = [draw(st.sampled_from(("", *RULES))) for _ in trees]
    names = st.sampled_from(sorted(table.sorts))
    texts = [rule and _written(rule, draw(names), draw(names)) for rule in rules]
    return table, list(zip(trees, texts, strict=True)), draw(st.sampled_from(USERS))


def _written(rule: str, one: str, other: str) -> str:
    a, b = (f"_ROW_.{quote_identifier(name)}" for name in (one, other))
    return rule.format(a=a, b=b, A=quote_identifier(one))


def logged(database: apsw.Connection, api: RecordApi, key: Any) -> dict[str, Any]:
    """A row as the log tells it."""
    name = quote_identifier(api.key.column.name)
    cursor = database.execute(f"SELECT * FROM t WHERE {name} = ?", (key,))
    names = [one[0] for one in cursor.get_description()]
    row = dict(zip(names, next(cursor), strict=True))
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(row))
    assert SECRET in packed
    return dict(packed)


def attempt(database: apsw.Connection, sql: str, params: tuple[Any, ...]) -> Any:
    """The first row, None for none, or "failed"."""
    try:
        return database.execute(sql, params).fetchone()
    except apsw.Error:
        return "failed"


@settings(QUICK, max_examples=100)
@given(judged())
def test_an_event_passes_where_the_list_shows_the_row(
    case: tuple[DrawnTable, list[tuple[Tree, str]], Any],
) -> None:
    """From the logged values, and from the stored row, with the same record."""
    table, asked, user = case
    database = table.database()
    plain = table.api(database)
    rows = [(row[table.key], logged(database, plain, row[table.key])) for row in table.rows]
    for tree, text in asked:
        api = plain
        if text:
            rule = read_rule(text, Action.READ, plain.columns)
            api = replace(plain, rules={Action.READ: rule})
        try:
            found = compile_filter(api.shown, tree)
        except QuillError:
            continue
        made = event_sql(api, found.condition)
        for key, values in rows:
            check(database, api, made, found, user, key, values)


def check(
    database: apsw.Connection,
    api: RecordApi,
    made: EventSql,
    found: Filter,
    user: Any,
    key: Any,
    values: dict[str, Any],
) -> None:
    rule = api.rules.get(Action.READ)
    bound, condition = rule_params(rule, user), found.condition
    head = (*bound, *condition.params)
    row = row_values(api.table, values)
    shown = attempt(
        database,
        f"{point_sql(api, '1', rule)} AND ({condition.sql})",
        (*bound, key, *condition.params),
    )
    for trial, whole, params in (
        (made.row_trial, made.row, row),
        (made.stored_trial, made.stored, (key,)),
    ):
        verdict = attempt(database, trial, (*head, *params))
        event("passes" if shown == (1,) else "does not")
        assert (verdict == (1,)) is (shown == (1,)), (verdict, shown, trial, params)
        if shown == (1,):
            wanted = attempt(
                database, point_sql(api, record_sql(api, plain=True), rule), (*bound, key)
            )
            assert attempt(database, whole, (*head, *params)) == wanted


def test_what_the_first_column_says() -> None:
    """The rule is asked first: what it hides is no matter of the filter."""
    sorts = {"id": SORTS["integer"], "n": SORTS["integer"]}
    table = DrawnTable("id", "integer", sorts, [])
    database = table.database()
    api = table.api(database)
    rule = read_rule("_ROW_._hidden = 'x' AND _ROW_.n > 0", Action.READ, api.columns)
    condition = compile_filter(api.shown, Compare("n", Operator.EQUAL, "1")).condition
    sql = event_sql(replace(api, rules={Action.READ: rule}), condition)

    def verdict(n: int, hidden: str) -> Any:
        values = row_values(api.table, {"id": 1, "n": n, SECRET: hidden})
        return attempt(database, sql.row, (*condition.params, *values))

    assert verdict(1, "x") == ('{"id":1,"n":1}',)
    assert verdict(2, "x") == (None,)
    assert verdict(1, "y") == (0,)
    assert attempt(database, sql.stored, (*condition.params, 1)) is None
