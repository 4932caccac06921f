"""Writing records over HTTP: the status matrix, values, rules, references, idempotency.

Also `worker.records.write_form`, `worker.records.submit`, `worker.records.caller`,
`worker.records.outcome` and `worker.wire.pocketbase.written`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import apsw
import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client

FIELDS: list[dict[str, Any]] = [
    {"name": "title", "type": "text", "required": True, "max": 20},
    {"name": "state", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "created", "type": "autodate", "onCreate": True},
    {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
]
PARALLEL = "parallel-0123456789"
UNIQUE = "CREATE UNIQUE INDEX once ON things (title)"


def _path(name: str, record_id: str = "") -> str:
    return f"/api/collections/{name}/records" + (f"/{record_id}" if record_id else "")


@pytest.fixture(scope="module", autouse=True)
def _things(cluster: ClusterProcess) -> None:
    cluster.collection("things", FIELDS, indexes=[UNIQUE])
    cluster.collection(
        "ruled",
        FIELDS,
        createRule="n < 10 && state = ''",
        updateRule="state = ''",
        deleteRule="n = 1",
    )
    cluster.collection("locked", FIELDS, createRule=None, updateRule=None, deleteRule=None)


def test_a_record_is_created_shown_and_found(guest: httpx.Client) -> None:
    """200 with the whole record, and every worker has it at once."""
    reply = guest.post(_path("things"), json={"title": "first", "n": 2.5, "other": 1})

    record = reply.json()
    assert reply.status_code == 200
    assert {**record, "id": "", "created": "", "updated": "", "collectionId": ""} == {
        "collectionId": "", "collectionName": "things", "created": "", "id": "", "n": 2.5,
        "state": "", "title": "first", "updated": "",
    }  # fmt: skip
    assert len(record["id"]) == 15
    assert record["created"] == record["updated"]
    for _ in range(10):
        with fresh_client(guest.base_url) as fresh:
            assert fresh.get(_path("things", record["id"])).json() == record


def test_clients_do_not_write_what_is_not_theirs(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Autodates are ours; hidden fields are dropped in silence, unless a superuser writes."""
    body = {"title": "mine", "created": "2000-01-01 00:00:00.000Z", "secret": "x"}
    record = guest.post(_path("things"), json=body).json()
    assert not record["created"].startswith("2000")
    assert superuser.get(_path("things", record["id"])).json()["secret"] == ""
    guest.patch(_path("things", record["id"]), json={"secret": "y", "updated": ""})
    assert superuser.get(_path("things", record["id"])).json()["secret"] == ""
    changed = superuser.patch(_path("things", record["id"]), json={"secret": "z"}).json()
    assert changed["secret"] == "z"
    assert changed["updated"] > record["updated"]
    assert changed["created"] == record["created"]


def test_an_id_may_be_chosen_once(guest: httpx.Client) -> None:
    """15 characters; taken ones are told at the field, and an id never changes."""
    own = "abcdefghij12345"
    assert guest.post(_path("things"), json={"id": own, "title": "own"}).json()["id"] == own
    again = guest.post(_path("things"), json={"id": own, "title": "own again"})
    assert again.json()["data"]["id"]["code"] == "validation_not_unique"
    short = guest.post(_path("things"), json={"id": "short", "title": "short"})
    assert "id" in short.json()["data"]
    moved = guest.patch(_path("things", own), json={"id": "b" * 15})
    assert moved.json()["data"]["id"]["code"] == "validation_pk_change"
    assert guest.patch(_path("things", own), json={"id": own, "n": 3}).json()["n"] == 3


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {"title": "validation_required"}),
        ({"title": ""}, {"title": "validation_required"}),
        ({"title": "x" * 21}, {"title": "validation_max_text_constraint"}),
        ({"title": "x" * 21, "id": "?"}, {"title": None, "id": None}),
    ],
)
def test_all_wrong_fields_are_told_at_once(
    guest: httpx.Client, body: dict[str, Any], codes: dict[str, str | None]
) -> None:
    """400, with a code for each field."""
    reply = guest.post(_path("things"), json=body)

    data = reply.json()["data"]
    assert reply.status_code == 400
    assert set(data) == set(codes)
    assert all(data[name]["code"] == code for name, code in codes.items() if code)


def test_a_broken_index_names_its_field(guest: httpx.Client) -> None:
    """Creating and updating."""
    assert guest.post(_path("things"), json={"title": "one"}).status_code == 200
    other = guest.post(_path("things"), json={"title": "two"}).json()
    for reply in (
        guest.post(_path("things"), json={"title": "one"}),
        guest.patch(_path("things", other["id"]), json={"title": "one"}),
    ):
        assert reply.status_code == 400
        assert reply.json()["data"]["title"]["code"] == "validation_not_unique"


