"""What the rules and bounds of one dialect do not give away in the other.

Also tests `worker.apis.collections.read`, `worker.apis.collections.write`, `worker.apis.mirror.write`.
"""

from __future__ import annotations

import httpx
import pytest

from shared.limits import API_BULK_PASSWORDS_MAX
from tests.cluster_process import ClusterProcess
from tests.worker.apis.both_ways.calls import COLLECTIONS, PASSWORD, items, listed, sent
from tests.worker.apis.depot import RECORDS


def _account(name: str, **more: object) -> dict[str, object]:
    email = f"{name}@example.com"
    return {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD, **more}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("book/records/1", 200), ("book/records/77", 404), ("paged/records/1", 403),
        ("closed/records/1", 403), ("closed/records/77", 403), ("word/records/x", 403),
    ],
)  # fmt: skip
def test_a_change_of_nothing_is_judged(guest: httpx.Client, path: str, status: int) -> None:
    """As any change: it is no way past the permission, and finds no record that is not there."""
    for body in ({}, {"collectionName": "book"}):
        told = sent(guest, "patch", f"{COLLECTIONS}/{path}", status, json=body)
        assert status != 200 or told["title"] == "One"


def test_who_may_list_nothing_learns_no_fields(guest: httpx.Client) -> None:
    """Whatever he names: it is 403 before it is wrong."""
    for query in (
        {"filter[nope]": "1"}, {"filter[title]": "1"}, {"order": "nope"}, {"expand": "title"},
        {"limit": 9_999}, {"geojson": "nope"},
    ):  # fmt: skip
        assert sent(guest, "get", f"{RECORDS}/locked", 403, params=query) == ""
    assert sent(guest, "get", f"{RECORDS}/locked/x?expand=title", 403) == ""


def test_an_address_that_is_not_shown(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """It cannot be found or guessed by filters, and orders as an empty one."""
    cluster.collection("people", [], type="auth")
    people = [_account("aa"), _account("bb", emailVisibility=True), _account("cc")]
    ids = sent(guest, "post", f"{RECORDS}/people", json=people)["ids"]
    for one in ("", "[$gt]", "[$like]", "[$re]"):
        found = listed(guest, "people", "id", **{f"filter[email]{one}": "cc@example.com"})
        assert found == []
    assert listed(guest, "people", "id", **{"filter[email][$ne]": "x"}) == [ids[1]]
    page = sent(guest, "get", f"{RECORDS}/people", params={"order": "email"})
    assert [one["id"] for one in page["records"]] == [ids[0], ids[2], ids[1]]
    assert [one.get("email") for one in page["records"]] == [None, None, "bb@example.com"]
    assert "cursor" not in page
    sent(guest, "get", f"{RECORDS}/people", 400, params={"order": "email", "cursor": "x"})
    page = sent(superuser, "get", f"{RECORDS}/people", params={"order": "email", "limit": 2})
    more = {"order": "email", "cursor": page["cursor"]}
    assert listed(superuser, "people", "email", **more) == ["cc@example.com"]


def test_no_reference_leads_into_a_collection(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Its rules say who may view its records, and a record API would show them to all."""
    (user,) = sent(superuser, "post", f"{RECORDS}/users", json=_account("seen"))["ids"]
    sent(guest, "post", f"{RECORDS}/fan", json={"who": user})
    assert listed(guest, "fan", "who") == [user]
    sent(guest, "get", f"{RECORDS}/fan?expand=who", 400)
    sent(guest, "get", f"{RECORDS}/spy?expand=who", 405)
    told = {one["api"]: one["reason"] for one in cluster.events() if "api" in one}
    assert told["spy"] == "who is to be expanded, and refers to the collection users"


def test_a_filter_does_not_fail_at_hidden_records(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """It would tell what they hold: a right guess would be answered otherwise than a wrong one."""
    fields = [{"name": name, "type": "text"} for name in ("pin", "text")]
    tags = {"name": "tags", "type": "select", "maxSelect": 2, "values": ["a", "b"]}
    cluster.collection("kept", [*fields, tags], listRule="tags:each ?= 'a'")
    sent(superuser, "post", f"{RECORDS}/kept", json={"pin": "1234", "text": "x" * 4_900})
    for guess in ("1%", "2%"):
        query = {"filter[$and][0][pin][$like]": guess, "filter[$and][1][text][$re]": "x{1000}"}
        assert listed(guest, "kept", "pin", **query) == []
        query = {"filter": f"pin ~ '{guess}' && 'x' ~ text"}
        assert items(guest, "kept", "pin", **query) == []
        assert items(guest, "diary", "pin", **query) == []
    sent(superuser, "get", f"{COLLECTIONS}/kept/records?filter='x'~text", 400)


def test_a_filter_that_may_fail_is_asked_of_what_is_shown(member: httpx.Client) -> None:
    """With the values of the rule, which stands in the statement twice then."""
    word = {"text": "1234", "_owner": member.headers["X-Own-Id"]}
    sent(member, "post", f"{RECORDS}/word", json=word)
    long = f"pin !~ '{'z' * 200}'"
    for query, found in ((long, ["1234"]), (f"{long} && pin = '1'", []), ("pin ~ '2'", ["1234"])):
        assert items(member, "diary", "pin", filter=query) == found
    sent(member, "get", f"{COLLECTIONS}/diary/records?filter='x'~text", 400)
    sent(member, "delete", f"{RECORDS}/word/1234")


def test_long_values_end_a_page_without_a_cursor(guest: httpx.Client) -> None:
    """The page is shown all the same."""
    sent(guest, "post", f"{RECORDS}/authors", json=[{"name": "é" * 5_000}, {"name": "a"}])
    order = {"order": "-name", "limit": 1}
    page = sent(guest, "get", f"{RECORDS}/authors", params=order)
    assert page == {"records": [{"id": page["records"][0]["id"], "name": "é" * 5_000}]}
    assert listed(guest, "authors", "name", **order, offset=1) == ["a"]


def test_passwords_at_once_are_few(guest: httpx.Client) -> None:
    """Each has to be hashed, so a request may bring no more of them than a batch."""
    many = [_account(f"many{n}") for n in range(API_BULK_PASSWORDS_MAX + 1)]
    told = sent(guest, "post", f"{RECORDS}/users", 400, json=many)
    assert told == f"Bulk creation exceeds limit: {API_BULK_PASSWORDS_MAX}"
