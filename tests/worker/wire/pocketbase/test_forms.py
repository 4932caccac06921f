"""Every kind of body over HTTP: forms write records, log in and define collections as JSON does."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess
from tests.hostile.shape import assert_error

RECORDS = "/api/collections/formed/records"
FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "done", "type": "bool"},
    {"name": "tags", "type": "select", "values": ["a", "b", "1"], "maxSelect": 3},
    {"name": "meta", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "body", "type": "editor"},
    {"name": "docs", "type": "file", "maxSelect": 2},
    {"name": "pin", "type": "password", "min": 4},
]


@pytest.fixture(scope="module", autouse=True)
def _formed(cluster: ClusterProcess) -> None:
    cluster.collection("formed", FIELDS)


def test_a_urlencoded_form_makes_a_record(guest: httpx.Client) -> None:
    """Texts stay what was written, the other types are cast."""
    sent = {"title": "0012", "n": "3.5", "done": "true", "tags": ["a", "1"], "meta": "[1, 2]",
            "place": '{"lon":1,"lat":2}', "body": "<p>1</p>", "pin": "1234"}  # fmt: skip
    made = guest.post(RECORDS, data=sent)
    assert made.status_code == 200, made.text
    record = made.json()
    assert {name: record[name] for name in (*sent, "docs") if name != "pin"} == {
        "title": "0012", "n": 3.5, "done": True, "tags": ["a", "1"], "meta": [1, 2],
        "place": {"lon": 1, "lat": 2}, "body": "<p>1</p>", "docs": [],
    }  # fmt: skip
    assert "pin" not in record


def test_a_multipart_form_as_the_sdks_send_it(guest: httpx.Client) -> None:
    """Texts as parts, all else in payloads, which are laid over the parts; modifiers work."""
    parts = [
        ("title", (None, "12")),
        ("n", (None, "1")),
        ("@jsonPayload", (None, json.dumps({"meta": {"a": 1}, "n": 7}))),
        ("@jsonPayload", (None, json.dumps({"tags": ["b"]}))),
    ]
    made = guest.post(RECORDS, files=parts).json()
    assert (made["title"], made["n"], made["meta"], made["tags"]) == ("12", 7, {"a": 1}, ["b"])

    changed = guest.patch(
        f"{RECORDS}/{made['id']}",
        files=[("n+", (None, "2.5")), ("+tags", (None, "a")), ("tags-", (None, "b"))],
    ).json()
    assert (changed["n"], changed["tags"], changed["title"]) == (9.5, ["a"], "12")


def test_an_upload_is_refused_clearly(guest: httpx.Client) -> None:
    """Rather than dropped in silence; a file for no file field is nothing."""
    reply = guest.post(RECORDS, files={"docs": ("a.txt", b"text", "text/plain")})
    assert_error(reply, 400)
    assert reply.json()["data"]["docs"]["code"] == "validation_invalid_file"
    assert "not supported yet" in reply.json()["data"]["docs"]["message"]
    assert guest.post(RECORDS, files={"nothing": ("a.txt", b"text")}).status_code == 200
    made = guest.post(RECORDS, json={"docs": ["a.txt"]}).json()
    assert made["docs"] == []
    reply = guest.patch(f"{RECORDS}/{made['id']}", json={"docs": ["a.txt"]})
    assert_error(reply, 400)
    assert reply.json()["data"]["docs"]["code"] == "validation_invalid_file"


def test_a_repeated_form_gets_its_first_answer(guest: httpx.Client) -> None:
    """The key's fingerprint is of the values, uploads included."""
    headers = {"Idempotency-Key": "a-key-of-a-form-1"}
    parts: dict[str, Any] = {"title": (None, "once"), "nothing": ("a.txt", b"1")}
    first = guest.post(RECORDS, files=parts, headers=headers)
    again = guest.post(RECORDS, files=parts, headers=headers)
    assert again.headers.get("idempotent-replay") == "true", again.text
    assert again.json() == first.json()
    other = {**parts, "nothing": ("a.txt", b"2")}
    assert_error(guest.post(RECORDS, files=other, headers=headers), 400)


def test_a_login_by_form(guest: httpx.Client) -> None:
    """And nobody's password of digits is taken for a number."""
    path = "/api/collections/_superusers/auth-with-password"
    body = {"identity": EMAIL, "password": PASSWORD}
    parts: dict[str, Any] = {key: (None, text) for key, text in body.items()}
    assert guest.post(path, data=body).status_code == 200
    assert guest.post(path, files=parts).status_code == 200
    assert_error(guest.post(path, data={**body, "password": "12345678"}), 400)


def test_payloads_inside_json(guest: httpx.Client) -> None:
    """As an old SDK sends them."""
    made = guest.post(RECORDS, json={"title": "a", "@jsonPayload": '{"title":"b","n":1}'}).json()
    assert (made["title"], made["n"]) == ("b", 1)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"title=a"),
        ("application/xml", b"<title>a</title>"),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nnever"),
        ("application/x-www-form-urlencoded", b"title=%ff"),
        ("application/x-www-form-urlencoded", b"title=%00"),
        ("application/x-www-form-urlencoded", b"@jsonPayload=1"),
    ],
)
def test_a_bad_form_is_a_400(kind: str, body: bytes, guest: httpx.Client) -> None:
    """Types that are not read, and forms that are none."""
    assert_error(guest.post(RECORDS, content=body, headers={"Content-Type": kind}), 400)


def test_a_large_urlencoded_form_is_413(guest: httpx.Client) -> None:
    """Larger texts come as parts of a multipart form."""
    assert_error(guest.post(RECORDS, data={"title": "x" * (5 * 1024 * 1024)}), 413)
    assert guest.post(RECORDS, files={"body": (None, "x" * (5 * 1024 * 1024))}).status_code == 200


def test_no_content_needs_no_type(guest: httpx.Client) -> None:
    """An empty body is no body, whatever its type says."""
    for kind in ("application/json", "multipart/form-data", "text/plain"):
        reply = guest.post(RECORDS, headers={"Content-Type": kind})
        assert reply.status_code == 200, reply.text
