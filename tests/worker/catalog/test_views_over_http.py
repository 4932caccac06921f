"""View collections of a real cluster, and what a query would show before there is a view.

Covers `worker.catalog.dry_run`, `shared.sql.select.view_sample_sql` and `worker.wire.pocketbase.collections`.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess

PATH = "/api/collections"
DRY_RUN = f"{PATH}/meta/dry-run-view"
POSTS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "tags", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"name": "author", "type": "relation", "collectionId": "_pb_users_auth_"},
]
QUERY = (
    "SELECT p.id, p.title, p.tags, u.id AS writer, u.name, count(q.id) AS likes,"
    " upper(p.title) AS loud, CAST(length(p.title) AS integer) AS size"
    " FROM posts p LEFT JOIN users u ON u.id = p.author LEFT JOIN posts q ON q.title = p.title"
    " GROUP BY p.id;"
)


@pytest.fixture(scope="module")
def posts(cluster: ClusterProcess) -> list[dict[str, Any]]:
    """Two posts of one user."""
    cluster.collection("posts", POSTS)
    client = cluster.client()
    user = {"email": "a@b.cd", "password": "12345678", "passwordConfirm": "12345678", "name": "Ann"}
    made = client.post(f"{PATH}/users/records", json=user)
    assert made.status_code == 200, made.text
    author = made.json()["id"]
    return [
        client.post(f"{PATH}/posts/records", json=body).json()
        for body in (
            {"title": "x", "tags": ["a", "b"], "author": author},
            {"title": "y", "tags": [], "author": ""},
        )
    ]


@pytest.fixture(scope="module")
def view(cluster: ClusterProcess, posts: list[dict[str, Any]]) -> dict[str, Any]:
    """A view that everybody may see."""
    body = {"name": "shown", "type": "view", "viewQuery": QUERY, "listRule": "", "viewRule": ""}
    reply = cluster.client().post(PATH, json=body)
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()
    return made


def test_a_view_is_listed_as_a_collection_is(
    superuser: httpx.Client, guest: httpx.Client, posts: list[dict[str, Any]], view: dict[str, Any]
) -> None:
    """Its records have the shape of their fields, and follow what they read at once."""
    assert view["viewQuery"] == QUERY.removesuffix(";")
    kinds = {field["name"]: field["type"] for field in view["fields"]}
    assert kinds == {
        "id": "text", "title": "text", "tags": "select", "writer": "relation", "name": "text",
        "likes": "number", "loud": "json", "size": "number",
    }  # fmt: skip
    page = guest.get(f"{PATH}/shown/records", params={"sort": "title"}).json()
    assert page["totalItems"] == 2
    first, second = page["items"]
    assert (first["id"], first["title"], first["tags"]) == (posts[0]["id"], "x", ["a", "b"])
    assert (first["writer"], first["name"]) == (posts[0]["author"], "Ann")
    assert (first["likes"], first["loud"], first["size"]) == (1, "X", 1)
    assert (second["tags"], second["loud"]) == ([], "Y")
    assert first["collectionName"] == "shown"

    one = guest.get(f"{PATH}/shown/records/{posts[1]['id']}")
    assert (one.status_code, one.json()["title"]) == (200, "y")
    superuser.patch(f"{PATH}/posts/records/{posts[1]['id']}", json={"title": "z"})
    assert guest.get(f"{PATH}/shown/records/{posts[1]['id']}").json()["loud"] == "Z"
    superuser.patch(f"{PATH}/posts/records/{posts[1]['id']}", json={"title": "y"})


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ("title = 'x'", ["x"]),
        ("loud = 'Y'", ["y"]),
        ("likes >= 1", ["x", "y"]),
        ("likes > 1", []),
        ("tags:length = 2", ["x"]),
        ("tags:each ?= 'b'", ["x"]),
        ("name = ''", ["y"]),
        ("writer.email != ''", []),
        ("writer.name = 'Ann'", ["x"]),
    ],
)
def test_a_view_is_filtered(
    superuser: httpx.Client, view: dict[str, Any], wanted: str, titles: list[str]
) -> None:
    """By its own columns, its lists and what they refer to."""
    reply = superuser.get(f"{PATH}/shown/records", params={"filter": wanted, "sort": "title"})
    assert reply.status_code == 200, reply.text
    if wanted == "writer.email != ''":
        titles = ["x"]  # a superuser sees every address
    assert [item["title"] for item in reply.json()["items"]] == titles


def test_a_view_is_never_written(
    superuser: httpx.Client, posts: list[dict[str, Any]], view: dict[str, Any]
) -> None:
    """Not by a superuser either."""
    record = f"{PATH}/shown/records/{posts[0]['id']}"
    for reply in (
        superuser.post(f"{PATH}/shown/records", json={"title": "new"}),
        superuser.patch(record, json={"title": "new"}),
        superuser.delete(record),
        superuser.delete(f"{PATH}/shown/truncate"),
    ):
        assert reply.status_code == 400, reply.text
    assert superuser.get(record).json()["title"] == "x"


def test_what_a_view_reads_may_change_around_it(
    superuser: httpx.Client, posts: list[dict[str, Any]], view: dict[str, Any]
) -> None:
    """A field more, a rename where nobody looks; what it needs stays."""
    own = superuser.get(f"{PATH}/posts").json()
    fields = [*own["fields"], {"name": "extra", "type": "number"}]
    assert superuser.patch(f"{PATH}/posts", json={"fields": fields}).status_code == 200
    assert superuser.get(f"{PATH}/shown/records").json()["totalItems"] == 2
    dropped = [field for field in fields if field["name"] != "title"]
    reply = superuser.patch(f"{PATH}/posts", json={"fields": dropped})
    assert reply.status_code == 400
    assert reply.json()["message"] == "This would break viewQuery of the collection shown."
    assert reply.json()["data"]["viewQuery"]["code"] == "validation_invalid_view_query"
    assert superuser.delete(f"{PATH}/posts").status_code == 400


@pytest.mark.parametrize(
    ("body", "key", "code"),
    [
        ({"viewQuery": "SELECT id, password FROM users"}, "viewQuery",
         "validation_invalid_view_query"),
        ({"viewQuery": "SELECT author AS id FROM posts"}, "viewQuery",
         "validation_invalid_view_query"),
        ({"viewQuery": "SELECT id FROM posts; DROP TABLE posts"}, "viewQuery",
         "validation_invalid_view_query"),
        ({}, "viewQuery", "validation_required"),
        ({"viewQuery": "SELECT id FROM posts", "createRule": ""}, "createRule", "validation_nil"),
        ({"viewQuery": "SELECT id FROM posts", "indexes": ["CREATE INDEX i ON wrong (id)"]},
         "indexes", "validation_indexes_not_supported"),
        ({"viewQuery": "SELECT id FROM posts", "listRule": "title = 'x'"}, "listRule",
         "validation_invalid_rule"),
    ],
)  # fmt: skip
def test_a_wrong_view_is_refused(
    superuser: httpx.Client,
    posts: list[dict[str, Any]],
    body: dict[str, Any],
    key: str,
    code: str,
) -> None:
    """400 with key and code, and there is no such collection."""
    reply = superuser.post(PATH, json={"name": "wrong", "type": "view", **body})
    assert reply.status_code == 400
    assert reply.json()["data"][key]["code"] == code
    assert superuser.get(f"{PATH}/wrong").status_code == 404


def test_only_views_refer_to_views(superuser: httpx.Client, view: dict[str, Any]) -> None:
    """Their rows come and go without a word."""
    relation = {"name": "r", "type": "relation", "collectionId": view["id"]}
    reply = superuser.post(PATH, json={"name": "refers", "fields": [relation]})
    assert reply.status_code == 400
    problem = reply.json()["data"]["fields"]["0"]["collectionId"]
    assert problem["code"] == "validation_relation_field_non_view_base_collection"


def test_a_query_is_tried_without_a_view(
    superuser: httpx.Client, guest: httpx.Client, posts: list[dict[str, Any]]
) -> None:
    """Fields and a few records; nothing is defined."""
    before = superuser.get(PATH).json()["totalItems"]
    reply = superuser.post(DRY_RUN, json={"query": QUERY})
    assert reply.status_code == 200, reply.text
    assert [field["name"] for field in reply.json()["fields"]][:2] == ["id", "title"]
    sample = reply.json()["sample"]
    assert sorted((one["title"], one["loud"]) for one in sample) == [("x", "X"), ("y", "Y")]
    many = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 50) SELECT n AS id FROM r"
    assert len(superuser.post(DRY_RUN, json={"query": many}).json()["sample"]) == 10
    assert superuser.get(PATH).json()["totalItems"] == before
    assert guest.post(DRY_RUN, json={"query": QUERY}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": 5},
        {"query": "x" * 20_001},
        {"query": "SELECT * FROM posts"},
        {"query": "SELECT id, tokenKey AS k FROM users"},
        {"query": "SELECT 1 AS id, json_extract('nope', '$') AS x"},
        {"query": "SELECT 1 AS id, abs(-9223372036854775807 - 1) AS x"},
    ],
)
def test_a_query_that_fails_is_400(superuser: httpx.Client, body: dict[str, Any]) -> None:
    """Whether it is refused or fails at a row."""
    assert superuser.post(DRY_RUN, json=body).status_code == 400


def test_numbers_that_json_cannot_say_are_empty(superuser: httpx.Client) -> None:
    """Infinite ones, 0 where the column is a number; what is large and finite stays."""
    query = (
        "SELECT 'a' AS id, 1e308 * 10 AS up, -1e308 * 10 AS down, CAST(1e308 * 10 AS REAL) AS cast_up,"
        " 1e308 AS large, CAST(5 AS REAL) AS five, count(*) AS n FROM (SELECT 1)"
    )
    reply = superuser.post(DRY_RUN, json={"query": query})
    assert reply.status_code == 200, reply.text
    [shown] = reply.json()["sample"]
    found = {name: shown[name] for name in ("up", "down", "cast_up", "large", "five", "n")}
    assert found == {"up": None, "down": None, "cast_up": 0, "large": 1e308, "five": 5, "n": 1}


def test_a_text_that_is_none_is_told(superuser: httpx.Client, guest: httpx.Client) -> None:
    """What is not UTF-8 cannot be shown: 400 for whoever reads it, not 500."""
    query = "SELECT 'a' AS id, CAST(x'ff41' AS TEXT) AS bad"
    assert superuser.post(DRY_RUN, json={"query": query}).status_code == 400
    body = {
        "name": "unreadable",
        "type": "view",
        "viewQuery": query,
        "listRule": "",
        "viewRule": "",
    }
    assert superuser.post(PATH, json=body).status_code == 200
    records = f"{PATH}/unreadable/records"
    assert guest.get(records).status_code == 400
    assert guest.get(records, params={"fields": "bad"}).status_code == 400
    assert guest.get(records, params={"fields": "id"}).json()["items"] == [{"id": "a"}]
    assert superuser.delete(f"{PATH}/unreadable").status_code == 204


def test_a_query_without_an_end_is_broken_off(superuser: httpx.Client) -> None:
    """The budget of slow reads holds for it, too."""
    endless = (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) AS id FROM r"
    )
    assert superuser.post(DRY_RUN, json={"query": endless}).status_code == 503
