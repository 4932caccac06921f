"""A second factor, as far as the password reaches: asked for, never given away, and forgotten.

Two different ways one after the other are tested in `test_entry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.dates import now_text
from shared.ids import record_id
from shared.limits import MFA_BEGUN_MAX
from shared.sql.plan import run
from tests.cluster_process import ClusterProcess
from tests.submitting import submit

PATH = "/api/collections/factors"
MFAS = "/api/collections/_mfas/records"
SECRET = {"password": "long enough", "passwordConfirm": "long enough"}
RULE = "name != 'plain'"
MFA = {"enabled": True, "duration": 600, "rule": RULE}
WRONG = {"data": {}, "message": "Failed to authenticate.", "status": 400}
LONG_AGO = "2020-01-01 00:00:00.000Z"


@pytest.fixture(scope="module", autouse=True)
def factors(superuser: httpx.Client) -> None:
    """An auth collection that asks everybody but those called plain for a second factor."""
    body = {
        "name": "factors",
        "type": "auth",
        "fields": [{"name": "name", "type": "text"}],
        "createRule": "",
        "mfa": MFA,
        "otp": {"enabled": True},
    }
    reply = superuser.post("/api/collections", json=body)
    assert reply.status_code == 200, reply.text


@pytest.fixture
def ann(guest: httpx.Client, superuser: httpx.Client) -> Iterator[dict[str, Any]]:
    """Somebody new, gone after the test."""
    made = _sign_up(guest, f"{record_id()}@example.com")
    yield made
    superuser.delete(f"{PATH}/records/{made['id']}")


def _sign_up(guest: httpx.Client, email: str, name: str = "") -> dict[str, Any]:
    reply = guest.post(f"{PATH}/records", json={"email": email, "name": name, **SECRET})
    assert reply.status_code == 200, reply.text
    return {**reply.json(), "email": email}


def _log_in(
    guest: httpx.Client, who: dict[str, Any], query: str = "", **more: Any
) -> httpx.Response:
    body = {"identity": who["email"], "password": SECRET["password"], **more}
    return guest.post(f"{PATH}/auth-with-password{query}", json=body)


def _begin(guest: httpx.Client, who: dict[str, Any]) -> str:
    reply = _log_in(guest, who)
    assert reply.status_code == 401, reply.text
    body = reply.json()
    assert set(body) == {"mfaId"}
    return str(body["mfaId"])


def _rows(superuser: httpx.Client, who: dict[str, Any]) -> list[dict[str, Any]]:
    reply = superuser.get(MFAS, params={"filter": f"recordRef = '{who['id']}'"})
    rows: list[dict[str, Any]] = reply.json()["items"]
    return rows


def test_the_first_factor_gives_an_id_and_no_token(
    superuser: httpx.Client, guest: httpx.Client, ann: dict[str, Any]
) -> None:
    """The body is the id and nothing else; what is remembered says whose it is and how."""
    reply = _log_in(guest, ann)
    row = _rows(superuser, ann)[0]
    assert (reply.status_code, reply.json()) == (401, {"mfaId": row["id"]})
    assert reply.headers["cache-control"] == "no-store"
    assert row["collectionRef"] == superuser.get(PATH).json()["id"]
    assert row["method"] == "password"
    assert guest.get(f"{PATH}/auth-methods").json()["mfa"] == {"enabled": True, "duration": 600}


def test_where_the_rule_does_not_hold_one_factor_is_enough(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """Nothing is remembered then, and an id that is sent says nothing."""
    plain = _sign_up(guest, "plain@example.com", "plain")
    for more in ({}, {"mfaId": "unknown"}):
        reply = _log_in(guest, plain, **more)
        assert (reply.status_code, set(reply.json())) == (200, {"record", "token"})
    assert _rows(superuser, plain) == []


def test_the_same_way_twice_is_no_second_factor(
    superuser: httpx.Client, guest: httpx.Client, ann: dict[str, Any]
) -> None:
    """Whether the id comes in the body or in the query. It stays good for another way."""
    begun = _begin(guest, ann)
    for reply in (_log_in(guest, ann, mfaId=begun), _log_in(guest, ann, f"?mfaId={begun}")):
        assert reply.status_code == 400
        assert reply.json()["data"] == {}
        assert "another way" in reply.json()["message"]
    assert [row["id"] for row in _rows(superuser, ann)] == [begun]


def test_an_id_is_good_for_its_record_and_its_time(
    cluster: ClusterProcess, guest: httpx.Client, ann: dict[str, Any]
) -> None:
    """What is unknown, another's or too old is refused alike, even for another way."""
    other = _sign_up(guest, f"{record_id()}@example.com")
    strange, old = _begin(guest, other), _begin(guest, ann)
    change = 'UPDATE "_mfas" SET "method" = \'otp\', "created" = ? WHERE "id" = ?'
    submit(cluster.depot, run(change, (now_text(), strange)), run(change, (LONG_AGO, old)))
    told = set()
    for mfa_id in (strange, old, "unknown", {"an": "object"}, 5, "x" * 10_000):
        reply = _log_in(guest, ann, mfaId=mfa_id)
        assert reply.status_code == 400
        told.add(reply.text)
    assert len(told) == 1
    assert "unknown or too old" in told.pop()


