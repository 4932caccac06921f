"""What rules are asked with when records are written, and how modifiers are worked out.

Also `worker.records.write`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client
from tests.worker.records.batching import changing, creating, failure, ident, path, send

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number", "max": 100},
    {"name": "tags", "type": "select", "values": ["a", "b", "c"], "maxSelect": 2},
    {"name": "slug", "type": "text", "autogeneratePattern": "[a-z]{8}"},
    {"name": "secret", "type": "text", "hidden": True},
]
MISSING = ident("missing")


@pytest.fixture(scope="module", autouse=True)
def _collections(cluster: ClusterProcess) -> None:
    cluster.collection("free", FIELDS)
    cluster.collection(
        "stepped", FIELDS, updateRule="@request.body.n <= 10 && n <= @request.body.n"
    )
    cluster.collection("listed", FIELDS, updateRule="@request.body.tags:length <= 1")
    cluster.collection("slugged", FIELDS, createRule="@request.body.slug = slug && slug != ''")
    cluster.collection("old", FIELDS, updateRule="n = 1 && @request.body.n != 1")
    cluster.collection("would", FIELDS, createRule="n = 2 && @request.body.n = 2 && secret = ''")
    cluster.collection("conditional", FIELDS, updateRule="n < 50", deleteRule="n < 50")


def _make(client: httpx.Client, name: str, **body: object) -> str:
    reply = client.post(path(name), json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["id"])


def test_a_create_rule_sees_the_record_that_is_to_be(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """With what is stored, and with what was sent; hidden fields of a client count as not sent."""
    assert guest.post(path("would"), json={"n": 2, "secret": "x"}).status_code == 200
    assert guest.post(path("would"), json={"n": "2"}).status_code == 200
    reply = guest.post(path("would"), json={"n": 3})
    assert (reply.status_code, reply.json()["data"]) == (400, {})
    assert superuser.post(path("would"), json={"n": 3}).status_code == 200


def test_who_may_not_write_is_not_told_what_is_wrong(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """The rule is judged before the values, for a new record as for an old one."""
    refused = guest.post(path("would"), json={"n": 300})
    assert (refused.status_code, refused.json()["data"]) == (400, {})
    told = guest.post(path("would"), json={"n": 2, "title": "x" * 5_001})
    assert set(told.json()["data"]) == {"title"}
    own = _make(superuser, "old", n=2)
    assert guest.patch(path("old", own), json={"n": 300}).status_code == 404


def test_an_update_rule_sees_the_old_record(guest: httpx.Client, superuser: httpx.Client) -> None:
    """And the new values as what was sent."""
    own = _make(superuser, "old", n=1)
    assert guest.patch(path("old", own), json={"n": 1}).status_code == 404
    assert guest.patch(path("old", own), json={"n": 2}).status_code == 200
    assert guest.patch(path("old", own), json={"n": 3}).status_code == 404


def test_rules_see_the_result_of_a_modifier(guest: httpx.Client, superuser: httpx.Client) -> None:
    """Worked out from what is stored; superusers bypass the rule and are still bounded."""
    own = _make(guest, "stepped", n=9)
    assert guest.patch(path("stepped", own), json={"n+": 1}).json()["n"] == 10
    assert guest.patch(path("stepped", own), json={"n+": 1}).status_code == 404
    assert guest.patch(path("stepped", own), json={"n-": 1}).status_code == 404
    assert superuser.patch(path("stepped", own), json={"n+": 1}).json()["n"] == 11
    reply = superuser.patch(path("stepped", own), json={"n+": 90})
    assert reply.json()["data"]["n"]["code"] == "validation_max_number_constraint"
    assert guest.patch(path("stepped", MISSING), json={"n+": 1}).status_code == 404
    tagged = _make(guest, "listed", tags=["a"])
    assert guest.patch(path("listed", tagged), json={"tags+": "a"}).status_code == 200
    assert guest.patch(path("listed", tagged), json={"tags+": "b"}).status_code == 404
    assert guest.patch(path("listed", tagged), json={"tags-": "a"}).json()["tags"] == []


def test_a_generated_text_is_the_one_that_was_judged(guest: httpx.Client) -> None:
    """A rule that compares it with what is stored holds."""
    made = guest.post(path("slugged"), json={"slug:autogenerate": "p-"})
    assert made.status_code == 200, made.text
    assert made.json()["slug"].startswith("p-")


def test_bounds_hold_for_the_result_of_a_modifier(guest: httpx.Client) -> None:
    """The code of the field's own check, at the field; a missing record stays missing."""
    own = _make(guest, "free", n=99, tags=["a"])
    assert guest.patch(path("free", own), json={"n+": 1}).json()["n"] == 100
    for body, name, code in (
        ({"n+": 1}, "n", "validation_max_number_constraint"),
        ({"tags+": ["b", "c"]}, "tags", "validation_too_many_values"),
        ({"tags+": "x"}, "tags", "validation_invalid_value"),
    ):
        reply = guest.patch(path("free", own), json=body)
        assert reply.status_code == 400, body
        assert reply.json()["data"][name]["code"] == code
    assert guest.patch(path("free", MISSING), json={"n+": 1}).status_code == 404
    assert guest.get(path("free", own)).json()["n"] == 100