def test_the_status_matrix(guest: httpx.Client, superuser: httpx.Client) -> None:
    """Null rule 403; unmet create 400; unmet or missing update and delete 404."""
    locked = superuser.post(_path("locked"), json={"title": "x"}).json()["id"]
    ruled = guest.post(_path("ruled"), json={"title": "x", "n": 2}).json()["id"]
    taken = superuser.post(_path("ruled"), json={"title": "x", "state": "taken"}).json()["id"]
    missing = "z" * 15
    cases = [
        (guest.post(_path("locked"), json={"title": "x"}), 403),
        (guest.patch(_path("locked", locked), json={}), 403),
        (guest.delete(_path("locked", missing)), 403),
        (guest.post(_path("ruled"), json={"title": "x", "n": 10}), 400),
        (guest.patch(_path("ruled", taken), json={"n": 1}), 404),
        (guest.patch(_path("ruled", missing), json={"n": 1}), 404),
        (guest.delete(_path("ruled", ruled)), 404),
        (guest.delete(_path("ruled", missing)), 404),
        (guest.post(_path("nobody"), json={}), 404),
        (guest.patch(_path("things", missing), json={"title": "x"}), 404),
        (guest.delete(_path("things", missing)), 404),
    ]
    for reply, status in cases:
        assert (reply.status_code, reply.json()["data"]) == (status, {}), reply.request.url
    assert guest.patch(_path("ruled", ruled), json={"n": 1}).status_code == 200
    gone = guest.delete(_path("ruled", ruled))
    assert (gone.status_code, gone.content) == (204, b"")
    assert superuser.delete(_path("ruled", taken)).status_code == 204


def test_an_update_of_nothing_changes_nothing(guest: httpx.Client) -> None:
    """An empty body, or only unknown keys, answers the record as it is."""
    record = guest.post(_path("things"), json={"title": "still"}).json()
    for body in ({}, {"nope": 1}):
        reply = guest.patch(_path("things", record["id"]), json=body)
        assert (reply.status_code, reply.json()) == (200, record)


def test_one_of_many_takes_what_is_free(guest: httpx.Client) -> None:
    """A rule holds in the transaction: of parallel updates exactly one meets it."""
    record = guest.post(_path("ruled"), json={"title": "seat"}).json()

    def take(number: int) -> int:
        with fresh_client(guest.base_url) as own:
            body = {"state": f"taken by {number}"}
            return own.patch(_path("ruled", record["id"]), json=body).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = sorted(threads.map(take, range(48)))
    assert statuses == [200] + [404] * 47


def test_fields_choose_what_a_write_shows(guest: httpx.Client) -> None:
    """As for reads."""
    reply = guest.post(_path("things"), params={"fields": "title"}, json={"title": "shown"})
    assert reply.json() == {"title": "shown"}


