"""Records of record APIs written over HTTP: values, permissions, rules, conflicts, constraints.

Also tests `worker.apis.draft`, `worker.apis.write_form`, `worker.apis.submit`,
`worker.apis.outcome`, `worker.http.conditions`, `shared.sql.api.write`.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.limits import GEOMETRY_TEXT_POINTS_MAX, SQL_TEXT_BYTES_MAX
from tests.cluster_process import ClusterProcess
from tests.worker.apis.writing import (
    EXECUTE,
    RECORDS,
    add_user,
    logged_in,
    stored,
    user_command,
    write_depot,
)

LARGEST = 2**63 - 1
V7 = "0198f0c0-0000-7000-8000-0000000000"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One over the depot that was written by hand."""
    depot = tmp_path_factory.mktemp("writes") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="module")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """Nobody."""
    return cluster.client(superuser=False)


@pytest.fixture(scope="module")
def ann(cluster: ClusterProcess) -> httpx.Client:
    """A user who is a member of room 1."""
    add_user(cluster, "ann@example.com")
    client = logged_in(cluster, "ann@example.com")
    reply = client.post(f"{RECORDS}/member", json={"user": user_of(client), "room": 1})
    assert reply.status_code == 200, reply.text
    return client


def user_of(client: httpx.Client) -> str:
    """The id of who is logged in, as tokens say it."""
    claims = client.headers["Authorization"].split(".")[1]
    decoded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).decode()
    found: str = decoded.split('"sub":"')[1].split('"')[0]
    return found


def create(client: httpx.Client, api: str, value: Any) -> str:
    """The id of a new record."""
    reply = client.post(f"{RECORDS}/{api}", json=value)
    assert reply.status_code == 200, reply.text
    (made,) = reply.json()["ids"]
    assert isinstance(made, str)
    return made


def refused(reply: httpx.Response, status: int, text: str = "") -> None:
    """The answer is this status with this text, and nothing for all but 400."""
    assert (reply.status_code, reply.text) == (status, text)


@pytest.mark.parametrize("header", ["If-Match", "Idempotency-Key"])
def test_a_condition_that_would_not_be_kept_to_is_refused(guest: httpx.Client, header: str) -> None:
    """Of each kind of write, and nothing is written."""
    headers = {header: '"a key of a client"'}
    made = create(guest, "plain", {"id": f"kept {header}"})
    places = (
        ("POST", f"{RECORDS}/plain", {"id": f"new {header}"}),
        ("PATCH", f"{RECORDS}/plain/{made}", {"n": 8}),
        ("DELETE", f"{RECORDS}/plain/{made}", None),
        ("POST", EXECUTE, {"operations": [{"Delete": {"api_name": "plain", "record_id": made}}]}),
    )
    for method, path, body in places:
        reply = guest.request(method, path, json=body, headers=headers)
        assert (reply.status_code, header in reply.text) == (400, True)
    assert guest.get(f"{RECORDS}/plain/{made}").json()["n"] == 7
    assert guest.get(f"{RECORDS}/plain/new {header}").status_code == 404


# --- One record ---------------------------------------------------------------------------------


def test_a_record_from_its_create_to_its_delete(guest: httpx.Client) -> None:
    """What was written is read; a change is of the columns that are sent, and of no other."""
    made = create(guest, "thing", {"whole": 3, "text": "a", "unknown": {"x": 1}})
    where = f"{RECORDS}/thing/{made}"
    reply = guest.patch(where, json={"text": "b"})
    refused(reply, 200)
    record = guest.get(where).json()
    assert (record["id"], record["whole"], record["text"], record["doubled"]) == (
        int(made), 3, "b", 6,
    )  # fmt: skip
    refused(guest.delete(where), 200, "deleted")
    refused(guest.get(where), 404)


def test_an_empty_text_is_a_key_like_others(guest: httpx.Client) -> None:
    """It is told as the id that was sent."""
    assert create(guest, "tag", {"id": ""}) == ""


