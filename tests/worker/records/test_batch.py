"""Batches over a real cluster: all or nothing, later requests on earlier ones, upserts, replays.

Also `worker.records.draft`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client
from tests.worker.records.batching import (
    changing,
    creating,
    deleting,
    failure,
    ident,
    path,
    send,
    upserting,
)

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "max": 20},
    {"name": "n", "type": "number", "max": 100},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
UNIQUE = "CREATE UNIQUE INDEX one_title ON things (title)"
KEY = "batch-0123456789abcdef"


@pytest.fixture(scope="module", autouse=True)
def _collections(cluster: ClusterProcess) -> None:
    things = cluster.collection("things", FIELDS, indexes=[UNIQUE])
    up = {"name": "up", "type": "relation", "collectionId": things["id"], "cascadeDelete": True}
    cluster.collection("parts", [up, {"name": "title", "type": "text"}])
    cluster.collection(
        "ruled",
        [{"name": "up", "type": "relation", "collectionId": things["id"]}, *FIELDS],
        createRule="up.title = 'open'",
        updateRule="n < 5",
        deleteRule="n = 9",
    )
    cluster.collection("locked", FIELDS, createRule=None, updateRule=None, deleteRule=None)
    told = "@request.context = 'batch' && @request.headers.x_mark = 'm' && @request.query.q = '1'"
    cluster.collection("told", FIELDS, createRule=f"{told} && @request.method = 'POST'")


def _titles(client: httpx.Client, name: str = "things") -> set[str]:
    reply = client.get(path(name), params={"perPage": 1000, "fields": "title"})
    return {item["title"] for item in reply.json()["items"]}


def test_every_request_has_its_answer(guest: httpx.Client) -> None:
    """In order: the record with 200, null with 204; as they were when each was done."""
    own = ident("answers")
    reply = send(
        guest,
        creating("things", id=own, title="first"),
        changing("things", own, n=5),
        creating("things", title="second"),
        deleting("things", own),
    )
    assert reply.status_code == 200, reply.text
    first, changed, second, gone = reply.json()
    assert [one["status"] for one in (first, changed, second, gone)] == [200, 200, 200, 204]
    assert (first["body"]["n"], changed["body"]["n"], gone["body"]) == (0, 5, None)
    assert first["body"]["collectionName"] == "things"
    assert guest.get(path("things", second["body"]["id"])).json() == second["body"]
    assert guest.get(path("things", own)).status_code == 404


def test_later_requests_use_what_earlier_ones_made(guest: httpx.Client) -> None:
    """References, changes, rules over them, and what a deletion takes along."""
    one, part = ident("one"), ident("part")
    reply = send(
        guest,
        creating("things", id=one, title="open"),
        creating("parts", id=part, up=one),
        creating("ruled", title="by rule", up=one, n=4),
        changing("things", one, **{"n+": 2, "title": "shut"}),
        changing("things", one, **{"n+": 3}),
    )
    assert reply.status_code == 200, reply.text
    assert [answer["body"].get("n") for answer in reply.json()] == [0, None, 4, 2, 5]
    index, _ = failure(send(guest, creating("ruled", title="too late", up=one)))
    assert index == 0
    reply = send(guest, deleting("things", one), creating("things", id=one, title="anew"))
    assert [answer["status"] for answer in reply.json()] == [204, 200]
    assert guest.get(path("parts", part)).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "status", "data"),
    [
        (creating("things", title=""), 400, {"title": "validation_required"}),
        (creating("things", title="taken"), 400, {"title": "validation_not_unique"}),
        (creating("parts", up="z" * 15), 400, {"up": "validation_missing_rel_records"}),
        (changing("things", ident("base"), n=101), 400,
         {"n": "validation_max_number_constraint"}),
        (changing("things", ident("base"), **{"n+": 101}), 400,
         {"n": "validation_max_number_constraint"}),
        (changing("things", "z" * 15, n=1), 404, {}),
        (deleting("things", "z" * 15), 404, {}),
        (creating("ruled", title="x", up=ident("base")), 400, {}),
        (changing("ruled", ident("ruled"), n=1), 404, {}),
        (deleting("ruled", ident("ruled")), 404, {}),
        (creating("locked", title="x"), 403, {}),
        (deleting("locked", "z" * 15), 403, {}),
        (creating("nowhere", title="x"), 404, {}),
        (upserting("things", title=""), 400, {"title": "validation_required"}),
        (upserting("things", id=ident("base"), title=""), 400, {"title": "validation_required"}),
        (upserting("things", id="short", title="x"), 400, None),
    ],
)  # fmt: skip
def test_the_first_failure_is_told_and_nothing_is_left(
    superuser: httpx.Client,
    guest: httpx.Client,
    wrong: dict[str, Any],
    status: int,
    data: dict[str, str] | None,
) -> None:
    """Whether it is found when planning or by the writer, and wherever it stands."""
    base, ruled = ident("base"), ident("ruled")
    ready = send(
        superuser,
        upserting("things", id=base, title="taken"),
        upserting("ruled", id=ruled, title="far", n=7),
    )
    assert ready.status_code == 200, ready.text
    before = _titles(superuser)
    others = [creating("things", title=f"left {number}") for number in range(3)]
    for place in range(4):
        requests = [*others[:place], wrong, *others[place:]]
        index, response = failure(send(guest, *requests))
        assert (index, response["status"]) == (place, status), response
        if data is not None:
            assert {name: error["code"] for name, error in response["data"].items()} == data
        assert _titles(superuser) == before
    # One that the writer finds stands before one that planning finds.
    index, response = failure(
        send(guest, others[0], creating("things", title="taken"), creating("things"))
    )
    assert (index, set(response["data"])) == (1, {"title"})
    assert response["data"]["title"]["code"] == "validation_not_unique"


def test_an_upsert_updates_or_creates(guest: httpx.Client) -> None:
    """By the id in its body, also one of an earlier request; without an id it creates."""
    own = ident("upsert")
    reply = send(
        guest,
        upserting("things", id=own, title="made", n=1),
        upserting("things", id=own, title="changed"),
        deleting("things", own),
        upserting("things", id=own, title="made again"),
        upserting("things", title="without id"),
    )
    assert reply.status_code == 200, reply.text
    bodies = [answer["body"] for answer in reply.json()]
    assert [(body["title"], body["n"]) if body else None for body in bodies] == [
        ("made", 1), ("changed", 1), None, ("made again", 0), ("without id", 0),
    ]  # fmt: skip
    assert send(guest, upserting("things", id=own, n=3)).json()[0]["body"]["title"] == "made again"


def test_an_upsert_of_what_the_batch_took_along(guest: httpx.Client) -> None:
    """A cascade is the writer's to see; the plan is then made the other way, for each of them."""
    root = ident("root")
    parts = [ident(f"along{number}") for number in range(8)]
    made = [creating("parts", id=part, up=root, title="old") for part in parts]
    assert send(guest, creating("things", id=root, title="root"), *made).status_code == 200
    reply = send(guest, deleting("things", root), *[upserting("parts", id=part) for part in parts])
    assert reply.status_code == 200, reply.text
    assert {answer["body"]["title"] for answer in reply.json()[1:]} == {""}


