"""Queries of lists and views as the core gets them."""

from __future__ import annotations

import pytest

from shared.errors import QuillError
from worker.records.list_form import ListQuery
from worker.wire.pocketbase.asked import list_query, wanted_expand


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ({}, ListQuery()),
        ({"sort": "-a", "filter": "b = 1"}, ListQuery("-a", "b = 1")),
        ({"skipTotal": "t"}, ListQuery(skip_total=True)),
        ({"cursor": ""}, ListQuery(skip_total=True, cursor="")),
        ({"cursor": "x", "skipTotal": "0"}, ListQuery(cursor="x")),
        ({"fields": "a,b"}, ListQuery(only=frozenset("ab"))),
        ({"fields": "a.b"}, ListQuery()),
        ({"expand": "a"}, ListQuery(expand="a")),
        ({"expand": "a", "fields": "b"}, ListQuery(only=frozenset("b"))),
        ({"expand": "a", "fields": "b,expand"}, ListQuery(expand="a")),
        ({"expand": "a", "fields": "*,expand.a.b"}, ListQuery(expand="a")),
    ],
)
def test_a_query_becomes_a_form(query: dict[str, str], asked: ListQuery) -> None:
    """SQL shapes what it can; nothing is expanded that `fields` cuts off again."""
    assert list_query(query, 1) == asked
    assert wanted_expand(query) == asked.expand


@pytest.mark.parametrize("query", [{"cursor": ""}, {"cursor": "x", "skipTotal": "1"}])
def test_a_page_and_a_cursor_exclude_each_other(query: dict[str, str]) -> None:
    """Neither wins in silence."""
    assert list_query(query, 1).cursor is not None
    with pytest.raises(QuillError):
        list_query(query, 2)