def test_every_type_comes_back_as_it_was_sent(guest: httpx.Client) -> None:
    """Of NULL, of 64 bits, of JSON and of a geometry, too."""
    sent = {
        "id": LARGEST - 1,
        "whole": -(2**62),
        "real": 1.25,
        "text": "ä\n",
        "blob": "AP8=",
        "any": 2**53 + 1,
        "json": {"a": "b"},
        "shape": {"type": "Point", "coordinates": [1.0, 2.0]},
        "room": 1,
        "later": None,
        "file": None,
    }
    made = create(guest, "thing", sent)
    assert made == str(LARGEST - 1)
    text = guest.get(f"{RECORDS}/thing/{made}").text
    assert f'"any":{2**53 + 1}' in text
    record = guest.get(f"{RECORDS}/thing/{made}").json()
    assert {name: record[name] for name in sent} == sent


def test_defaults_hold_for_what_is_not_sent(guest: httpx.Client) -> None:
    """An empty object is a record, too."""
    record = guest.get(f"{RECORDS}/thing/{create(guest, 'thing', {})}").json()
    assert (record["text"], record["whole"]) == ("default", None)


def test_what_may_not_be_written_is_left_alone(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """Excluded and generated columns are like unknown ones; a write-only one is written."""
    values = {"whole": 2, "hidden": "stolen", "doubled": 9, "_secret": "deep"}
    made = create(guest, "thing", values)
    assert guest.patch(f"{RECORDS}/thing/{made}", json={"hidden": "x"}).status_code == 200
    record = guest.get(f"{RECORDS}/thing/{made}").json()
    assert record["doubled"] == 4
    assert not {"hidden", "_secret"} & record.keys()
    assert stored(cluster.depot, "SELECT hidden, _secret FROM thing WHERE id = ?", made) == [
        ("kept", "deep")
    ]


def test_a_key_stays_what_it_is(guest: httpx.Client) -> None:
    """It may be sent with a change, as records are that were read."""
    made = create(guest, "thing", {})
    where = f"{RECORDS}/thing/{made}"
    refused(guest.patch(where, json={"id": int(made), "whole": 5}), 200)
    assert guest.get(where).json()["whole"] == 5
    refused(guest.patch(where, json={"id": 77}), 400, "The primary key cannot be changed")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"whole": "1"}, "Invalid value for whole: a whole number is expected"),
        ({"whole": 1.5}, "Invalid value for whole: a whole number is expected"),
        ({"whole": 2**63}, "Invalid value for whole: whole numbers have 64 bits"),
        ({"blob": "?"}, "Invalid value for blob: this is no URL-safe base64"),
        ({"shape": {"type": "Spot"}},
         "Invalid value for shape: this is no geometry that GeoJSON has, or one of too many parts"),
        ({"file": {"filename": "x"}}, "Invalid value for file: files cannot be stored"),
        ({"json": [1]}, "db constraint: check"),
        ({"whole": 13}, "db constraint: check"),
        ({"text": None}, "db constraint: not null"),
        ({"room": 99}, "db constraint: fk"),
        ({"later": 99}, "db constraint: fk"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(guest: httpx.Client, value: dict[str, Any], text: str) -> None:
    """Alike for a create, a change and one of many, and nothing of it is stored."""
    made = create(guest, "thing", {"whole": 1})
    before = guest.get(f"{RECORDS}/thing", params={"count": "true", "limit": 0}).json()
    refused(guest.post(f"{RECORDS}/thing", json=value), 400, text)
    refused(guest.post(f"{RECORDS}/thing", json=[{}, value]), 400, text)
    refused(guest.patch(f"{RECORDS}/thing/{made}", json=value), 400, text)
    after = guest.get(f"{RECORDS}/thing", params={"count": "true", "limit": 0}).json()
    assert before == after
    assert guest.get(f"{RECORDS}/thing/{made}").json()["whole"] == 1


def test_what_was_stored_can_be_shown(guest: httpx.Client) -> None:
    """A large blob is; a geometry that GeoJSON has no room for is not stored."""
    blob = b"\xff" * (2 * SQL_TEXT_BYTES_MAX)
    made = create(guest, "thing", {"blob": base64.urlsafe_b64encode(blob).decode(), "any": "x"})
    record = guest.get(f"{RECORDS}/thing/{made}").json()
    assert base64.urlsafe_b64decode(record["blob"]) == blob
    points = GEOMETRY_TEXT_POINTS_MAX + 1
    line = b"\x01" + struct.pack("<II", 2, points) + bytes(16 * points)
    for shape in (line, b"no geometry"):
        value = {"shape": base64.urlsafe_b64encode(shape).decode()}
        for reply in (
            guest.post(f"{RECORDS}/thing", json=value),
            guest.patch(f"{RECORDS}/thing/{made}", json=value),
        ):
            assert reply.status_code == 400
            assert reply.text.startswith("Invalid value for shape: ")
    assert guest.get(f"{RECORDS}/thing").status_code == 200


def test_constraints_of_keys_and_triggers(guest: httpx.Client) -> None:
    """A taken key, a taken name, a row that others need, a trigger's refusal and its silence."""
    create(guest, "plain", {"id": "taken"})
    refused(guest.post(f"{RECORDS}/plain", json={"id": "taken"}), 400, "db constraint: pk")
    refused(guest.patch(f"{RECORDS}/room/2", json={"name": "one"}), 400, "db constraint: unique")
    create(guest, "thing", {"room": 2})
    refused(guest.delete(f"{RECORDS}/room/2"), 400, "db constraint: fk")
    refused(guest.post(f"{RECORDS}/plain", json={"id": "bad"}), 400, "db constraint: trigger")
    refused(guest.post(f"{RECORDS}/plain", json={"id": "quiet"}), 400, "db constraint: trigger")


# --- Who may ------------------------------------------------------------------------------------


def test_bits_come_first(guest: httpx.Client) -> None:
    """No such API, a view, and an API that only shows; no record, and no id."""
    for method, path in (("POST", ""), ("PATCH", "/1"), ("DELETE", "/1")):
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"name": "x"}}
        refused(guest.request(method, f"{RECORDS}/nothing{path}", **body), 405)
        refused(guest.request(method, f"{RECORDS}/names{path}", **body), 405)
        refused(guest.request(method, f"{RECORDS}/shut{path}", **body), 403)
        if path:
            refused(guest.request(method, f"{RECORDS}/room/99", **body), 404)
            refused(guest.request(method, f"{RECORDS}/room/x", **body), 400, "Invalid id")


