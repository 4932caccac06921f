"""Named cases of bad input, each with the status it must get."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.hostile.shape import FIELDS, assert_error

RECORDS = "/api/collections/things/records"
JSON = {"Content-Type": "application/json"}
INJECTIONS = [
    "x'; DROP TABLE things; --",
    'x"; DROP TABLE things; --',
    'a" TEXT); DROP TABLE things; --',
    "things WHERE 1=1",
    "a b",
    "sqlite_master",
    "_head",
    "x:y",
    "a\u0000b",
    "",
    "ä" * 10_000,
    "x" * 10_000,
]


@pytest.fixture(scope="module", autouse=True)
def _things(cluster: ClusterProcess) -> None:
    cluster.collection("things", FIELDS)


def _everything(superuser: httpx.Client) -> tuple[Any, Any]:
    collections = superuser.get("/api/collections", params={"perPage": 500}).json()
    return collections["items"], superuser.get(RECORDS).json()["totalItems"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[1,2]", b'"text"', b"null", b"12", b'{"title": }', b"{'title': 'x'}",
        b'{"stars": Infinity}', b'{"stars": NaN}', b'{"stars": 1e999}', b'{"title": "\xff\xfe"}',
        b'{"title": "\\ud800"}', b'{"title": "a\\u0000b"}', b'{"title": "a\x00b"}', b"\x00",
        b"[" * 100_000, b'{"meta":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"title": "' + b"x" * 200_000 + b'"}',
        b'{"mail": "no address"}', b'{"site": "no url"}', b'{"kind": "c"}', b'{"tags": ["x","q"]}',
        b'{"stars": [1]}', b'{"id": "UPPER"}', b'{"id": "\' OR 1=1 --"}',
    ],
)  # fmt: skip
def test_a_bad_body_is_refused(body: bytes, superuser: httpx.Client, guest: httpx.Client) -> None:
    """Malformed, wrong or hostile bodies get a 4xx and change nothing."""
    before = _everything(superuser)
    assert_error(guest.post(RECORDS, content=body, headers=JSON), 400)
    assert _everything(superuser) == before


def test_a_text_that_is_no_number_is_cast_to_zero(guest: httpx.Client) -> None:
    """As PocketBase does, so that form posts work."""
    reply = guest.post(RECORDS, json={"stars": "many"})
    assert reply.status_code == 200
    assert reply.json()["stars"] == 0


def test_an_unknown_field_is_ignored_and_a_hidden_id_is_not_overwritten(
    guest: httpx.Client,
) -> None:
    """Unknown keys are dropped, as PocketBase does."""
    reply = guest.post(
        RECORDS, json={"title": "a", "nonsense": 1, "_rowid_": 7, "collectionId": "x"}
    )
    assert reply.status_code == 200
    assert "nonsense" not in reply.json()
    assert reply.json()["collectionName"] == "things"


def test_a_huge_body_is_413(cluster: ClusterProcess) -> None:
    """A body above the limit is refused, announced or chunked."""
    size = 33 * 1024 * 1024

    def chunks() -> Any:
        for _ in range(33):
            yield b" " * (1024 * 1024)

    with httpx.Client(base_url=cluster.url, timeout=30) as client:
        for content, headers in ((b" " * size, JSON), (chunks(), JSON)):
            assert_error(client.post(RECORDS, content=content, headers=headers), 413)
    assert httpx.get(f"{cluster.url}/api/health").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "page=abc", "perPage=x", "page=1e9", "page=99999999999999999999", "sort=nope",
        "sort=title;DROP TABLE things", "sort=" + ",".join(["title"] * 20), "sort=" + "x" * 10_000,
        "filter=(", "filter=title", "filter=nope=1", "filter=title='a", "filter=title==1",
        "filter=1=1;--", "filter=title='a' OR 1=1", "filter=" + "(" * 3_000,
        "filter=" + "title='a'||" * 400 + "title='a'", "filter=title%00='a'", "filter=%ff%fe='a'",
        "filter=@request.auth.id=''", "filter=title.x.y='1'", "filter=title:nope='1'",
        "filter=_rowid_=1", "filter=things.title='a'",
    ],
)  # fmt: skip
def test_a_bad_query_is_refused(query: str, guest: httpx.Client) -> None:
    """Bad paging, sort and filter get a 4xx; never all rows."""
    assert_error(guest.get(f"{RECORDS}?{query}"))


def test_a_long_pattern_is_refused(guest: httpx.Client) -> None:
    """What is searched for is bounded, since each row takes that many times its own length."""
    assert guest.post(RECORDS, json={"title": "a" * 100}).status_code == 200
    for length, status in ((200, 200), (1_700, 400)):
        reply = guest.get(RECORDS, params={"filter": f"title ~ '{'a' * length}b'"})
        assert reply.status_code == status, reply.text
    assert "256 bytes" in reply.json()["message"]


def test_a_page_is_bounded_in_bytes(superuser: httpx.Client) -> None:
    """One that would be too large is refused with a hint; smaller ones and parts are served."""
    fields = [{"name": "page", "type": "text", "max": 6_000_000}, {"name": "a", "type": "text"}]
    reply = superuser.post("/api/collections", json={"name": "large", "fields": fields})
    assert reply.status_code == 200, reply.text
    records = "/api/collections/large/records"
    for _ in range(13):
        made = superuser.post(records, json={"page": "x" * 5_500_000, "a": "y"})
        assert made.status_code == 200
    refused = superuser.get(records)
    assert_error(refused, 400)
    assert "fewer" in refused.json()["message"]
    for query in ("perPage=2", "fields=a,id"):
        assert superuser.get(f"{records}?{query}").status_code == 200
    assert superuser.delete("/api/collections/large").status_code == 204


@pytest.mark.parametrize("name", INJECTIONS)
def test_no_identifier_is_taken_as_sql(name: str, superuser: httpx.Client) -> None:
    """Collection, field and index names, sort and ids: refused, and nothing changed."""
    before = _everything(superuser)
    text = {"name": "t", "type": "text"}
    assert_error(superuser.post("/api/collections", json={"name": name, "fields": [text]}), 400)
    reply = superuser.post(
        "/api/collections", json={"name": "fresh", "fields": [{"name": name, "type": "text"}]}
    )
    if name in {"sqlite_master", "_head"}:  # ordinary names for a field
        assert reply.status_code == 200
        assert superuser.delete("/api/collections/fresh").status_code == 204
    else:
        assert_error(reply, 400)
    index = f"CREATE INDEX {name} ON things (title)"
    assert_error(superuser.patch("/api/collections/things", json={"indexes": [index]}), 400)
    assert_error(superuser.get(f"{RECORDS}/{httpx.QueryParams({'q': name})}"), 404, 400)
    assert _everything(superuser) == before


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX i ON things (title); DROP TABLE things",
        "DROP TABLE things",
        "CREATE INDEX i ON _collections (name)",
        "CREATE INDEX i ON things (nope)",
        "CREATE INDEX i ON things (randomblob(1000000000))",
        "CREATE INDEX i ON things ((SELECT 1))",
        "CREATE TRIGGER t AFTER INSERT ON things BEGIN DELETE FROM things; END",
        "CREATE INDEX sqlite_autoindex_x ON things (title)",
        "CREATE INDEX i ON things (title) WHERE (SELECT 1)",
        "",
    ],
)
def test_an_index_is_one_plain_create_index(index: str, superuser: httpx.Client) -> None:
    """Anything else than one CREATE INDEX on this collection's fields is refused whole."""
    before = _everything(superuser)
    reply = superuser.patch("/api/collections/things", json={"indexes": [index]})
    assert_error(reply, 400)
    assert _everything(superuser) == before


