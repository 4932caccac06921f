"""What is wrong, unknown or forbidden never means "all of it", on any worker."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from shared.sql.plan import run
from tests.cluster_process import ClusterProcess
from tests.hostile.both_workers import TIMES, ask_all, statuses
from tests.hostile.shape import assert_error
from tests.submitting import submit

VIEWS = (-10, -5, -4, 0, 4_999, 5_000, 5_000.25, 5_001, 9_000)
RECORDS = "/api/collections/articles/records"
RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
SQL_WORDS = re.compile(r"no such|sqlite|syntax error|SELECT|FROM|_rowid_|constraint failed")


@pytest.fixture(scope="module", autouse=True)
def _articles(cluster: ClusterProcess) -> None:
    authors = cluster.collection("authors", [{"name": "name", "type": "text"}], viewRule=None)
    fields: list[dict[str, Any]] = [
        {"name": "title", "type": "text"},
        {"name": "views", "type": "number"},
        {"name": "draft", "type": "text", "hidden": True},
        {"name": "author", "type": "relation", "collectionId": authors["id"], "maxSelect": 1},
    ]
    cluster.collection("articles", fields)
    client = cluster.client()
    author = client.post("/api/collections/authors/records", json={"name": "ada_b"}).json()["id"]
    for number, views in enumerate(VIEWS):
        body = {"title": f"t{number}", "views": views, "author": author, "draft": f"d{number}"}
        assert client.post(RECORDS, json=body).status_code == 200


def _matches(client: httpx.Client, text: str) -> int:
    reply = client.get(RECORDS, params={"filter": text, "perPage": 1})
    assert reply.status_code == 200, reply.text
    total: int = reply.json()["totalItems"]
    return total


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("views>-5", 7),
        ("views >= -5", 8),
        ("views < -4.5", 2),
        ("views>5000.5", 2),
        ("views = 5000.25", 1),
        ("-5 < views && views < 0.5", 2),
        ("author.name = 'ada_b'", 9),
        ("author.name = 'nobody'", 0),
    ],
)
def test_numbers_with_signs_and_points_and_paths_are_read(
    text: str, matches: int, cluster: ClusterProcess
) -> None:
    """A negative or decimal number and a relation path filter; no worker drops any of them."""
    path = f"{RECORDS}?{urlencode({'filter': text, 'perPage': 1})}"
    answers = ask_all(cluster.url, "GET", path, times=4)
    assert [answer.json()["totalItems"] for answer in answers] == [matches] * 4


@pytest.mark.parametrize(
    "text",
    [
        "views > 5000 && (",
        "views >",
        "views > 5000 garbage",
        "views > 5e3",
        "views > 5000; DROP TABLE articles",
        "(views > 5000",
        "views > 5000)",
        "views >> 5000",
        "&& views > 5000",
        "garbage",
        "nowhere > 1",
        "author.nowhere = 1",
        "author.name.deeper = 1",
        "nowhere_via_author.x = 1",
        "@nowhere = 1",
        "views:nowhere = 1",
        "nowhere(views) = 1",
        "draft = 'd1'",
    ],
)
def test_a_filter_that_does_not_compile_is_refused(text: str, guest: httpx.Client) -> None:
    """400 in the error's shape, with nothing of the data and nothing of SQL in it."""
    reply = guest.get(RECORDS, params={"filter": text})
    assert_error(reply, 400)
    assert not SQL_WORDS.search(reply.text), reply.text


def test_a_syntax_error_says_where_it_is(guest: httpx.Client) -> None:
    """The position of the error is in the message."""
    reply = guest.get(RECORDS, params={"filter": "views > 5000 && ("})
    assert re.search(r"\b1[5-8]\b", reply.json()["message"]), reply.text


def test_signs_of_a_pattern_are_text(guest: httpx.Client) -> None:
    """`_` is no wildcard, and neither is an escaped `%`."""
    assert _matches(guest, "author.name ~ 'a_b'") == 9
    assert _matches(guest, "author.name ~ 'd_b'") == 0
    assert _matches(guest, r"author.name ~ 'a\%b'") == 0