def test_parallel_modifiers_through_a_rule_lose_nothing(guest: httpx.Client) -> None:
    """The plan is made again where the value has moved; whoever is refused has changed nothing."""
    own = _make(guest, "stepped", n=0)

    def add(_: int) -> int:
        with fresh_client(guest.base_url) as client:
            return client.patch(path("stepped", own), json={"n+": 1}).status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(add, range(24)))
    assert set(statuses) <= {200, 404, 409}
    assert guest.get(path("stepped", own)).json()["n"] == min(statuses.count(200), 10)
    assert statuses.count(200) == 10 or 409 in statuses


def test_modifiers_through_a_rule_within_a_batch(guest: httpx.Client) -> None:
    """Each on what the earlier ones made of the row."""
    own = ident("steps")
    add = changing("stepped", own, **{"n+": 4})
    reply = send(guest, creating("stepped", id=own, n=1), add, add)
    assert [answer["body"]["n"] for answer in reply.json()] == [1, 5, 9]
    index, response = failure(send(guest, changing("stepped", own, n=10), add))
    assert (index, response["status"]) == (1, 404)
    assert guest.get(path("stepped", own)).json()["n"] == 9


def test_a_write_may_ask_for_a_version(guest: httpx.Client, superuser: httpx.Client) -> None:
    """412 when the record has changed; not for whom the rule shuts out, and in batches, too."""
    own = _make(guest, "conditional", title="first")
    one = path("conditional", own)
    tag = guest.get(one).headers["etag"]
    changed = guest.patch(one, json={"title": "second"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    for reply in (
        guest.patch(one, json={"title": "third"}, headers={"If-Match": tag}),
        guest.delete(one, headers={"If-Match": tag}),
    ):
        assert (reply.status_code, reply.json()["data"]) == (412, {})
    stale = {**changing("conditional", own, title="third"), "headers": {"If-Match": tag}}
    assert failure(send(guest, creating("free"), stale))[1]["status"] == 412
    fresh = {**stale, "headers": {"If-Match": guest.get(one).headers["etag"]}}
    assert send(guest, fresh).status_code == 200
    index, response = failure(send(guest, changing("conditional", own, n=1), {**fresh}))
    assert (index, response["status"]) == (1, 412)
    superuser.patch(one, json={"n": 60})
    assert guest.delete(one, headers={"If-Match": tag}).status_code == 404
    assert superuser.delete(one, headers={"If-Match": "*"}).status_code == 204


# --- Auth records -------------------------------------------------------------------------------


def test_a_new_address_ends_sessions_and_the_same_one_does_not(cluster: ClusterProcess) -> None:
    """Whatever else is set with it, within the one statement."""
    superuser = cluster.client()
    secret = {"password": "long enough", "passwordConfirm": "long enough"}
    own = _make(superuser, "_superusers", email="one@example.com", **secret)
    login = {"identity": "one@example.com", "password": "long enough"}
    auth = "/api/collections/_superusers"
    token = superuser.post(f"{auth}/auth-with-password", json=login).json()["token"]

    def still_valid() -> bool:
        headers = {"Authorization": token}
        return superuser.post(f"{auth}/auth-refresh", headers=headers).status_code == 200

    superuser.patch(path("_superusers", own), json={"email": "one@example.com"})
    assert still_valid()
    superuser.patch(path("_superusers", own), json={"email": "two@example.com"})
    assert not still_valid()


def test_ids_are_unique_over_all_auth_collections(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """A token names its record by id."""
    secret = {"password": "long enough", "passwordConfirm": "long enough"}
    for name in ("staff", "guests"):
        cluster.collection(name, [], type="auth")
    own = ident("person")
    first = superuser.post(path("staff"), json={"id": own, "email": "a@example.com", **secret})
    assert first.status_code == 200, first.text
    again = superuser.post(path("guests"), json={"id": own, "email": "b@example.com", **secret})
    assert again.json()["data"]["id"]["code"] == "validation_invalid_auth_id"