def test_upserts_of_one_record_from_everywhere(guest: httpx.Client) -> None:
    """All succeed, whoever is first."""
    own = ident("everyone")

    def upsert(number: int) -> int:
        with fresh_client(guest.base_url) as client:
            reply = send(client, upserting("parts", id=own, title=str(number)))
            return reply.status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(upsert, range(24))) == {200}


def test_rules_see_the_request_of_the_batch(guest: httpx.Client) -> None:
    """Its own headers, query and method, and `batch` as the context; an upsert is what it does."""
    one = {**creating("told", title="x"), "headers": {"X-Mark": "m"}}
    one["url"] += "?q=1"
    assert send(guest, one).status_code == 200
    assert send(guest, {**one, "method": "PUT"}).status_code == 200
    outer = {**one, "headers": {}}
    assert send(guest, outer, x_mark="m").status_code == 200
    for other in (outer, {**one, "url": path("told")}):
        assert failure(send(guest, other))[1]["status"] == 400
    alone = guest.post(
        path("told"), params={"q": "1"}, json={"title": "x"}, headers={"X-Mark": "m"}
    )
    assert alone.status_code == 400


def test_nobody_becomes_another_by_a_header(guest: httpx.Client, superuser: httpx.Client) -> None:
    """Who asks is the one who sends the batch."""
    token = superuser.headers["Authorization"]
    one = {**creating("locked", title="x"), "headers": {"Authorization": token}}
    assert failure(send(guest, one))[1]["status"] == 403
    none = {**creating("locked", title="x"), "headers": {"authorization": ""}}
    assert send(superuser, none).status_code == 200