def _store_rules(cluster: ClusterProcess, collection: str, text: str) -> None:
    """All five rules become a text that the API refuses, as an older or a broken build might."""
    columns = ", ".join(f'"{rule}" = ?' for rule in RULES)
    sql = f'UPDATE "_collections" SET {columns} WHERE "name" = ?'
    values = (*[text] * len(RULES), collection)
    submit(cluster.depot, run(sql, values, refusal="missing"), changes_catalog=True)


@pytest.mark.parametrize("rule", ["views > ", "garbage", "nowhere = 1", "views > 5000 && (", "("])
def test_a_stored_rule_that_does_not_compile_denies(
    rule: str, cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """On every worker, for all five actions; the superuser still sees the data and mends it."""
    superuser = cluster.client()
    cluster.collection("broken", [{"name": "views", "type": "number"}])
    path = "/api/collections/broken/records"
    row = guest.post(path, json={"views": 1}).json()["id"]
    _store_rules(cluster, "broken", rule)
    for answer in ask_all(cluster.url, "GET", path, times=20):
        assert answer.status in {400, 403}, answer.body
        assert b'"items"' not in answer.body
    one = f"{path}/{row}"
    for method, where in (("GET", one), ("POST", path), ("PATCH", one), ("DELETE", one)):
        answers = ask_all(cluster.url, method, where, {"views": 2}, times=4)
        assert set(statuses(answers)) <= {400, 403, 404}, (method, answers[0].body)
    assert [each["views"] for each in superuser.get(path).json()["items"]] == [1]
    mended = superuser.patch("/api/collections/broken", json=dict.fromkeys(RULES, "views > 0"))
    assert mended.status_code == 200, mended.text
    assert [each["id"] for each in guest.get(path).json()["items"]] == [row]
    assert superuser.delete("/api/collections/broken").status_code == 204


@pytest.mark.parametrize(
    "sort",
    [
        "(SELECT email FROM _superusers)",
        "-(CASE WHEN (SELECT count(*) FROM _superusers) THEN title ELSE views END)",
        "title; DROP TABLE articles",
        "title,views DESC",
        "title COLLATE NOCASE",
        'title"',
        "abs(views)",
        "_rowid_",
        "1",
        "draft",
        "author.nowhere",
    ],
)
def test_sort_takes_no_sql(sort: str, guest: httpx.Client) -> None:
    """Only names of the schema that the caller may see."""
    reply = guest.get(RECORDS, params={"sort": sort})
    assert_error(reply, 400)
    assert not re.search(r"no such|sqlite|syntax error", reply.text), reply.text


def test_expand_asks_the_other_collections_rule(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """The author may be seen by nobody but superusers, in a list and in a view."""
    for client, seen in ((guest, set()), (superuser, {"author"})):
        page = client.get(RECORDS, params={"expand": "author", "perPage": 3}).json()["items"]
        one = client.get(f"{RECORDS}/{page[0]['id']}", params={"expand": "author"}).json()
        assert [set(item["expand"]) for item in (*page, one)] == [seen] * 4


def test_a_filter_does_not_reach_into_a_locked_collection(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Once its list rule is null, no path of a client's filter or sort goes there."""
    path = "/api/collections/authors"
    assert superuser.patch(path, json={"listRule": None}).status_code == 200
    try:
        for query in ({"filter": "author.name ~ 'a'"}, {"sort": "author.name"}):
            assert_error(guest.get(RECORDS, params=query), 400)
            assert superuser.get(RECORDS, params=query).json()["totalItems"] == len(VIEWS)
    finally:
        assert superuser.patch(path, json={"listRule": ""}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "given"), [("5000", 1000), ("-1", 30), ("0", 30), ("1001", 1000)]
)
def test_the_size_of_a_page_is_bounded(asked: str, given: int, guest: httpx.Client) -> None:
    """And the answer says which size it took."""
    reply = guest.get(RECORDS, params={"perPage": asked})
    assert reply.status_code == 200
    assert reply.json()["perPage"] == given


def test_a_page_of_more_than_a_thousand_has_a_thousand(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """With as many records there."""
    cluster.collection("many", [{"name": "n", "type": "number"}])
    path = "/api/collections/many/records"
    made = ask_all(cluster.url, "POST", path, {"n": 1}, times=1_010)
    assert statuses(made) == {200: 1_010}
    page = guest.get(path, params={"perPage": "-1", "skipTotal": "1"}).json()
    assert len(page["items"]) == 30
    page = guest.get(path, params={"perPage": "100000"}).json()
    assert (len(page["items"]), page["totalItems"]) == (1_000, 1_010)


@pytest.mark.parametrize(
    "path",
    [
        "/api/collections",
        "/api/collections/articles",
        "/api/collections/authors",
        "/api/collections/_superusers",
        "/api/collections/meta/scaffolds",
    ],
)
def test_schema_and_rules_are_not_public(path: str, guest: httpx.Client) -> None:
    """A guest learns neither names of fields nor rules."""
    reply = guest.get(path)
    assert_error(reply, 401, 403)
    assert "Rule" not in reply.text
    assert "fields" not in reply.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{RECORDS}?filter=nosuch%3D1", None),
        ("GET", f"{RECORDS}?sort=nosuch", None),
        ("GET", "/api/collections/nosuch/records", None),
        ("GET", f"{RECORDS}/nosuch", None),
        ("GET", "/api/nosuch", None),
        ("POST", RECORDS, {"views": {"a": 1}}),
        ("POST", RECORDS, {"author": "nosuch"}),
        ("POST", RECORDS, {"id": "'; DROP TABLE articles; --"}),
        ("PATCH", f"{RECORDS}/nosuch", {"views": 1}),
        ("POST", "/api/batch", {"requests": [{"method": "POST", "url": "/api/nosuch"}]}),
        ("POST", "/api/batch", {"requests": "nosuch"}),
    ],
)
def test_no_error_speaks_of_sql(
    method: str, path: str, body: dict[str, Any] | None, guest: httpx.Client
) -> None:
    """Each refusal has the one shape, and words of its own."""
    reply = guest.request(method, path, json=body)
    assert_error(reply)
    assert not SQL_WORDS.search(reply.text), reply.text


def test_a_changed_rule_is_in_force_on_all_workers(cluster: ClusterProcess) -> None:
    """Each of 80 requests after the answer is judged by it, for every action."""
    cluster.collection("turning", [{"name": "views", "type": "number"}])
    path, client = "/api/collections/turning/records", cluster.client()
    row = client.post(path, json={"views": 1}).json()["id"]
    assert statuses(ask_all(cluster.url, "GET", path)) == {200: TIMES}
    locked = dict.fromkeys(RULES)
    assert client.patch("/api/collections/turning", json=locked).status_code == 200
    for method, where in (
        ("GET", path), ("GET", f"{path}/{row}"), ("POST", path), ("PATCH", f"{path}/{row}"),
        ("DELETE", f"{path}/{row}"),
    ):  # fmt: skip
        assert statuses(ask_all(cluster.url, method, where, {"views": 2})) == {403: TIMES}
    narrowed = {"listRule": "views > 999999.5", "viewRule": "views > 999999.5"}
    assert client.patch("/api/collections/turning", json=narrowed).status_code == 200
    answers = ask_all(cluster.url, "GET", path)
    assert [answer.json()["items"] for answer in answers] == [[]] * TIMES
    assert statuses(ask_all(cluster.url, "GET", f"{path}/{row}")) == {404: TIMES}


def test_a_new_field_is_stored_by_all_workers(cluster: ClusterProcess) -> None:
    """Each of 80 creates after the answer keeps its value."""
    made = cluster.collection("growing", [{"name": "a", "type": "text"}])
    path, client = "/api/collections/growing/records", cluster.client()
    assert statuses(ask_all(cluster.url, "POST", path, {"a": "x", "b": "y"})) == {200: TIMES}
    fields = [*made["fields"], {"name": "b", "type": "text"}]
    assert client.patch("/api/collections/growing", json={"fields": fields}).status_code == 200
    answers = ask_all(cluster.url, "POST", path, {"a": "x", "b": "y"})
    assert [answer.json()["b"] for answer in answers] == ["y"] * TIMES
    kept = client.get(path, params={"filter": "b = 'y'", "perPage": 1}).json()["totalItems"]
    assert kept == TIMES
