"""`POST /api/batch`: its bodies, its bounds, and its answers as the queries want them.

Also `worker.records.shown`.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from shared.limits import BATCH_REQUESTS_MAX, EXPAND_BYTES_MAX
from tests.cluster_process import ClusterProcess
from tests.worker.records.batching import (
    BATCH,
    changing,
    creating,
    failure,
    ident,
    path,
    send,
    upserting,
)


@pytest.fixture(scope="module", autouse=True)
def _collections(cluster: ClusterProcess) -> None:
    authors = cluster.collection("authors", [{"name": "name", "type": "text"}])
    by = {"name": "by", "type": "relation", "collectionId": authors["id"], "maxSelect": 1}
    tags = {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 3}
    cluster.collection("books", [{"name": "title", "type": "text"}, by, tags])
    cluster.collection(
        "seen", [], type="view", viewQuery="SELECT id, title FROM books", listRule="", viewRule="",
        createRule=None, updateRule=None, deleteRule=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_required"),
        ({"requests": []}, "validation_required"),
        ({"requests": None}, "validation_required"),
        ({"requests": "x"}, "validation_invalid_value"),
        ({"requests": [creating("books")] * (BATCH_REQUESTS_MAX + 1)},
         "validation_length_too_long"),
    ],
)  # fmt: skip
def test_a_body_has_a_list_of_requests(
    guest: httpx.Client, body: dict[str, Any], code: str
) -> None:
    """Not empty, and not too long."""
    reply = guest.post(BATCH, json=body)
    assert reply.status_code == 400
    assert reply.json()["data"]["requests"]["code"] == code


@pytest.mark.parametrize(
    "wrong",
    [
        1,
        {},
        {"method": "POST"},
        {"method": "POST", "url": 1},
        {"method": "GET", "url": path("books")},
        {"method": "PUT", "url": path("books", "x")},
        {"method": "POST", "url": path("books", "x")},
        {"method": "PATCH", "url": path("books")},
        {"method": "DELETE", "url": path("books")},
        {"method": "POST", "url": "/api/collections"},
        {"method": "POST", "url": "/api/collections/books"},
        {"method": "POST", "url": "/api/batch", "body": {"requests": []}},
        {"method": "POST", "url": "http://other.example" + path("books")},
        {"method": "POST", "url": "/_/../api/collections/books/records"},
        {"method": "POST", "url": path("books"), "body": []},
        {"method": "POST", "url": path("books"), "body": "x"},
        {"method": "POST", "url": path("books"), "headers": [1]},
        {"method": "PATCH", "url": path("books", "%00")},
    ],
)
def test_only_writes_of_records_are_taken(guest: httpx.Client, wrong: object) -> None:
    """Anything else fails under its index."""
    index, response = failure(guest.post(BATCH, json={"requests": [creating("books"), wrong]}))
    assert (index, response["status"], response["data"]) == (1, 400, {})


def test_as_many_as_allowed_fit(guest: httpx.Client) -> None:
    """All answered."""
    reply = send(guest, *[creating("books", title=str(n)) for n in range(BATCH_REQUESTS_MAX)])
    assert [one["body"]["title"] for one in reply.json()] == [
        str(number) for number in range(BATCH_REQUESTS_MAX)
    ]


def test_put_is_for_batches_only(guest: httpx.Client) -> None:
    """Elsewhere there is no such route."""
    assert guest.put(path("books"), json={"title": "x"}).status_code == 404


def test_urls_may_be_encoded_and_name_ids(guest: httpx.Client) -> None:
    """As clients write them: by name or id, with a query."""
    made = send(guest, creating("books", title="x")).json()[0]["body"]
    one = changing("books", made["id"], title="y")
    one["url"] = path(made["collectionId"], made["id"]) + "?fields=title&x=%C3%BC"
    assert send(guest, one).json() == [{"body": {"title": "y"}, "status": 200}]
    two = creating("books", title="z")
    two["url"] = "/api/collections/b%6Foks/records"
    two["method"] = "post"
    assert send(guest, two).status_code == 200


def test_each_query_says_what_is_shown(guest: httpx.Client) -> None:
    """`expand` and `fields` of each request, after all of them are done."""
    author, book = ident("author"), ident("book")
    wanted = creating("books", id=book, title="x", by=author)
    wanted["url"] += "?expand=by&fields=title,expand.by.name"
    whole = creating("books", title="y", by=author)
    whole["url"] += "?expand=by,nothing"
    changed = changing("authors", author, name="later")
    reply = send(guest, creating("authors", id=author, name="first"), wanted, whole, changed)
    assert reply.status_code == 200, reply.text
    first, one, two, _ = (answer["body"] for answer in reply.json())
    assert first["name"] == "first"
    assert one == {"title": "x", "expand": {"by": {"name": "later"}}}
    assert (two["title"], two["expand"]["by"]["id"]) == ("y", author)


def test_what_cannot_be_shown_is_not_written(guest: httpx.Client) -> None:
    """An unreadable `fields` is 400 before the write, for one record and within a batch."""
    made = guest.post(path("books"), json={"title": "kept"}).json()
    one = path("books", made["id"])
    wrong = {"fields": "title:cut(1)"}
    assert guest.patch(one, params=wrong, json={"title": "lost"}).status_code == 400
    asked = changing("books", made["id"], title="lost")
    assert guest.post(BATCH, params=wrong, json={"requests": [asked]}).status_code == 400
    asked["url"] += "?fields=title:cut(1)"
    assert failure(send(guest, asked))[1]["status"] == 400
    assert guest.get(one).json()["title"] == "kept"


def test_a_batch_expands_no_more_than_one_answer_may(guest: httpx.Client) -> None:
    """All its requests together: what comes after the bound is shown without."""
    author = guest.post(path("authors"), json={"name": "big"}).json()["id"]
    title = "x" * 4_900
    for _ in range(10):
        made = [creating("books", title=title, by=author) for _ in range(BATCH_REQUESTS_MAX)]
        assert send(guest, *made).status_code == 200
    asked = changing("authors", author, name="big")
    asked["url"] += "?expand=books_via_by"
    reply = send(guest, *[asked] * BATCH_REQUESTS_MAX)
    assert reply.status_code == 200
    shown = ["expand" in answer["body"] for answer in reply.json()]
    fit = EXPAND_BYTES_MAX // (500 * 5_100)
    assert shown[:fit] == [True] * fit
    assert not any(shown[EXPAND_BYTES_MAX // (500 * 4_900) + 1 :])
    assert len(reply.content) < EXPAND_BYTES_MAX + 1_000_000


def test_a_single_write_is_expanded_too(guest: httpx.Client) -> None:
    """Create and update; the key is absent without a path, and empty without a record."""
    author = guest.post(path("authors"), json={"name": "Ann"}).json()["id"]
    made = guest.post(path("books"), params={"expand": "by"}, json={"by": author}).json()
    assert made["expand"]["by"]["name"] == "Ann"
    one = path("books", made["id"])
    assert "expand" not in guest.patch(one, json={"title": "x"}).json()
    gone = guest.patch(one, params={"expand": "by"}, json={"by": ""}).json()
    assert gone["expand"] == {}
    query = {"expand": "by", "fields": "title,expand.by.name"}
    cut = guest.patch(one, params=query, json={"by": author}).json()
    assert cut == {"title": "x", "expand": {"by": {"name": "Ann"}}}


def test_a_view_is_not_written(guest: httpx.Client, superuser: httpx.Client) -> None:
    """400 for everybody and every way."""
    for client in (guest, superuser):
        one = ident("x")
        for reply in (
            client.post(path("seen"), json={}),
            client.patch(path("seen", one), json={}),
            client.delete(path("seen", one)),
        ):
            assert reply.status_code == 400
        for request in (creating("seen"), changing("seen", one), upserting("seen", id=one)):
            assert failure(send(client, request))[1]["status"] == 400


# --- Forms --------------------------------------------------------------------------------------


def _form(requests: list[dict[str, Any]], **parts: str) -> dict[str, Any]:
    named = {name: (None, value) for name, value in parts.items()}
    return {"@jsonPayload": (None, json.dumps({"requests": requests})), **named}


def test_a_batch_comes_as_a_form(guest: httpx.Client) -> None:
    """The way SDKs send it, with parts for the bodies in both spellings."""
    book = ident("formed")
    parts = {
        "requests.0.title": "dotted",
        "requests[0].tags": "a",
        "requests[1].tags+": "b",
        "requests.2.+tags": "c",
        "requests.7.title": "nobody's",
    }
    made = [creating("books", id=book), changing("books", book), changing("books", book)]
    reply = guest.post(BATCH, files=_form(made, **parts))
    assert reply.status_code == 200, reply.text
    assert [one["body"]["tags"] for one in reply.json()] == [["a"], ["a", "b"], ["c", "a", "b"]]
    assert reply.json()[0]["body"]["title"] == "dotted"


def test_a_payload_within_json_is_read(guest: httpx.Client) -> None:
    """As one SDK sends it."""
    payload = json.dumps({"requests": [creating("books", title="within")]})
    reply = guest.post(BATCH, json={"@jsonPayload": payload})
    assert reply.json()[0]["body"]["title"] == "within"
