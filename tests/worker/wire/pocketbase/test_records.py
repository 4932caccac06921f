"""The envelope of a list, byte by byte JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.records.read import Page
from worker.wire.pocketbase.records import list_body


@pytest.mark.parametrize(
    ("found", "more"),
    [
        (Page("[]", 0), {"totalItems": 0, "totalPages": 0}),
        (Page('[{"a":1}]', 7), {"totalItems": 7, "totalPages": 3}),
        (Page("[]", -1), {"totalItems": -1, "totalPages": -1}),
        (
            Page("[]", 100_000, bounded=True),
            {"totalItems": 100_000, "totalPages": 33_334, "totalIsBounded": True},
        ),
        (
            Page("[]", -1, next_cursor="x"),
            {"totalItems": -1, "totalPages": -1, "nextCursor": "x"},
        ),
        (
            Page("[]", 100_001, bounded=True, next_cursor=""),
            {
                "totalItems": 100_001, "totalPages": 33_334, "totalIsBounded": True,
                "nextCursor": "",
            },
        ),
    ],
)  # fmt: skip
def test_a_list_says_what_it_knows(found: Page, more: dict[str, Any]) -> None:
    """Five keys always; a cursor and a bound only where there are some."""
    body = json.loads(list_body(found, 2, 3))
    assert body == {"items": json.loads(found.items), "page": 2, "perPage": 3, **more}