def test_the_rules_of_a_users_records(ann: httpx.Client, cluster: ClusterProcess) -> None:
    """The owner is filled in and judged; another user changes nothing, nor learns what there is."""
    made = create(ann, "message", {"room": 1, "data": "hello"})
    assert UUID(bytes=base64.urlsafe_b64decode(made)).version == 7
    where = f"{RECORDS}/message/{made}"
    add_user(cluster, "bob@example.com")
    bob = logged_in(cluster, "bob@example.com")
    refused(ann.post(f"{RECORDS}/message", json={"room": 2, "data": "not a member"}), 403)
    refused(bob.post(f"{RECORDS}/message", json={"room": 1, "data": "not a member"}), 403)
    forged = {"room": 1, "data": "forged", "_owner": user_of(ann)}
    refused(bob.post(f"{RECORDS}/message", json=forged), 403)
    refused(bob.patch(where, json={"data": "theirs"}), 403)
    refused(bob.delete(where), 403)
    refused(ann.patch(where, json={"_owner": user_of(bob)}), 403)
    refused(ann.patch(where, json={"data": "changed"}), 200)
    assert ann.get(where).json()["data"] == "changed"
    missing = f"{RECORDS}/message/{V7}00"
    refused(ann.patch(missing, json={"data": "x"}), 403)
    refused(ann.delete(missing), 403)
    refused(ann.delete(where), 200, "deleted")


