"""The judging of many cases in one read: who is refused, who is lost, who is unharmed."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from shared.access.identity import GUEST
from shared.schema.catalog import Catalog
from shared.sql.plan import Value
from shared.sql.predicate import Predicate, predicate
from tests.worker.realtime.place import ID, Place, collection
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError
from worker.realtime.principal import Principal
from worker.realtime.topics.topic import NO_SOURCE
from worker.realtime.views.judge import LEFT, Case, Verdicts, judge
from worker.realtime.views.view import View, ViewKey, compile_view
from worker.records.plans import PlanCache

Row = tuple[Value, ...]
ROW: Row = (ID, "title", 1, "secret")
NAMES = {"collectionId": "c_posts", "collectionName": "posts"}


def _view(fields: str = "id", text: str = "", **rules: str | None) -> View:
    view = compile_view(
        ViewKey("c_posts", False, text, "", fields, False),
        collection("posts", **rules),
        Catalog(1, []),
        GUEST,
    )
    assert view is not None
    return view


def _case(view: View, row: Row | None = ROW, old: Row | None = None, **given: Any) -> Case:
    return Case(view, given.get("principal"), NO_SOURCE, given.get("key", ID), row, old)


def _judge(place: Place, *cases: Case) -> Verdicts:
    catalog = place.reader.catalog.current()
    verdicts = judge(
        place.reader.snapshot, catalog, PlanCache(), catalog.version, list(cases), Verdicts()
    )
    assert verdicts is not None
    return verdicts


def _failing() -> View:
    where: Predicate = predicate("json('{') = 1")
    shown = _view()
    return replace(shown, row_sql=f"{shown.row_sql} WHERE {where.sql}", where=where)


def test_one_view_that_fails_denies_itself_alone(place: Place) -> None:
    """An SQL error in one listener's view is no event for it and no matter for others."""
    good = _case(_view())
    bad = _case(_failing())
    with pytest.raises(SQLError):
        place.reader.snapshot.value(bad.view.row_sql, ROW)
    assert _judge(place, good, bad, good).records == [f'{{"id":"{ID}"}}', None, f'{{"id":"{ID}"}}']


def test_another_catalog_is_not_judged(place: Place) -> None:
    """Views of an older version have to be compiled again first."""
    catalog = place.reader.catalog.current()
    plans, version = PlanCache(), catalog.version - 1
    verdicts = judge(place.reader.snapshot, catalog, plans, version, [_case(_view())], Verdicts())
    assert verdicts is None


def test_a_principal_without_a_record_is_lost(place: Place) -> None:
    """Its events are not shown, and the hub is told to make a guest of it."""
    ghost = Principal("pbc_3142635823", "nobody", "key", True)
    verdicts = _judge(place, _case(_view(), principal=ghost), _case(_view()))
    assert verdicts.lost == {ghost}
    assert [record is None for record in verdicts.records] == [True, False]


def test_a_row_that_was_not_logged_is_read_from_the_table(place: Place) -> None:
    """Only the key is known; a record that is gone by now shows nothing."""
    place.make_table("posts", {"id": ID, "title": "stored", "size": 5, "note": ""})
    view = _view(list_rule="size = 5")
    verdicts = _judge(place, _case(view, None), _case(view, None, key="nobody"))
    assert verdicts.records == [f'{{"id":"{ID}"}}', None]


def test_a_search_through_long_texts_moves_to_a_thread(place: Place) -> None:
    """Before anything is judged on the event loop; the thread's connection answers as ever."""
    shown = _view(list_rule="title ~ 'x'")
    assert not shown.slow
    case = _case(replace(shown, slow=True), (ID, "xyz", 1, ""))
    with pytest.raises(OverBudgetError):
        _judge(place, case)
    catalog = place.reader.catalog.current()
    verdicts = asyncio.run(
        place.reader.read(judge, PlanCache(), catalog.version, [case], Verdicts())
    )
    assert verdicts is not None
    assert verdicts.records == [f'{{"id":"{ID}"}}']


def test_a_record_leaves_where_it_passed_before(place: Place) -> None:
    """And not where it did not pass before either, passes still, or nobody wants to know."""
    view = _view(list_rule="size = 1", text="title != 'b'")
    inside, outside, filtered = (ID, "a", 1, ""), (ID, "a", 2, ""), (ID, "b", 1, "")
    assert _judge(
        place,
        _case(view, outside, inside),
        _case(view, filtered, inside),
        _case(view, outside, outside),
        _case(view, outside, filtered),
        _case(view, inside, outside),
        _case(view, outside),
    ).records == [LEFT, LEFT, None, None, f'{{"id":"{ID}"}}', None]


def test_a_view_that_fails_for_the_old_row_denies(place: Place) -> None:
    """What cannot be judged is nobody's to know."""
    view = _view(list_rule="size = 1")
    bad = replace(view, row_sql=view.row_sql.replace("?", "json(?)", 1))
    assert _judge(place, _case(bad, (ID, "a", 2, ""), ("{", "a", 1, ""))).records == [None]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", {"id": ID, "title": "title", "size": 1} | NAMES),
        ("*", {"id": ID, "title": "title", "size": 1} | NAMES),
        ("title:excerpt(3)", {"title": "tit"}),
        ("title:excerpt(3,true),size", {"title": "tit...", "size": 1}),
        ("id,title", {"id": ID, "title": "title"}),
        ("note,nosuch", {}),
    ],
)
def test_fields_show_what_a_read_shows(
    place: Place, fields: str, expected: dict[str, object]
) -> None:
    """Whether SQL leaves the others out or they are cut afterwards; hidden ones never appear."""
    (shown,) = _judge(place, _case(_view(fields))).records
    assert isinstance(shown, str)
    assert json.loads(shown) == expected