def test_parallel_batches_all_succeed_and_harm_nobody(guest: httpx.Client) -> None:
    """With failing ones and plain creates between them; what was answered with 200 is there."""

    def one(number: int) -> tuple[int, str, int]:
        title = f"parallel {number}"
        with fresh_client(guest.base_url) as client:
            if number % 3 == 0:
                reply = send(client, creating("things", title=title), deleting("things", "z" * 15))
                return reply.status_code, title, 400
            if number % 3 == 1:
                return client.post(path("things"), json={"title": title}).status_code, title, 200
            twice = (creating("things", title=title), creating("parts", title=title))
            return send(client, *twice).status_code, title, 200

    with ThreadPoolExecutor(12) as threads:
        done = list(threads.map(one, range(60)))
    assert all(status == expected for status, _, expected in done)
    kept = {title for _, title, expected in done if expected == 200}
    assert {title for title in _titles(guest) if title.startswith("parallel")} == kept


def test_passwords_are_hashed_before_the_plan(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Several in one batch, and whoever they belong to can log in."""
    cluster.collection("people", [], type="auth")
    names = [f"p{number}@example.com" for number in range(3)]
    bodies = [
        {"email": name, "password": f"secret-{name}", "passwordConfirm": f"secret-{name}"}
        for name in names
    ]
    reply = send(guest, *[creating("people", **body) for body in bodies])
    assert reply.status_code == 200, reply.text
    assert all("password" not in answer["body"] for answer in reply.json())
    for name in names:
        login = {"identity": name, "password": f"secret-{name}"}
        logged = guest.post("/api/collections/people/auth-with-password", json=login)
        assert logged.status_code == 200, logged.text


def test_batches_that_wait_for_a_hash_do_not_meet(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """Nothing is open at the writer meanwhile: all succeed, and plain writes beside them stay."""
    cluster.collection("crowd", [], type="auth")

    def one(number: int) -> int:
        name = f"c{number}@example.com"
        body = {"email": name, "password": "long enough", "passwordConfirm": "long enough"}
        with fresh_client(guest.base_url) as client:
            if number % 2:
                return client.post(path("parts"), json={"title": name}).status_code
            requests = [creating("crowd", **body), creating("parts", title=name)]
            if number % 4 == 0:
                requests.append(deleting("parts", "z" * 15))
            return send(client, *requests).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(one, range(16)))
    assert statuses == [400 if number % 4 == 0 else 200 for number in range(16)]
    kept = {f"c{number}@example.com" for number in range(16) if number % 4}
    assert {title for title in _titles(guest, "parts") if title.startswith("c")} == kept


# --- Idempotency-Key --------------------------------------------------------------------------


def test_a_repeated_batch_is_answered_and_not_applied(guest: httpx.Client) -> None:
    """With the first answer, byte by byte, though the records have changed since."""
    own = ident("repeated")
    requests = (
        creating("things", id=own, title="repeated"),
        changing("things", own, **{"n+": 1}),
        creating("parts", id=own, up=own),
        deleting("parts", own),
    )
    first = send(guest, *requests, idempotency_key=KEY)
    assert first.status_code == 200, first.text
    guest.patch(path("things", own), json={"n": 50})
    again = send(guest, *requests, idempotency_key=KEY)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotent-replay"] == "true"
    assert guest.get(path("things", own)).json()["n"] == 50
    other = send(guest, *requests[:1], idempotency_key=KEY)
    assert other.json()["data"]["idempotencyKey"]["code"] == "validation_idempotency_key_reused"


def test_a_failed_batch_keeps_no_answer(guest: httpx.Client) -> None:
    """The same request is applied once its reason is gone."""
    own, key = ident("notkept"), f"{KEY}-failed"
    requests = (creating("things", title="not kept"), changing("things", own, n=1))
    assert failure(send(guest, *requests, idempotency_key=key))[0] == 1
    guest.post(path("things"), json={"id": own, "title": "now"})
    reply = send(guest, *requests, idempotency_key=key)
    assert (reply.status_code, "idempotent-replay" in reply.headers) == (200, False)


def test_of_a_large_answer_the_records_are_shown_again(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """As they are now, and null where there is none any more."""
    cluster.collection("wide", [{"name": "text", "type": "text", "max": 100_000}])
    ids = [ident("wide1"), ident("wide2")]
    requests = [creating("wide", id=one, text="ü" * 20_000) for one in ids]
    key = f"{KEY}-large"
    first = send(guest, *requests, deleting("wide", ids[1]), idempotency_key=key)
    guest.patch(path("wide", ids[0]), json={"text": "short"})
    again = send(guest, *requests, deleting("wide", ids[1]), idempotency_key=key)
    assert [answer["status"] for answer in first.json()] == [200, 200, 204]
    assert again.headers["idempotent-replay"] == "true"
    assert [answer["body"] and answer["body"]["text"] for answer in again.json()] == [
        "short", None, None,
    ]  # fmt: skip