def test_a_key_that_a_client_made(ann: httpx.Client) -> None:
    """Text or base64, the id is one."""
    made = create(ann, "message", {"id": f"{V7}11", "room": 1, "data": "x"})
    assert made == base64.urlsafe_b64encode(UUID(f"{V7}11").bytes).decode()
    assert ann.get(f"{RECORDS}/message/{V7}11").json()["id"] == made
    reply = ann.post(f"{RECORDS}/message", json={"id": made, "room": 1, "data": "y"})
    refused(reply, 400, "db constraint: pk")


def test_whom_a_worker_remembers_otherwise(cluster: ClusterProcess) -> None:
    """A user whose password has changed since is looked up again, and nobody notices."""
    add_user(cluster, "eve@example.com")
    eve = logged_in(cluster, "eve@example.com")
    create(eve, "member", {"user": user_of(eve), "room": 1})
    for _ in range(4):  # each of the two workers has met her
        create(eve, "message", {"room": 1, "data": "before"})
    user_command(cluster, "change-password", "eve@example.com", "another horse")
    create(eve, "message", {"room": 1, "data": "after"})


def test_like_tells_upper_from_lower_case(guest: httpx.Client) -> None:
    """For a create, a change and a delete, as for reads."""
    refused(guest.post(f"{RECORDS}/cased", json={"id": "Above"}), 403)
    create(guest, "cased", {"id": "above"})
    create(guest, "plain", {"id": "Above"})
    refused(guest.patch(f"{RECORDS}/cased/Above", json={"n": 1}), 403)
    refused(guest.patch(f"{RECORDS}/cased/above", json={"n": 1}), 200)


def test_a_rule_that_fails_denies(guest: httpx.Client) -> None:
    """And one that yields a number but 0 allows."""
    refused(guest.post(f"{RECORDS}/failing", json={"id": "no json"}), 403)
    create(guest, "failing", {"id": "1"})
    create(guest, "plain", {"id": "no json"})
    refused(guest.delete(f"{RECORDS}/failing/no%20json"), 403)
    refused(guest.delete(f"{RECORDS}/failing/1"), 200, "deleted")


def test_rules_know_what_was_sent(guest: httpx.Client) -> None:
    """A name that was sent with NULL was sent; a change without columns is judged, too."""
    refused(guest.post(f"{RECORDS}/sent", json={"id": "s"}), 403)
    create(guest, "sent", {"id": "s", "n": None})
    refused(guest.patch(f"{RECORDS}/sent/s", json={"n": 5}), 403)
    refused(guest.patch(f"{RECORDS}/sent/s", json={}), 200)
    refused(guest.patch(f"{RECORDS}/sent/nobody", json={}), 403)
    refused(guest.patch(f"{RECORDS}/plain/nobody", json={}), 404)


# --- Several, conflicts, databases --------------------------------------------------------------


def test_several_records_in_one_create(guest: httpx.Client, ann: httpx.Client) -> None:
    """All or none: keys that were sent and keys that were made, in their order."""
    values = [{"whole": 1}, {"id": 5000, "whole": 2}, {"whole": 3}]
    reply = guest.post(f"{RECORDS}/thing", json=values)
    ids = reply.json()["ids"]
    found = [guest.get(f"{RECORDS}/thing/{one}").json()["whole"] for one in ids]
    assert (ids[1], found) == ("5000", [1, 2, 3])
    messages = [{"room": 1, "data": "1"}, {"room": 1, "data": "2"}]
    made = ann.post(f"{RECORDS}/message", json=messages).json()["ids"]
    assert [ann.get(f"{RECORDS}/message/{one}").json()["data"] for one in made] == ["1", "2"]
    count = len(ann.get(f"{RECORDS}/message").json()["records"])
    refused(ann.post(f"{RECORDS}/message", json=[*messages, {"room": 2, "data": "3"}]), 403)
    assert len(ann.get(f"{RECORDS}/message").json()["records"]) == count