@pytest.mark.parametrize(
    "rule",
    [
        "1=1; --",
        "title = ",
        "nope = 1",
        "(SELECT 1)",
        "@collection.x.y = 1",
        "title ~",
        "title = '",
    ],
)
def test_a_rule_that_does_not_compile_is_refused(rule: str, superuser: httpx.Client) -> None:
    """A rule is compiled when it is stored, and refused with a code at its key."""
    reply = superuser.patch("/api/collections/things", json={"listRule": rule})
    assert_error(reply, 400)
    assert "listRule" in reply.json()["data"]


@pytest.mark.parametrize(
    "definition",
    [
        {}, {"name": 5}, {"name": "a", "fields": "x"}, {"name": "a", "fields": [1]},
        {"name": "a", "fields": [{"type": "nope", "name": "x"}]}, {"name": "a", "fields": [{}]},
        {"name": "a", "type": "nope"}, {"name": "a", "indexes": [5]}, {"name": "a", "listRule": 5},
        {"name": "a", "fields": [{"type": "text", "name": "x", "min": -5}]},
        {"name": "a", "fields": [{"type": "text", "name": "x", "pattern": "("}]},
        {"name": "a", "fields": [{"type": "select", "name": "x", "values": []}]},
        {"name": "a", "fields": [{"type": "relation", "name": "x", "collectionId": "nope"}]},
        {"name": "a", "fields": [{"type": "text", "name": "x"}, {"type": "text", "name": "X"}]},
        {"name": "a_via_b", "fields": []}, {"name": "things", "fields": []},
        {"name": "a", "fields": [{"type": "text", "name": "collectionId"}]},
    ],
)  # fmt: skip
def test_a_bad_definition_is_refused(definition: dict[str, Any], superuser: httpx.Client) -> None:
    """Collections that make no sense are refused."""
    before = _everything(superuser)
    assert_error(superuser.post("/api/collections", json=definition), 400)
    assert _everything(superuser) == before


