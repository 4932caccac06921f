"""`/api/_admin/query` and `/api/_admin/parse`: who may, what is answered, what is refused.

Also tests `worker.auth.users.admin`, `worker.console.parse`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.limits import CONSOLE_TEXT_CHARS_MAX
from tests.cluster_process import ClusterProcess
from tests.worker.wire.trailbase.auth_calls import (
    PASSWORD,
    admin_password,
    bearer,
    login,
    user,
)

QUERY, PARSE = "/api/_admin/query", "/api/_admin/parse"
MAIN = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB, n REAL) STRICT;
INSERT INTO item VALUES (9223372036854775807, 'one', x'00ff', 1.5), (2, 'two', NULL, 9e999);
"""
OTHER = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT) STRICT; INSERT INTO note VALUES (1, 'x');"
CONFIG = """
databases { name: "other" }
record_apis { name: "item" table_name: "item" acl_world: [READ] }
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A depot with users and a second database."""
    depot = tmp_path_factory.mktemp("admin") / "depot"
    for name, sql in (("main", MAIN), ("other", OTHER)):
        folder = depot / "migrations" / name
        folder.mkdir(parents=True)
        (folder / "U1__tables.sql").write_text(sql)
    (depot / "config.textproto").write_text(CONFIG)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(cluster: ClusterProcess) -> dict[str, str]:
    """The admin's."""
    client = cluster.client(superuser=False)
    found: dict[str, str] = login(client, "admin@localhost", admin_password(cluster)).json()
    return found


@pytest.fixture(scope="module")
def admin(cluster: ClusterProcess, tokens: dict[str, str]) -> httpx.Client:
    """Sends both the token and its CSRF token."""
    client = cluster.client(superuser=False)
    client.headers.update(bearer(tokens["auth_token"]))
    client.headers["CSRF-Token"] = tokens["csrf_token"]
    return client


def _run(client: httpx.Client, query: str, **more: Any) -> Any:
    reply = client.post(QUERY, json={"query": query, **more})
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_values_come_with_their_types(admin: httpx.Client) -> None:
    """All 64 bits of integers, blobs, and columns as the table declares them."""
    found = _run(admin, "SELECT id, name, data, n, 1 AS one FROM item ORDER BY id DESC")
    assert found["rows"] == [
        [
            {"Integer": 2**63 - 1},
            {"Text": "one"},
            {"Blob": {"Base64UrlSafe": "AP8="}},
            {"Real": 1.5},
            {"Integer": 1},
        ],
        [{"Integer": 2}, {"Text": "two"}, "Null", {"Text": "Inf"}, {"Integer": 1}],
    ]
    described = [
        (one["name"], one["type_name"], one["data_type"], one["affinity_type"], one["options"])
        for one in found["columns"]
    ]
    key = {"Unique": {"is_primary": True, "conflict_clause": None}}
    assert described == [
        ("id", "INTEGER", "Integer", "Integer", ["NotNull", key]),
        ("name", "TEXT", "Text", "Text", ["NotNull"]),
        ("data", "BLOB", "Blob", "Blob", []),
        ("n", "REAL", "Real", "Real", []),
        ("one", "", "Any", "Numeric", []),
    ]


def test_a_write_tells_what_it_changed(admin: httpx.Client) -> None:
    """In a header, since the body is of columns and rows."""
    body = {"query": "INSERT INTO item (id, name) VALUES (5, 'a'), (6, 'b')"}
    reply = admin.post(QUERY, json=body)
    assert reply.json() == {"columns": None, "rows": []}
    assert reply.headers["quill-rows-affected"] == "2"
    gone = _run(admin, "DELETE FROM item WHERE id IN (5, 6) RETURNING id")
    assert gone["rows"] == [[{"Integer": 5}], [{"Integer": 6}]]
    refused = admin.post(QUERY, json={"query": "ATTACH 'x' AS y"})
    assert (refused.status_code, refused.text[:21]) == (400, "ATTACH is not allowed")


def test_attached_databases_are_read(admin: httpx.Client) -> None:
    """By their names beside main; a text that writes is for one database."""
    joined = "SELECT i.name, n.text FROM item AS i CROSS JOIN other.note AS n WHERE i.id = 2"
    found = _run(admin, joined, attached_databases=["main", "other", "other"])
    assert found["rows"] == [[{"Text": "two"}, {"Text": "x"}]]
    for body in (
        {"query": joined},
        {"query": "DELETE FROM other.note", "attached_databases": ["other"]},
        {"query": "CREATE TABLE other.x (a)", "attached_databases": ["other"]},
        {"query": "SELECT 1", "attached_databases": ["none"]},
        {"query": "SELECT * FROM session._session", "attached_databases": ["session"]},
        {"query": "SELECT 1", "attached_databases": "other"},
        {"query": "SELECT 1", "attached_databases": [1]},
        {"query": "SELECT 1", "attached_databases": ["../main"]},
        {"query": "SELECT 1", "database": 1},
    ):
        reply = admin.post(QUERY, json=body)
        assert reply.status_code == 400, body
        assert reply.text
    assert _run(admin, "DELETE FROM note WHERE id = 9", database="other")["rows"] == []


