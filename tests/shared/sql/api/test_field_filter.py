"""Filters of record APIs over a collection: random rows and filters against plain Python.

They are judged on a connection whose LIKE ignores case, as collections are read on.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.access.request import GUEST_REQUEST
from shared.errors import QuillError
from shared.language.expression import Comparison, Join, Name, Text
from shared.language.filter_tree import Compare, Junction, Operator, Tree
from shared.limits import FILTER_COMPARISONS_MAX, LIKE_PATTERN_BYTES_MAX
from shared.sql.api.field_filter import read_filter, searches, shown_field
from shared.sql.conditions import Use, compile_condition
from shared.sqlite.functions.register import register
from tests.shared.sql.api.filter_oracle import like
from tests.shared.sql.sample import CATALOG, SAMPLE, create, insert

QUICK = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TEXTS = ("", "a", "A", "aB", "ab", "a%b", "a_b", "a*b", "a?b", "[a]", "10", "é", "É", "'", "\n")
NUMBERS = (0, 1, -1, 2.5, 10, 2**53 + 1)
JSON = (None, 1, "1", "a", True, [1], {"k": 1})
PATTERNS = ("%", "_", "a%", "%b", "A%", "a_b", "a*b", "a?b", "[a]", "%[%", "%*%", "", "É", "__")
ORDERS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
}
EQUALITIES = (Operator.EQUAL, Operator.NOT_EQUAL)
SEARCHES = (Operator.LIKE, Operator.REGEXP)
Row = dict[str, Any]

ROWS = st.fixed_dictionaries(
    {
        "title": st.sampled_from(TEXTS),
        "count": st.sampled_from(NUMBERS),
        "open": st.booleans(),
        "data": st.sampled_from(JSON),
        "tags": st.sampled_from(([], ["a"], ["b"], ["a", "b"])),
    }
)


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    """One comparison that means something."""
    name = draw(st.sampled_from(("title", "count", "open", "data", "tags")))
    asked = [*EQUALITIES, Operator.IS]
    if name in ("title", "count"):
        asked += ORDERS
    if name in ("title", "tags"):
        asked += SEARCHES
    chosen = draw(st.sampled_from(asked))
    if chosen is Operator.IS:
        value = draw(st.sampled_from(("NULL", "!NULL")))
    elif chosen is Operator.LIKE:
        value = draw(st.sampled_from(PATTERNS))
    elif chosen is Operator.REGEXP:
        value = draw(st.sampled_from(("a", "^A", "a.b", "^$", r"\[")))
    else:
        value = draw(st.sampled_from(VALUES[name]))
    return Compare(name, chosen, value)


VALUES = {
    "title": TEXTS,
    "count": (*map(str, NUMBERS), "1e0", "+1", "-0.0", "1e22"),
    "open": ("true", "false", "1", "0"),
    "data": ("1", "a", "true", "2", "1.0"),
    "tags": ("a", "b", "A", ""),
}
TREES: st.SearchStrategy[Tree] = st.recursive(
    comparisons(),
    lambda inner: st.builds(
        Junction, st.sampled_from(tuple(Join)), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=6,
)


@QUICK
@given(
    st.lists(ROWS, max_size=6),
    st.lists(TREES, min_size=1, max_size=6),
    st.sampled_from(tuple(Use)[:2]),
)
def test_a_filter_lists_what_python_does(rows: list[Row], trees: list[Tree], use: Use) -> None:
    """As a page and as a count."""
    db = database()
    with db:
        for number, row in enumerate(rows):
            stored = row | {"data": None if row["data"] is None else json.dumps(row["data"])}
            stored |= {"tags": json.dumps(row["tags"]), "open": int(row["open"])}
            insert(db, SAMPLE, id=f"r{number}", **stored)
        try:
            for tree in trees:
                wanted = [f"r{number}" for number, row in enumerate(rows) if holds(tree, row)]
                assert listed(db, tree, use) == wanted, tree
        finally:
            db.execute("DELETE FROM sample")


@cache
def database() -> apsw.Connection:
    """The sample's table, empty."""
    db = apsw.Connection(":memory:")
    register(db)
    create(db, SAMPLE)
    return db


