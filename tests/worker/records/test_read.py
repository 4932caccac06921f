"""Reading records over HTTP: lists, views, rules, projections. Also `worker.records.rules`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.limits import PLAN_KEY_CHARS_MAX
from tests.cluster_process import ClusterProcess
from tests.waiting import until

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "on", "type": "bool"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "meta", "type": "json"},
]
LETTERS = "/api/collections/letters/records"


@pytest.fixture(scope="module", autouse=True)
def _letters(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    cluster.collection("letters", FIELDS)
    cluster.collection("locked", FIELDS, listRule=None, viewRule=None)
    cluster.collection("some", FIELDS, listRule="n > 2", viewRule="on = true")
    for name in ("letters", "locked", "some"):
        for n, letter in enumerate("edcba"):
            body = {"title": letter, "n": n, "on": n % 2 == 0, "secret": "s", "meta": {"k": [n]}}
            reply = superuser.post(f"/api/collections/{name}/records", json=body)
            assert reply.status_code == 200, reply.text


def _titles(reply: httpx.Response) -> str:
    assert reply.status_code == 200, reply.text
    return "".join(item["title"] for item in reply.json()["items"])


def test_a_list_has_the_envelope(guest: httpx.Client) -> None:
    """Five keys, the effective perPage, records with their collection."""
    body = guest.get(LETTERS, params={"perPage": 2, "page": 2}).json()

    items = body.pop("items")
    assert body == {"page": 2, "perPage": 2, "totalItems": 5, "totalPages": 3}
    assert [item["title"] for item in items] == ["c", "b"]
    assert items[0]["collectionName"] == "letters"
    assert items[0]["meta"] == {"k": [2]}
    assert items[0]["on"] is True


def test_a_list_without_total_says_so(guest: httpx.Client) -> None:
    """-1 for both numbers."""
    body = guest.get(LETTERS, params={"skipTotal": 1}).json()
    assert (body["totalItems"], body["totalPages"]) == (-1, -1)
    body = guest.get(LETTERS, params={"skipTotal": "false"}).json()
    assert (body["totalItems"], body["totalPages"]) == (5, 1)


def test_a_page_beyond_the_end_is_empty(guest: httpx.Client) -> None:
    """Also one whose offset no integer of SQLite holds."""
    for page in (9, 10**17):
        body = guest.get(LETTERS, params={"page": page, "perPage": 1000}).json()
        assert (body["items"], body["totalItems"]) == ([], 5)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sort": "title"}, "abcde"),
        ({"sort": "-n"}, "abcde"),
        ({"sort": "on,-title"}, "dbeca"),
        ({"filter": "n >= 2 && n < 4"}, "cb"),
        ({"filter": "title = 'a' || title = 'e'", "sort": "title"}, "ae"),
        ({"filter": "on = true", "sort": "title"}, "ace"),
        ({"filter": "title ~ 'B'"}, "b"),
        ({"filter": "title = 'x'"}, ""),
        ({"filter": "  "}, "edcba"),
    ],
)
def test_filter_and_sort(guest: httpx.Client, query: dict[str, str], expected: str) -> None:
    """The subset of the expression language, over a client's list."""
    reply = guest.get(LETTERS, params=query)

    assert _titles(reply) == expected
    assert reply.json()["totalItems"] == len(expected)


def test_a_form_of_list_is_planned_once_and_bound_anew(guest: httpx.Client) -> None:
    """The same filter text on another page, and another text, give their own rows."""
    for _ in range(3):
        assert _titles(guest.get(LETTERS, params={"filter": "n > 0", "perPage": 2})) == "dc"
        assert _titles(guest.get(LETTERS, params={"filter": "n > 1", "perPage": 2})) == "cb"
        assert _titles(guest.get(LETTERS, params={"filter": "n > 0", "perPage": 2, "page": 2})) == (
            "ba"
        )


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"filter": "nope = 1"}, 400),
        ({"filter": "title ="}, 400),
        ({"filter": "title = '" + "x" * 4000 + "'"}, 400),
        ({"sort": "nope"}, 400),
        ({"sort": " " * 3_000}, 400),
        ({"fields": ",".join(f"n{n}" for n in range(501))}, 400),
        ({"page": "abc"}, 400),
        ({"perPage": "1.5"}, 400),
        ({"skipTotal": "perhaps"}, 400),
        ({"filter": "secret = 's'"}, 400),
        ({"sort": "secret"}, 400),
        ({"filter": "@request.auth.id = ''"}, 403),
        ({"filter": "@collection.locked.n = 1"}, 403),
    ],
)
def test_a_wrong_list_is_refused(guest: httpx.Client, query: dict[str, str], status: int) -> None:
    """Unknown and hidden names, bad numbers: 400; what only rules may say: 403."""
    reply = guest.get(LETTERS, params=query)

    assert reply.status_code == status
    assert reply.json()["status"] == status
    assert reply.json()["data"] == {}