def test_only_admins_may(
    cluster: ClusterProcess, admin: httpx.Client, tokens: dict[str, str]
) -> None:
    """With the CSRF token of their own token, also beside a header; as the database says."""
    client = cluster.client(superuser=False)
    user("add", "anna@example.com", PASSWORD, depot=cluster.depot)
    own = login(client, "anna@example.com").json()
    auth, csrf = bearer(tokens["auth_token"]), {"CSRF-Token": tokens["csrf_token"]}
    cookie = {"Cookie": f"auth_token={tokens['auth_token']}"}
    mine = {**bearer(own["auth_token"]), "CSRF-Token": own["csrf_token"]}
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 401),
        (csrf, 401),
        (bearer("nonsense"), 401),
        (auth, 400),
        ({**auth, "CSRF-Token": own["csrf_token"]}, 400),
        ({**auth, "CSRF-Token": "\xe9".encode("latin-1")}, 400),
        (cookie, 400),
        ({**cookie, "Sec-Fetch-Site": "same-origin"}, 400),
        ({**cookie, **csrf}, 200),
        ({**auth, **csrf}, 200),
        (mine, 403),
        ({"Authorization": cluster.superuser_token()}, 200),
    ]
    parsed = {"query": "MQ==", "mode": "Expression"}
    for path, body in ((QUERY, {"query": "SELECT 1"}), (PARSE, parsed)):
        for headers, status in cases:
            client.cookies.clear()
            reply = client.post(path, json=body, headers=headers)
            assert reply.status_code == status, (path, headers, reply.text)
            assert reply.text
    _run(admin, "UPDATE _user SET admin = 1 WHERE email = 'anna@example.com'")
    assert client.post(QUERY, json={"query": "SELECT 1"}, headers=mine).status_code == 200
    _run(admin, "UPDATE _user SET admin = 0 WHERE email = 'anna@example.com'")
    assert client.post(QUERY, json={"query": "SELECT 1"}, headers=mine).status_code == 403


@pytest.mark.parametrize(
    ("mode", "text", "ok"),
    [
        ("Expression", "_ROW_.a = _USER_.id AND b IN (SELECT c FROM d)", True),
        ("Expression", "a = ", False),
        ("Expression", "1) , (2", False),
        ("Expression", "1; SELECT 2", False),
        ("Expression", "", False),
        ("Statement", "CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT", True),
        ("Statement", "SELECT a FROM nothing_there; DROP TABLE nobody", True),
        ("Statement", "PRAGMA hard_heap_limit = 1", True),
        ("Statement", "CREATE TABLE t (a", False),
        ("Statement", "SELECT 1; SELEC 2", False),
        ("Statement", "SELECT '", False),
        ("Statement", " -- nothing", False),
        ("Statement", "x" * (CONSOLE_TEXT_CHARS_MAX + 1), False),
    ],
)
def test_texts_are_parsed(admin: httpx.Client, mode: str, text: str, ok: bool) -> None:
    """Whether they are SQL, and why not; names mean nothing, and nothing is run."""
    body = {"query": urlsafe_b64encode(text.encode()).decode(), "mode": mode}
    reply = admin.post(PARSE, json=body)
    assert reply.status_code == 200
    assert reply.json()["ok"] is ok
    assert bool(reply.json()["message"]) is not ok


def test_odd_bodies_are_400(admin: httpx.Client) -> None:
    """With the reason."""
    for path, raw in (
        (QUERY, b""),
        (QUERY, b"["),
        (QUERY, b"[]"),
        (QUERY, b"{}"),
        (QUERY, b'{"query": null}'),
        (PARSE, b'{"query": "MQ=="}'),
        (PARSE, b'{"query": "MQ==", "mode": "Other"}'),
        (PARSE, b'{"query": "_w==", "mode": "Statement"}'),
        (PARSE, b'{"query": "M", "mode": "Statement"}'),
        (PARSE, b'{"query": 7, "mode": "Statement"}'),
    ):
        reply = admin.post(path, content=raw)
        assert (reply.status_code, bool(reply.text)) == (400, True), raw