def test_relations_must_exist_and_are_settled(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """A wrong id is told at its field; deleting unsets, cascades, or is refused."""
    parent = cluster.collection("parents", [{"name": "name", "type": "text"}])
    relation = {"type": "relation", "collectionId": parent["id"], "maxSelect": 1}
    cluster.collection("loose", [{"name": "up", **relation}])
    cluster.collection("bound", [{"name": "up", **relation, "cascadeDelete": True}])
    cluster.collection("firm", [{"name": "up", **relation, "required": True}])

    wrong = guest.post(_path("loose"), json={"up": "z" * 15})
    assert wrong.json()["data"]["up"]["code"] == "validation_missing_rel_records"
    ids = [guest.post(_path("parents"), json={}).json()["id"] for _ in range(2)]
    loose = guest.post(_path("loose"), json={"up": ids[0]}).json()["id"]
    bound = guest.post(_path("bound"), json={"up": ids[0]}).json()["id"]
    guest.post(_path("firm"), json={"up": ids[1]})

    assert guest.delete(_path("parents", ids[0])).status_code == 204
    assert guest.get(_path("loose", loose)).json()["up"] == ""
    assert guest.get(_path("bound", bound)).status_code == 404
    assert guest.delete(_path("parents", ids[1])).status_code == 400
    assert guest.get(_path("parents", ids[1])).status_code == 200


# --- Idempotency-Key --------------------------------------------------------------------------


def test_a_repeated_create_is_answered_and_not_applied(guest: httpx.Client) -> None:
    """The same bytes as the first time, and a header that says so."""
    headers, body = {"Idempotency-Key": "create-1-0123456789"}, {"title": "only once"}
    first = guest.post(_path("things"), json=body, headers=headers)
    again = guest.post(_path("things"), json=body, headers=headers)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == first.content
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"


def test_updates_and_deletes_are_repeated_too(guest: httpx.Client) -> None:
    """Also when the record has changed, or gone, since."""
    record = guest.post(_path("things"), json={"title": "key"}).json()
    path = _path("things", record["id"])
    first = guest.patch(path, json={"n": 1}, headers={"Idempotency-Key": "u1-0123456789abcd"})
    guest.patch(path, json={"n": 2})
    again = guest.patch(path, json={"n": 1}, headers={"Idempotency-Key": "u1-0123456789abcd"})
    assert again.json() == first.json()
    assert guest.get(path).json()["n"] == 2
    for expected in (None, "true"):
        gone = guest.delete(path, headers={"Idempotency-Key": "d1-0123456789abcd"})
        assert (gone.status_code, gone.content) == (204, b"")
        assert gone.headers.get("idempotent-replay") == expected


def test_a_key_belongs_to_one_request_of_one_caller(
    guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Another body under it is refused; another caller has keys of his own."""
    headers = {"Idempotency-Key": "mine-0123456789abcd"}
    guest.post(_path("things"), json={"title": "k1"}, headers=headers)
    other = guest.post(_path("things"), json={"title": "k2"}, headers=headers)
    assert other.status_code == 400
    code = other.json()["data"]["idempotencyKey"]["code"]
    assert code == "validation_idempotency_key_reused"
    reply = superuser.post(_path("things"), json={"title": "k2"}, headers=headers)
    assert (reply.status_code, reply.json()["title"]) == (200, "k2")


def test_a_refused_write_keeps_no_answer(guest: httpx.Client) -> None:
    """After the reason is gone, the same request is applied."""
    taken = guest.post(_path("things"), json={"title": "wanted"}).json()
    headers, body = {"Idempotency-Key": "wanted-0123456789abcd"}, {"title": "wanted"}
    assert guest.post(_path("things"), json=body, headers=headers).status_code == 400
    guest.delete(_path("things", taken["id"]))
    reply = guest.post(_path("things"), json=body, headers=headers)
    assert (reply.status_code, "idempotent-replay" in reply.headers) == (200, False)


def test_parallel_repeats_are_applied_once(guest: httpx.Client) -> None:
    """Over all workers, also while the first is on its way."""

    def create(_: int) -> str:
        with fresh_client(guest.base_url) as own:
            reply = own.post(
                _path("loners"), json={"title": "same"}, headers={"Idempotency-Key": PARALLEL}
            )
            assert reply.status_code == 200, reply.text
            return str(reply.json()["id"])

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(create, range(40)))) == 1
    assert guest.get(_path("loners")).json()["totalItems"] == 1


@pytest.fixture(scope="module", autouse=True)
def _loners(cluster: ClusterProcess) -> None:
    cluster.collection("loners", FIELDS)


def test_a_guests_key_is_long(guest: httpx.Client, superuser: httpx.Client) -> None:
    """All guests are one caller, so a short key of one would be another one's, too."""
    body, headers = {"title": "short"}, {"Idempotency-Key": "x" * 15}
    refused = guest.post(_path("loners"), json=body, headers=headers)
    code = refused.json()["data"]["idempotencyKey"]["code"]
    assert (refused.status_code, code) == (400, "validation_idempotency_key_too_short")
    assert superuser.post(_path("loners"), json=body, headers=headers).status_code == 200


def test_a_large_answer_is_not_kept_but_shown_again(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """A small change to a large record costs a small row; the repeat is a view of the record."""
    text = {"name": "text", "type": "text", "max": 100_000}
    cluster.collection("large", [text, {"name": "n", "type": "number"}], viewRule="n < 9")
    record = guest.post(_path("large"), json={"text": "ü" * 50_000}).json()
    path, headers = _path("large", record["id"]), {"Idempotency-Key": "large-0123456789"}

    def again() -> httpx.Response:
        return guest.patch(path, json={"n": 1}, headers=headers)

    first = again()
    assert (first.status_code, first.json()["n"]) == (200, 1)
    with closing(apsw.Connection(str(cluster.depot / "data/main.db"), 1)) as database:
        rows = "SELECT response FROM _idempotency WHERE key = '|large-0123456789'"
        assert database.execute(rows).get == f"@{record['collectionId']}/{record['id']}"
    assert again().content == first.content
    guest.patch(path, json={"n": 2})
    assert again().json()["n"] == 2
    guest.patch(path, json={"n": 9})
    hidden = again()
    assert (hidden.status_code, hidden.headers["idempotent-replay"]) == (204, "true")
    guest.delete(path)
    assert again().status_code == 204


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "ä"])
def test_a_key_is_short_and_plain(guest: httpx.Client, key: str) -> None:
    """Anything else is refused rather than ignored."""
    reply = guest.post(
        _path("things"), json={"title": "k"}, headers=[(b"Idempotency-Key", key.encode())]
    )
    assert reply.status_code == 400
    assert "idempotencyKey" in reply.json()["data"]


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [("application/json; charset=utf-8", b'{"title": "typed"}', 200),
     ("", b'{"title": "typed"}', 200),
     ("application/x-www-form-urlencoded", b"title=typed&n=2", 200),
     ("multipart/form-data; boundary=x", b'{"title": "typed"}', 400),
     ("text/plain", b'{"title": "typed"}', 400)],
)  # fmt: skip
def test_bodies_are_json_or_forms(
    guest: httpx.Client, kind: str, content: bytes, status: int
) -> None:
    """Anything else is refused clearly."""
    reply = guest.post(_path("loners"), content=content, headers={"Content-Type": kind})
    assert reply.status_code == status, reply.text