def test_hidden_fields_are_a_superusers(guest: httpx.Client, superuser: httpx.Client) -> None:
    """In lists, views and filters."""
    record = superuser.get(LETTERS, params={"filter": "secret = 's'"}).json()["items"][0]
    assert record["secret"] == "s"
    assert "secret" not in guest.get(LETTERS).json()["items"][0]
    assert "secret" not in guest.get(f"{LETTERS}/{record['id']}").json()
    shown = guest.get(f"{LETTERS}/{record['id']}", params={"fields": "secret,title"}).json()
    assert shown == {"title": "e"}


def test_a_null_rule_shuts_everybody_out(guest: httpx.Client, superuser: httpx.Client) -> None:
    """403 for list and view, whether the record is there or not; superusers pass."""
    path = "/api/collections/locked/records"
    record = superuser.get(path).json()["items"][0]
    for name in (path, f"{path}/{record['id']}", f"{path}/nope"):
        assert guest.get(name).status_code == 403
    assert superuser.get(f"{path}/{record['id']}").json() == record


def test_a_rule_filters_lists_and_hides_views(guest: httpx.Client, superuser: httpx.Client) -> None:
    """List: fewer items, and they are not counted; view: 404 as if it were not there."""
    path = "/api/collections/some/records"
    reply = guest.get(path, params={"filter": "n < 4"})
    assert (_titles(reply), reply.json()["totalItems"]) == ("b", 1)
    everything = {item["n"]: item["id"] for item in superuser.get(path).json()["items"]}
    assert len(everything) == 5
    assert guest.get(f"{path}/{everything[0]}").status_code == 200
    unseen = guest.get(f"{path}/{everything[1]}")
    assert unseen.status_code == 404
    assert unseen.json() == guest.get(f"{path}/nope").json()


def test_a_collection_has_a_name_in_any_case_and_an_id(guest: httpx.Client) -> None:
    """All of them lead to the same records."""
    record = guest.get(LETTERS).json()["items"][0]
    for name in ("letters", "LETTERS", record["collectionId"]):
        reply = guest.get(f"/api/collections/{name}/records/{record['id']}")
        assert reply.json() == record
    assert guest.get("/api/collections/nobody/records").status_code == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("title", {"title": "e"}),
        ("title,collectionName", {"title": "e", "collectionName": "letters"}),
        ("nope", {}),
        ("meta.k,title:excerpt(1)", {"meta": {"k": [0]}, "title": "e"}),
    ],
)
def test_fields_choose_what_is_shown(
    guest: httpx.Client, fields: str, expected: dict[str, Any]
) -> None:
    """Shaped by SQL or afterwards, the answer is the same kind of thing."""
    page = guest.get(LETTERS, params={"fields": fields, "perPage": 1, "skipTotal": "t"}).json()

    assert page.pop("items") == [expected]
    assert page == {"page": 1, "perPage": 1, "totalItems": -1, "totalPages": -1}


def test_a_head_request_is_a_get_without_body(guest: httpx.Client) -> None:
    """HEAD is answered wherever GET is."""
    reply = guest.head(LETTERS)

    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) == len(guest.get(LETTERS).content)


def test_a_rule_that_fails_at_a_row_denies(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """403 for the whole list and for the view; a client's own filter that fails is a 400."""
    fields = [{"name": "title", "type": "text", "max": 70_000}]
    rule = "'x' ~ title"
    cluster.collection("failing", fields, listRule=rule, viewRule=rule, updateRule=rule)
    path = "/api/collections/failing/records"
    long = superuser.post(path, json={"title": "x" * 60_000}).json()

    assert guest.get(path).status_code == 403
    assert guest.get(f"{path}/{long['id']}").status_code == 403
    assert guest.patch(f"{path}/{long['id']}", json={"title": "y"}).status_code == 403
    assert superuser.get(path, params={"filter": rule}).status_code == 400
    assert superuser.get(path).json()["totalItems"] == 1


def test_a_long_filter_is_nothing_for_the_event_loop(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """It is compiled each time, so in a thread, and answers as a short one."""

    def slow_reads() -> float:
        text = guest.get(f"{cluster.ops_url}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("quill_slow_reads_total")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    long = " || ".join(f"title = '{n}'" for n in range(80)) + " || title = 'c'"
    assert len(long) > PLAN_KEY_CHARS_MAX
    before = slow_reads()
    for _ in range(5):
        assert _titles(guest.get(LETTERS, params={"filter": long})) == "c"
    until(lambda: slow_reads() >= before + 5, seconds=10, what="five reads in a thread")
    assert guest.get(LETTERS, params={"filter": long + " || nope = 1"}).status_code == 400