def test_another_way_that_came_first_lets_in_once(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client, ann: dict[str, Any]
) -> None:
    """The password as the second way; then its id is used up."""
    begun = _begin(guest, ann)
    submit(cluster.depot, run('UPDATE "_mfas" SET "method" = \'otp\' WHERE "id" = ?', (begun,)))
    reply = _log_in(guest, ann, mfaId=begun)
    assert reply.status_code == 200
    assert reply.json()["record"]["id"] == ann["id"]
    refreshed = guest.post(f"{PATH}/auth-refresh", headers={"Authorization": reply.json()["token"]})
    assert refreshed.status_code == 200
    assert _rows(superuser, ann) == []
    assert _log_in(guest, ann, mfaId=begun).status_code == 400


def test_a_wrong_password_says_what_it_always_says(
    guest: httpx.Client, superuser: httpx.Client, ann: dict[str, Any]
) -> None:
    """Whatever stands beside it; nothing is remembered."""
    begun = _begin(guest, ann)
    for more in ({}, {"mfaId": begun}, {"mfaId": "unknown"}):
        reply = _log_in(guest, ann, password="another", **more)
        assert (reply.status_code, reply.json()) == (400, WRONG)
        ghost = {"email": "ghost@example.com"}
        assert _log_in(guest, ghost, **more).json() == WRONG
    assert [row["id"] for row in _rows(superuser, ann)] == [begun]


def test_what_is_remembered_is_bounded(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client, ann: dict[str, Any]
) -> None:
    """The newest of a record, and nothing that is older than a day of anybody's."""
    other = _sign_up(guest, f"{record_id()}@example.com")
    _begin(guest, other)
    aged = 'UPDATE "_mfas" SET "created" = ? WHERE "recordRef" = ?'
    submit(cluster.depot, run(aged, (LONG_AGO, other["id"])))
    begun = [_begin(guest, ann) for _ in range(MFA_BEGUN_MAX + 2)]
    assert {row["id"] for row in _rows(superuser, ann)} == set(begun[-MFA_BEGUN_MAX:])
    assert _rows(superuser, other) == []


@pytest.mark.parametrize("change", ["password", "email", "delete", "collection"])
def test_a_changed_or_deleted_record_ends_what_it_has_begun(
    superuser: httpx.Client, guest: httpx.Client, ann: dict[str, Any], change: str
) -> None:
    """A factor that was passed with the former password counts no more; an id may be used again."""
    _begin(guest, ann)
    record = f"{PATH}/records/{ann['id']}"
    if change == "delete":
        assert superuser.delete(record).status_code == 204
    elif change == "password":
        assert superuser.patch(record, json=SECRET).status_code == 200
    elif change == "email":
        assert superuser.patch(record, json={"email": "new@example.com"}).status_code == 200
    else:
        assert superuser.delete(f"{PATH}/truncate").status_code == 204
    assert _rows(superuser, ann) == []


def test_a_rule_that_cannot_be_judged_asks_for_a_second_factor(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """Nobody gets in by a fault of the schema, also not with a duration that makes no sense."""
    own = superuser.get(PATH).json()["id"]
    put = "UPDATE _collections SET options = json_set(options, ?, ?) WHERE id = ?"
    broken = _sign_up(guest, "broken@example.com", "plain")
    submit(cluster.depot, run(put, ("$.mfa.rule", "nothing ~", own)), changes_catalog=True)
    try:
        begun = _begin(guest, broken)
        submit(
            cluster.depot,
            run(put, ("$.mfa.duration", "long", own)),
            run('UPDATE "_mfas" SET "method" = \'otp\' WHERE "id" = ?', (begun,)),
            changes_catalog=True,
        )
        assert _log_in(guest, broken, mfaId=begun).status_code == 400
    finally:
        submit(
            cluster.depot,
            run(put, ("$.mfa.rule", RULE, own)),
            run(put, ("$.mfa.duration", 600, own)),
            changes_catalog=True,
        )
