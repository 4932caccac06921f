"""Cursors over HTTP: from the first page to the last, and what they are refused for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.limits import CURSOR_CHARS_MAX
from tests.cluster_process import ClusterProcess

STEPS = "/api/collections/steps/records"


@pytest.fixture(scope="module", autouse=True)
def _steps(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    fields = [
        {"name": "n", "type": "number"},
        {"name": "kind", "type": "text"},
        {"name": "meta", "type": "json"},
        {"name": "long", "type": "text"},
    ]
    cluster.collection("steps", fields)
    cluster.collection("others", fields)
    for n in range(11):
        body = {"n": n, "kind": "ab"[n % 2], "long": "x" * CURSOR_CHARS_MAX}
        assert superuser.post(STEPS, json=body).status_code == 200


def _pages(client: httpx.Client, **params: Any) -> Iterator[dict[str, Any]]:
    cursor = ""
    while True:
        reply = client.get(STEPS, params={"cursor": cursor, "perPage": 3, **params})
        assert reply.status_code == 200, reply.text
        yield reply.json()
        cursor = reply.json()["nextCursor"]
        if not cursor:
            return


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("-n", [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ("kind,-n", [10, 8, 6, 4, 2, 0, 9, 7, 5, 3, 1]),
        ("-kind", [9, 7, 5, 3, 1, 10, 8, 6, 4, 2, 0]),
    ],
)
def test_cursors_lead_through_a_list(guest: httpx.Client, sort: str, expected: list[int]) -> None:
    """Every record once; nothing is counted, and the last page says that it is the last."""
    pages = list(_pages(guest, sort=sort))
    assert [item["n"] for page in pages for item in page["items"]] == expected
    assert [len(page["items"]) for page in pages] == [3, 3, 3, 2]
    for page in pages:
        assert (page["totalItems"], page["totalPages"]) == (-1, -1)
        assert (page["page"], page["perPage"]) == (1, 3)
    exact = list(_pages(guest, perPage=11))
    assert [page["nextCursor"] for page in exact] == [""]


def test_totals_are_counted_when_asked_for(guest: httpx.Client) -> None:
    """The whole list's, on every page, also beside a filter and when all fits on one page."""
    for page in _pages(guest, skipTotal="false"):
        assert (page["totalItems"], page["totalPages"]) == (11, 4)
    for page in _pages(guest, skipTotal="false", filter="kind = 'b'"):
        assert (page["totalItems"], page["totalPages"]) == (5, 2)
    for per_page in (5, 6):
        (page,) = _pages(guest, skipTotal="0", filter="kind = 'b'", perPage=per_page)
        assert page["totalItems"] == 5
    (none,) = _pages(guest, skipTotal="0", filter="kind = 'c'")
    assert (none["items"], none["totalItems"]) == ([], 0)


def test_a_cursor_outlives_the_record_that_it_was_made_at(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """It may be deleted, and others added before and after it: what follows stays what it was."""
    first = next(_pages(guest, sort="-n"))
    last = first["items"][-1]
    assert superuser.delete(f"{STEPS}/{last['id']}").status_code == 204
    added = [superuser.post(STEPS, json={"n": n, "kind": "a"}).json()["id"] for n in (99, 7.5)]
    params = {"cursor": first["nextCursor"], "sort": "-n", "perPage": 3}
    rest = guest.get(STEPS, params=params).json()
    assert [item["n"] for item in rest["items"]] == [7.5, 7, 6]
    for record_id in added:
        superuser.delete(f"{STEPS}/{record_id}")
    again = {key: last[key] for key in ("id", "n", "kind")}
    assert superuser.post(STEPS, json=again).status_code == 200


def test_a_cursor_belongs_to_its_list(guest: httpx.Client) -> None:
    """400 for another collection, sort or filter, for damage, and for a page beside it."""
    cursor = next(_pages(guest, sort="n"))["nextCursor"]
    good = {"cursor": cursor, "sort": "n"}
    assert guest.get(STEPS, params={**good, "fields": "n", "perPage": 50}).status_code == 200
    assert guest.get(STEPS, params={**good, "sort": " +n "}).status_code == 200
    bad: list[dict[str, Any]] = [
        {**good, "sort": "-n"}, {**good, "filter": "n > 0"}, {**good, "page": 2},
        {**good, "cursor": cursor[:-3]}, {**good, "cursor": "x"}, {**good, "cursor": "é\0"},
        {**good, "cursor": cursor.swapcase()}, {**good, "cursor": "A" * 9_000},
    ]  # fmt: skip
    for params in bad:
        reply = guest.get(STEPS, params=params)
        assert reply.status_code == 400, params
        assert reply.json()["data"] == {}
    assert guest.get("/api/collections/others/records", params=good).status_code == 400
    assert guest.get(STEPS, params={**good, "page": 1}).status_code == 200


@pytest.mark.parametrize("sort", ["@random", "meta", "n,@random"])
def test_an_order_that_cannot_be_resumed_is_refused(guest: httpx.Client, sort: str) -> None:
    """400 that says why; by page numbers it works."""
    reply = guest.get(STEPS, params={"cursor": "", "sort": sort})
    assert reply.status_code == 400
    assert "cursor" in reply.json()["message"]
    assert guest.get(STEPS, params={"sort": sort}).status_code == 200


def test_values_too_long_for_a_cursor_are_refused(guest: httpx.Client) -> None:
    """400 where the list would go on; not where it ends."""
    assert guest.get(STEPS, params={"cursor": "", "sort": "long", "perPage": 2}).status_code == 400
    assert guest.get(STEPS, params={"cursor": "", "sort": "long"}).status_code == 200


def test_lists_without_a_cursor_have_none(guest: httpx.Client) -> None:
    """The envelope of page numbers stays as it was."""
    body = guest.get(STEPS).json()
    assert set(body) == {"items", "page", "perPage", "totalItems", "totalPages"}