def listed(db: apsw.Connection, tree: Tree, use: Use = Use.PAGE) -> list[str]:
    """The ids of the rows that the filter lets through."""
    condition = compile_condition(
        read_filter(SAMPLE, tree, hidden=False), SAMPLE, CATALOG, caller=None, use=use,
        client=True, superuser=False,
    )  # fmt: skip
    sql = f"SELECT id FROM sample r WHERE {condition.sql} ORDER BY id"
    return [str(row[0]) for row in db.execute(sql, condition.bind(GUEST_REQUEST))]


# --- In Python ----------------------------------------------------------------------------------


def holds(tree: Tree, row: Row) -> bool:
    """What a filter means."""
    if isinstance(tree, Junction):
        parts = [holds(part, row) for part in tree.parts]
        return all(parts) if tree.join is Join.ALL else any(parts)
    found = row[tree.column]
    if tree.operator is Operator.IS:
        return (found is None) is (tree.value == "NULL")
    if tree.column == "tags":
        if tree.operator is Operator.NOT_EQUAL:
            return tree.value not in found and not (tree.value == "" and not found)
        return any(says(tree, item) for item in found) or (
            tree == Compare("tags", Operator.EQUAL, "") and not found
        )
    return says(tree, found)


def says(tree: Compare, found: Any) -> bool:
    """What a comparison of one value means."""
    if tree.operator is Operator.LIKE:
        return like(tree.value, found)
    if tree.operator is Operator.REGEXP:
        return re.search(tree.value, found) is not None
    if tree.operator in EQUALITIES:
        same = found is not None and any(found == one for one in meant(tree, found))
        return same is (tree.operator is Operator.EQUAL)
    return ORDERS[tree.operator](*map(comparable, (found, meant(tree, found)[0])))


def comparable(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def meant(tree: Compare, found: Any) -> list[Any]:
    """What the text may stand for, of the kind that was found."""
    if tree.column == "open":
        return [tree.value in ("true", "1")]
    if tree.column == "count":
        return [int(tree.value) if tree.value.lstrip("+-").isdigit() else float(tree.value)]
    if tree.column == "data" and not isinstance(found, str):
        return [{"true": True, "1": 1, "2": 2, "1.0": 1}.get(tree.value)]
    return [tree.value]


# --- By hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked", "value"),
    [
        ("no", "$eq", "1"), ("secret", "$eq", "x"), ("pass", "$eq", "x"), ("title:lower", "$eq", "x"),
        ("owner.title", "$eq", "x"), ("@request.auth.id", "$eq", "x"), ("_rowid_", "$eq", "1"),
        ("count", "$eq", "x"), ("count", "$eq", "1e999"), ("count", "$like", "1"), ("open", "$eq", "yes"),
        ("open", "$re", "1"), ("title", "$is", "null"), ("title", "@within", "POINT (0 0)"),
        ("title", "$like", "%" * (LIKE_PATTERN_BYTES_MAX + 1)), ("data.k", "$eq", "1"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(name: str, asked: str, value: str) -> None:
    """Names of the language that are no fields, hidden ones, and values of another type."""
    with pytest.raises(QuillError, match="Invalid filter params"):
        read_filter(SAMPLE, Compare(name, Operator(asked), value), hidden=False)


def test_hidden_fields_are_for_superusers() -> None:
    """Secret ones are for nobody."""
    assert shown_field(SAMPLE, "secret", hidden=True) is not None
    assert shown_field(SAMPLE, "secret", hidden=False) is None
    assert shown_field(SAMPLE, "pass", hidden=True) is None
    asked = Compare("secret", Operator.EQUAL, "x")
    assert isinstance(read_filter(SAMPLE, asked, hidden=True), Comparison)


def test_a_value_is_never_a_name() -> None:
    """Whatever stands in it."""
    made = read_filter(SAMPLE, Compare("title", Operator.EQUAL, "' || 1=1 //"), hidden=False)
    assert isinstance(made, Comparison)
    assert (made.left, made.right) == (Name("title", 0), Text("' || 1=1 //", 0))


def test_bounds_and_searches() -> None:
    """The number of comparisons, and which of them look into texts."""
    one = Compare("title", Operator.EQUAL, "x")
    with pytest.raises(QuillError, match="more than"):
        read_filter(SAMPLE, Junction(Join.ALL, (one,) * (FILTER_COMPARISONS_MAX + 1)), hidden=False)
    assert not searches(one)
    assert searches(Junction(Join.ALL, (one, Compare("title", Operator.LIKE, "x"))))