def test_how_many_may_be_created_at_once(guest: httpx.Client) -> None:
    """None is too few, 1,024 are allowed."""
    refused(guest.post(f"{RECORDS}/thing", json=[]), 400, "no values provided")
    many = [{"text": "many"}] * 1_025
    refused(guest.post(f"{RECORDS}/thing", json=many), 400, "Bulk creation exceeds limit: 1024")
    ids = guest.post(f"{RECORDS}/thing", json=many[1:]).json()["ids"]
    assert len(set(ids)) == 1_024


def test_a_record_that_stays(guest: httpx.Client) -> None:
    """IGNORE: the id is told and the record is as it was; what has no row in its way is made."""
    create(guest, "plain", {"id": "stays", "n": 1})
    assert create(guest, "ignoring", {"id": "stays", "n": 2}) == "stays"
    both = [{"id": "stays", "n": 3}, {"id": "comes", "n": 3}]
    assert guest.post(f"{RECORDS}/ignoring", json=both).json() == {"ids": ["stays", "comes"]}
    found = [guest.get(f"{RECORDS}/plain/{one}").json()["n"] for one in ("stays", "comes")]
    assert found == [1, 3]


def test_a_record_that_is_replaced(guest: httpx.Client) -> None:
    """REPLACE: all columns of the API, by their defaults too; those it does not have stay."""
    create(guest, "plain", {"id": "old", "n": 1, "kept": "theirs"})
    assert create(guest, "replacing", {"id": "old"}) == "old"
    assert guest.get(f"{RECORDS}/plain/old").json() == {"id": "old", "n": 7, "kept": "theirs"}
    create(guest, "replacing", {"id": "new", "n": 200})
    refused(guest.post(f"{RECORDS}/replacing", json={"id": "new", "n": 1}), 403)
    refused(guest.post(f"{RECORDS}/only_new", json={"id": "old", "n": 1}), 403)
    assert create(guest, "only_new", {"id": "newer"}) == "newer"
    assert [create(guest, "tag", {"id": "only a key"}) for _ in range(2)] == ["only a key"] * 2
    create(guest, "plain", {"id": "null", "n": None})
    refused(guest.post(f"{RECORDS}/replacing", json={"id": "null"}), 403)


def test_who_replaces_a_record_sends_all_of_it(guest: httpx.Client) -> None:
    """To the rule of changes: what was not sent is lost, so a rule that keeps it is against it."""
    create(guest, "plain", {"id": "whole", "n": 1, "kept": "theirs"})
    refused(guest.post(f"{RECORDS}/keeping", json={"id": "whole", "n": 2}), 403)
    assert guest.get(f"{RECORDS}/plain/whole").json()["kept"] == "theirs"
    refused(guest.patch(f"{RECORDS}/keeping/whole", json={"n": 2}), 200)
    assert create(guest, "keeping", {"id": "another", "n": 2}) == "another"


def test_a_key_that_was_not_sent_replaces_nothing(guest: httpx.Client) -> None:
    """Its default may be that of a record which the rule protects."""
    refused(guest.post(f"{RECORDS}/single", json={"n": 1}), 400, "db constraint: pk")
    refused(guest.post(f"{RECORDS}/single", json={"id": "only", "n": 1}), 403)
    assert guest.get(f"{RECORDS}/single/only").json()["n"] == 1_000


def test_a_database_beside_main(guest: httpx.Client, ann: httpx.Client) -> None:
    """Its rules read its own tables, which may be called like those of main."""
    made = create(guest, "note", {"text": "first", "of": 9})
    refused(guest.post(f"{RECORDS}/note", json={"text": "of main's room", "of": 1}), 403)
    refused(guest.post(f"{RECORDS}/note", json={"text": "first"}), 400, "db constraint: unique")
    refused(guest.patch(f"{RECORDS}/note/{made}", json={"text": "second"}), 200)
    refused(guest.patch(f"{RECORDS}/note/99", json={"text": "second"}), 404)
    assert guest.get(f"{RECORDS}/note/{made}").json()["text"] == "second"
    refused(guest.delete(f"{RECORDS}/note/{made}"), 200, "deleted")
    create(ann, "own_note", {"text": "by a user"})
    refused(guest.post(f"{RECORDS}/own_note", json={"text": "by a guest"}), 403)
