"""The judging of many cases in one read: who is refused, who is lost, who is unharmed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared.access.identity import GUEST
from shared.schema.catalog import Catalog
from shared.sql.predicate import Predicate, predicate
from tests.worker.realtime.place import ID, Place, collection
from worker.engine.failures import SQLError
from worker.engine.snapshot import OverBudgetError
from worker.realtime.judge import Case, Verdicts, judge
from worker.realtime.principal import Principal
from worker.realtime.views import View, ViewKey, compile_view

ROW = (ID, "title", 1, "secret")


def _view(**rules: str | None) -> View:
    view = compile_view(
        ViewKey("c_posts", False, "", frozenset({"id"}), False),
        collection("posts", **rules),
        Catalog(1, []),
        GUEST,
    )
    assert view is not None
    return view


def _judge(place: Place, *cases: Case) -> Verdicts:
    catalog = place.reader.catalog.current()
    verdicts = judge(place.reader.snapshot, catalog, catalog.version, list(cases), Verdicts())
    assert verdicts is not None
    return verdicts


def _failing() -> View:
    where: Predicate = predicate("json('{') = 1")
    shown = _view()
    return View(f"{shown.row_sql} WHERE {where.sql}", shown.stored_sql, shown.shape, where)


def test_one_view_that_fails_denies_itself_alone(place: Place) -> None:
    """An SQL error in one listener's view is no event for it and no matter for others."""
    good = Case(_view(), None, ID, ROW)
    bad = Case(_failing(), None, ID, ROW)
    with pytest.raises(SQLError):
        place.reader.snapshot.value(bad.view.row_sql, ROW)
    assert _judge(place, good, bad, good).records == [f'{{"id":"{ID}"}}', None, f'{{"id":"{ID}"}}']


def test_another_catalog_is_not_judged(place: Place) -> None:
    """Views of an older version have to be compiled again first."""
    catalog = place.reader.catalog.current()
    case = Case(_view(), None, ID, ROW)
    assert judge(place.reader.snapshot, catalog, catalog.version - 1, [case], Verdicts()) is None


def test_a_principal_without_a_record_is_lost(place: Place) -> None:
    """Its events are not shown, and the hub is told to make a guest of it."""
    ghost = Principal("pbc_3142635823", "nobody", "key", True)
    verdicts = _judge(place, Case(_view(), ghost, ID, ROW), Case(_view(), None, ID, ROW))
    assert verdicts.lost == {ghost}
    assert [record is None for record in verdicts.records] == [True, False]


def test_a_row_that_was_not_logged_is_read_from_the_table(place: Place) -> None:
    """Only the key is known; a record that is gone by now shows nothing."""
    place.make_table("posts", {"id": ID, "title": "stored", "size": 5, "note": ""})
    view = _view(list_rule="size = 5")
    gone: Any = "nobody"
    verdicts = _judge(place, Case(view, None, ID, None), Case(view, None, gone, None))
    assert verdicts.records == [f'{{"id":"{ID}"}}', None]


def test_a_search_through_long_texts_moves_to_a_thread(place: Place) -> None:
    """Before anything is judged on the event loop; the thread's connection answers as ever."""
    shown = _view(list_rule="title ~ 'x'")
    assert not shown.slow
    case = Case(replace(shown, slow=True), None, ID, (ID, "xyz", 1, ""))
    with pytest.raises(OverBudgetError):
        _judge(place, case)
    catalog = place.reader.catalog.current()
    work = partial(judge, version=catalog.version, cases=[case], verdicts=Verdicts())
    verdicts = asyncio.run(place.reader.read(work))
    assert verdicts is not None
    assert verdicts.records == [f'{{"id":"{ID}"}}']
