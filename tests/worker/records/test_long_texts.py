"""A search through long texts is nothing for the event loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.access.request import GUEST_REQUEST
from shared.schema.catalog import Catalog
from shared.sql.conditions import Use, compile_filter
from tests.shared.sql.sample import collection
from tests.worker.records.reading import reading
from worker.engine.snapshot import OverBudgetError, quick_snapshot
from worker.records.list_form import ListQuery
from worker.records.long_texts import searches_long_texts
from worker.records.read import run_list

NOTES = collection(
    "notes",
    {"name": "title", "type": "text"},
    {"name": "body", "type": "editor"},
    {"name": "short", "type": "editor", "maxSize": 1000},
    {"name": "data", "type": "json"},
    {"name": "long", "type": "text", "max": 1_000_000},
    {"name": "tags", "type": "select", "values": ["a"], "maxSelect": 3},
    {"name": "links", "type": "relation", "collectionId": "c_notes", "maxSelect": 99_999},
    {"name": "link", "type": "relation", "collectionId": "c_notes", "maxSelect": 1},
)
CATALOG = Catalog(1, [NOTES])


@pytest.mark.parametrize("use", [Use.PAGE, Use.COUNT])
@pytest.mark.parametrize(
    ("text", "slow"),
    [
        ("title ~ 'x'", False),
        ("short !~ 'x'", False),
        ("tags ~ 'x'", False),
        ("body = 'x'", False),
        ("body ~ 'x'", True),
        ("body !~ 'x'", True),
        ("data.deep ~ 'x'", True),
        ("long ~ 'x'", True),
        ("links ~ 'x'", True),
        ("link.body ~ 'x'", True),
        ("title = 'x' || notes_via_link.body ?~ 'x'", True),
    ],
)
def test_what_may_be_long_is_known(text: str, slow: bool, use: Use) -> None:
    """By the type and the bounds of a field, also of a related record."""
    found = compile_filter(text, NOTES, CATALOG, caller=None, superuser=True, use=use)
    assert searches_long_texts(CATALOG, found) is slow


def test_no_condition_searches_nothing() -> None:
    """A list without rule and filter."""
    assert not searches_long_texts(CATALOG, None)


def test_a_list_moves_to_a_thread_before_it_searches(tmp_path: Path) -> None:
    """At once on the loop's connection; a thread's answers, and so does any other list."""
    with reading(tmp_path, NOTES) as place:
        place.write("INSERT INTO notes (id, body) VALUES ('a', 'needle')")
        loop = quick_snapshot(tmp_path / "main.db", place.words)
        for text, moves in (("body ~ 'needle'", True), ("body = 'needle'", False)):
            asked = ListQuery(filter=text)
            args = (place.plans, place.collection, asked, 1, 30, GUEST_REQUEST)
            if moves:
                with pytest.raises(OverBudgetError):
                    loop.run(run_list, place.catalog, args, transaction=True)
            else:
                assert loop.run(run_list, place.catalog, args, transaction=True).total == 1
            assert place.list(asked).total == 1
        loop.close()
