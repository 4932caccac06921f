"""From one row to the next, by a set or by a probe: `shared.sql.steps` and `shared.sql.rows`."""

from __future__ import annotations

import pytest

from shared.schema.fields.field import Field
from shared.schema.fields.relation import RelationField
from shared.sql.clause import Sql
from shared.sql.hops import HopKind, Node
from shared.sql.rows import AuthRow, Nowhere, Row, TableRow
from shared.sql.steps import How, Step, Steps, Use, table_row
from tests.shared.sql.sample import SAMPLE

OWNER, FRIENDS, TAGS = (SAMPLE.by_name[name] for name in ("owner", "friends", "tags"))
ROOT = Node(HopKind.ROW, SAMPLE)
ROW = TableRow("r", SAMPLE, sided=True, empties=False)
CLAUSE = Sql("x")


def _relation(field: Field) -> RelationField:
    assert isinstance(field, RelationField)
    return field


ONE = ROOT.one(_relation(OWNER), SAMPLE)
EACH = ROOT.each(TAGS)
BACK = ROOT.back(SAMPLE, _relation(OWNER))
CROSS = Node(HopKind.NOWHERE).cross(SAMPLE, "")


def _step(node: Node, use: Use, how: How = How.TOP, row: Row = ROW, *, out: bool = False) -> Step:
    return Steps(use, lambda *_: True).step(node, row, how, looks_out=out)


@pytest.mark.parametrize(
    ("node", "use", "how", "text"),
    [
        (ONE, Use.COUNT, How.TOP, 'r."owner" IN (SELECT a1."id" FROM "sample" a1 WHERE x)'),
        (ONE, Use.PAGE, How.TOP, '+r."owner" IN (SELECT a1."id" FROM "sample" a1 WHERE x)'),
        (ONE, Use.PAGE, How.SETS, 'r."owner" IN (SELECT a1."id" FROM "sample" a1 WHERE x)'),
        (ONE, Use.ROW, How.TOP,
         'EXISTS(SELECT 1 FROM "sample" a1 WHERE (a1."id" = r."owner") AND (x))'),
        (EACH, Use.COUNT, How.TOP,
         'r._rowid_ IN (SELECT a1.rid FROM "c_sample:f_tags" a1 WHERE x)'),
        (EACH, Use.PAGE, How.TOP,
         'EXISTS(SELECT 1 FROM "c_sample:f_tags" a1 WHERE (a1.rid = r._rowid_) AND (x))'),
        (BACK, Use.COUNT, How.TOP,
         'EXISTS(SELECT 1 FROM "sample" a1 WHERE (a1."owner" = r."id") AND (x))'),
        (BACK, Use.COUNT, How.SETS, 'r."id" IN (SELECT a1."owner" FROM "sample" a1 WHERE x)'),
        (CROSS, Use.COUNT, How.TOP, 'EXISTS(SELECT 1 FROM "sample" a1 WHERE x)'),
    ],
)  # fmt: skip
def test_forms(node: Node, use: Use, how: How, text: str) -> None:
    """Sets where many rows are asked, probes where few are."""
    row: Row = Nowhere() if node is CROSS else ROW
    made = _step(node, use, how, row).some(CLAUSE)
    assert isinstance(made, Sql)
    assert made.text == text


def test_what_looks_out_is_probed() -> None:
    """A set is made once, so it cannot depend on a row outside."""
    assert not _step(ONE, Use.COUNT, out=True).sets
    assert _step(ONE, Use.COUNT).sets


def test_a_callers_own_values_are_parameters() -> None:
    """The first step from him is a probe by his field."""
    step = _step(ONE, Use.COUNT, row=AuthRow(SAMPLE))
    assert step.outer is not None
    assert step.outer.text == "?"
    assert not step.sets


def test_a_list_without_a_side_table_is_read_from_its_text() -> None:
    """Of a row of bound values, and of a view's."""
    values = TableRow("r", SAMPLE, sided=False, empties=False)
    made = _step(EACH, Use.VALUES, row=values).some(CLAUSE)
    assert isinstance(made, Sql)
    assert "json_each" in made.text
    assert "_rowid_" not in made.text
    assert table_row(SAMPLE, "a").sided


def test_nothing_known_beforehand_is_looked_for() -> None:
    """No row passes what is false of every row."""
    assert _step(ONE, Use.PAGE).some(False) is False
    assert _step(ONE, Use.PAGE).some(None) is False


def test_a_row_or_nothing_is_one_set() -> None:
    """So that an index can begin at it."""
    made = _step(ONE, Use.COUNT).some_or_none(CLAUSE, Sql("?", (1,)))
    assert isinstance(made, Sql)
    assert made.text.startswith('r."owner" IN (SELECT a1."id"')
    assert " UNION ALL SELECT " in made.text
    probed = _step(ONE, Use.ROW).some_or_none(CLAUSE, Sql("?", (1,)))
    assert isinstance(probed, Sql)
    assert " OR " in probed.text