def test_a_name_alone_makes_a_collection(superuser: httpx.Client) -> None:
    """An empty base collection is one: everything else has a default."""
    made = superuser.post("/api/collections", json={"name": "a"})
    assert made.status_code == 200
    assert [field["name"] for field in made.json()["fields"]] == ["id"]
    assert superuser.delete("/api/collections/a").status_code == 204


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/collections/%ff%fe/records HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/collections/things/records/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/collections/"
        + b"x" * 9_000
        + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"BREW /api/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\xfe\r\nConnection: close\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 500_000 + b"\r\n\r\n",
    ],
)
def test_bad_bytes_on_the_wire_do_no_harm(raw: bytes, cluster: ClusterProcess) -> None:
    """Whatever comes over the socket: an answer below 500 or a closed connection."""
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=10) as connection:
        try:
            connection.sendall(raw)
            head = connection.recv(65536)
        except ConnectionError:
            head = b""
    status = int(head.split(b" ", 2)[1]) if head else 400
    assert status < 500, head[:200]
    assert httpx.get(f"{cluster.url}/api/health").status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "Bearer", "." * 5_000, "eyJhbGciOiJub25lIn0.e30."])
def test_a_bad_token_is_a_guest(token: str, cluster: ClusterProcess) -> None:
    """A token that is none is no error by itself, and opens nothing."""
    with httpx.Client(base_url=cluster.url, headers={"Authorization": token}) as client:
        assert client.get(RECORDS).status_code == 200
        assert client.get("/api/collections").status_code == 401


def test_an_unsigned_token_of_a_superuser_opens_nothing(cluster: ClusterProcess) -> None:
    """Only the signature counts: the same claims without it are a guest's."""
    head, claims, _ = cluster.superuser_token().split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for forged in (f"{head}.{claims}.", f"{none}.{claims}.", f"{head}.{claims}.AAAA"):
        reply = httpx.get(f"{cluster.url}/api/collections", headers={"Authorization": forged})
        assert reply.status_code == 401, json.dumps(forged)
