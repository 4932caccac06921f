"""Login, refresh and superusers over HTTP: who is believed, and how long.

Also `worker.auth.identity`, `worker.auth.superusers` and `worker.wire.pocketbase.auth`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from shared.dates import now_text
from shared.errors import QuillError
from shared.limits import LOCKOUT_FAILURES
from shared.schema.catalog import Catalog
from shared.schema.system import bootstrap, superusers
from shared.status_page import StatusPage
from tests.cluster_process import EMAIL, PASSWORD, ClusterProcess, upsert_superuser
from tests.worker.fresh import fresh_client
from worker.auth import login
from worker.auth.entry import look
from worker.auth.session import Session
from worker.auth.superusers import first_plan
from worker.engine.snapshot import Snapshot, quick_snapshot
from worker.records.caller import Origin

AUTH = "/api/collections/_superusers"
RECORDS = f"{AUTH}/records"
SECRET = {"password": "long enough", "passwordConfirm": "long enough"}


def _login(client: httpx.Client, identity: str, password: str = "long enough") -> httpx.Response:
    body = {"identity": identity, "password": password}
    return client.post(f"{AUTH}/auth-with-password", json=body)


def _new(superuser: httpx.Client, email: str) -> dict[str, Any]:
    reply = superuser.post(RECORDS, json={"email": email, **SECRET})
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()
    return made


def _is_superuser(client: httpx.Client, token: str) -> bool:
    reply = client.get("/api/collections", headers={"Authorization": token})
    assert reply.status_code in (200, 401)
    return reply.status_code == 200


def test_a_right_password_gives_a_record_and_a_token(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """No secret is in the record; the token opens what is a superuser's."""
    made = _new(superuser, "right@example.com")
    reply = _login(guest, "right@example.com")

    body = reply.json()
    assert (reply.status_code, set(body)) == (200, {"record", "token"})
    assert body["record"] == made
    assert not {"password", "tokenKey"} & set(made)
    assert _is_superuser(guest, body["token"])
    assert _is_superuser(guest, f"Bearer {body['token']}")


def test_fields_choose_what_a_login_shows(superuser: httpx.Client, guest: httpx.Client) -> None:
    """A projection of the whole answer."""
    _new(superuser, "fields@example.com")
    body = {"identity": "fields@example.com", "password": "long enough"}
    reply = guest.post(f"{AUTH}/auth-with-password?fields=record.email", json=body)
    assert reply.json() == {"record": {"email": "fields@example.com"}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"identity": EMAIL, "password": "wrong"}, set()),
        ({"identity": "nobody@example.com", "password": PASSWORD}, set()),
        ({"identity": EMAIL}, {"password"}),
        ({}, {"identity", "password"}),
        ({"identity": ["x"], "password": {}}, {"identity", "password"}),
        ({"identity": "x" * 300, "password": "x"}, {"identity"}),
        ({"identity": EMAIL, "password": "x", "identityField": "tokenKey"}, {"identityField"}),
    ],
)
def test_a_wrong_login_is_a_400(
    superuser: httpx.Client, guest: httpx.Client, body: dict[str, Any], fields: set[str]
) -> None:
    """The same for an unknown user and a wrong password."""
    reply = guest.post(f"{AUTH}/auth-with-password", json=body)
    assert (reply.status_code, set(reply.json()["data"])) == (400, fields)
    if not fields:
        assert reply.json()["message"] == "Failed to authenticate."


def test_only_auth_collections_have_logins(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """404 for other collections, and for none."""
    cluster.collection("plain", [])
    for name in ("plain", "nobody"):
        for path in ("auth-with-password", "auth-refresh"):
            body = {"identity": "x", "password": "x"}
            assert guest.post(f"/api/collections/{name}/{path}", json=body).status_code == 404
        assert guest.get(f"/api/collections/{name}/auth-methods").status_code == 404


def test_methods_are_told(guest: httpx.Client) -> None:
    """As the SDKs ask for them."""
    reply = guest.get(f"{AUTH}/auth-methods", params={"fields": "mfa,otp,password,oauth2"})
    assert reply.json() == {
        "mfa": {"enabled": False, "duration": 0},
        "otp": {"enabled": False, "duration": 0},
        "password": {"enabled": True, "identityFields": ["email"]},
        "oauth2": {"enabled": False, "providers": []},
    }


def test_a_session_is_renewed(superuser: httpx.Client, guest: httpx.Client) -> None:
    """A guest cannot; a forged or broken token is a guest's."""
    reply = superuser.post(f"{AUTH}/auth-refresh")
    assert reply.status_code == 200
    assert reply.json()["record"]["email"] == EMAIL
    token = reply.json()["token"]
    assert _is_superuser(guest, token)
    head, payload, signature = token.split(".")
    for forged in (f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{payload}.", "x", "Bearer"):
        assert not _is_superuser(guest, forged)
        answer = guest.post(f"{AUTH}/auth-refresh", headers={"Authorization": forged})
        assert answer.status_code == 401


@pytest.mark.parametrize("change", ["password", "email", "delete", "cli"])
def test_a_changed_or_deleted_superuser_is_nobody_at_once(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client, change: str
) -> None:
    """On every worker, for reads and writes."""
    email = f"{change}@example.com"
    made = _new(superuser, email)
    token = _login(guest, email).json()["token"]
    assert _is_superuser(guest, token)
    path = f"{RECORDS}/{made['id']}"
    if change == "delete":
        assert superuser.delete(path).status_code == 204
    elif change == "password":
        assert superuser.patch(path, json=SECRET).status_code == 200
    elif change == "email":
        assert superuser.patch(path, json={"email": "new@example.com"}).status_code == 200
    else:
        upsert_superuser(cluster.depot, email, "another one")
    for _ in range(8):
        with fresh_client(cluster.url) as fresh:
            assert not _is_superuser(fresh, token)
            headers = {"Authorization": token}
            assert fresh.post(RECORDS, json={}, headers=headers).status_code == 403


def test_an_update_that_leaves_the_email_keeps_the_session(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """Also one that sends the same address again."""
    made = _new(superuser, "stays@example.com")
    token = _login(guest, "stays@example.com").json()["token"]
    body = {"email": "stays@example.com", "verified": True, "password": ""}
    reply = superuser.patch(f"{RECORDS}/{made['id']}", json=body)
    assert reply.json()["verified"] is True
    assert _is_superuser(guest, token)


def test_an_address_is_used_once(superuser: httpx.Client) -> None:
    """Told at the field."""
    _new(superuser, "once@example.com")
    reply = superuser.post(RECORDS, json={"email": "once@example.com", **SECRET})
    assert reply.json()["data"]["email"]["code"] == "validation_not_unique"


def test_superusers_are_superusers_business(guest: httpx.Client) -> None:
    """Guests see and change nothing of them."""
    assert guest.get(RECORDS).status_code == 403
    assert guest.post(RECORDS, json={"email": "x@example.com", **SECRET}).status_code == 403


def test_the_last_superuser_cannot_be_deleted(own_cluster: ClusterProcess) -> None:
    """Also when two delete each other at the same moment."""
    with own_cluster.client() as first:
        other = _new(first, "other@example.com")
        token = _login(first, "other@example.com").json()["token"]
        own = first.post(f"{AUTH}/auth-refresh").json()["record"]

        def delete(by: str, whom: str) -> int:
            with fresh_client(own_cluster.url) as client:
                headers = {"Authorization": by}
                return client.delete(f"{RECORDS}/{whom}", headers=headers).status_code

        with ThreadPoolExecutor(2) as threads:
            one = threads.submit(delete, own_cluster.superuser_token(), other["id"])
            two = threads.submit(delete, token, own["id"])
            statuses = sorted((one.result(), two.result()))
        assert statuses[0] == 204
        assert statuses[1] in (400, 403)
        left = token if one.result() != 204 else own_cluster.superuser_token()
        everybody = first.get(RECORDS, headers={"Authorization": left}).json()["items"]
        assert len(everybody) == 1
        assert delete(left, everybody[0]["id"]) == 400


def test_guesses_are_bounded_over_all_workers(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """In parallel and for known and unknown identities; the right password does not help then."""
    _new(superuser, "victim@example.com")

    def guess(number: int, identity: str) -> int:
        with fresh_client(cluster.url) as client:
            return _login(client, identity, f"guess {number}").status_code

    for identity in ("victim@example.com", "ghost@example.com"):
        with ThreadPoolExecutor(8) as threads:
            statuses = list(threads.map(guess, range(30), [identity] * 30))
        assert statuses.count(400) == LOCKOUT_FAILURES
        assert statuses.count(429) == 30 - LOCKOUT_FAILURES
    locked = _login(guest, "VICTIM@example.com")
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 0
    assert _login(guest, EMAIL, PASSWORD).status_code == 200


def test_a_right_password_clears_the_count(superuser: httpx.Client, guest: httpx.Client) -> None:
    """Slips do not add up over days, nor do many logins at once."""
    _new(superuser, "clumsy@example.com")
    for _ in range(2):
        for _ in range(LOCKOUT_FAILURES - 1):
            assert _login(guest, "clumsy@example.com", "slip").status_code == 400
        assert _login(guest, "clumsy@example.com").status_code == 200

    def login(_: int) -> int:
        with fresh_client(guest.base_url) as client:
            return _login(client, "clumsy@example.com").status_code

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(login, range(40))) == {200}


def test_no_session_is_made_before_the_password_is_verified(tmp_path: Path) -> None:
    """What a known identity costs until then tells nothing; and the verified hash must still be."""
    path, catalog = tmp_path / "main.db", Catalog(1, [superusers(now_text())])
    insert = first_plan(catalog, EMAIL, "hash", now_text()).steps[1]
    with closing(apsw.Connection(str(path))) as writing:
        for sql, params in (*bootstrap(now_text()), (insert.sql, insert.params)):
            writing.execute(sql, params)
    snapshot = quick_snapshot(path, StatusPage.create(tmp_path / "page").database())

    attempt = login.Attempt(EMAIL, "any", "")
    found = login._find(snapshot, catalog, "_superusers", attempt)
    assert (set(found._fields), found.password) == ({"record_id", "password"}, "hash")

    def entered(password: str) -> object:
        proof = login._proof(found._replace(password=password), attempt)
        return look(snapshot, catalog, "_superusers", proof, Origin())

    assert isinstance(entered("hash"), Session)
    with pytest.raises(QuillError):
        entered("older hash")
    snapshot.close()


def test_an_unknown_identity_takes_as_long_as_some_record(tmp_path: Path) -> None:
    """Its password is compared with a record's own hash, always the same one, and never matches."""
    path, catalog = tmp_path / "main.db", Catalog(1, [superusers(now_text())])
    with closing(apsw.Connection(str(path))) as writing:
        for sql, params in bootstrap(now_text()):
            writing.execute(sql, params)
        snapshot = quick_snapshot(path, StatusPage.create(tmp_path / "page").database())
        unknown = [login.Attempt(f"nobody{number}", "any", "") for number in range(20)]
        assert {_stand_in(snapshot, catalog, one) for one in unknown} == {""}
        for number, known in enumerate(("bcrypt", "bcrypt", "argon2")):
            insert = first_plan(catalog, f"{number}@example.com", known, now_text()).steps[1]
            writing.execute(insert.sql, insert.params)
    first = [_stand_in(snapshot, catalog, one) for one in unknown]
    assert set(first) == {"bcrypt", "argon2"}
    assert [_stand_in(snapshot, catalog, one) for one in unknown] == first
    snapshot.close()


def _stand_in(snapshot: Snapshot, catalog: Catalog, attempt: login.Attempt) -> str:
    found = login._find(snapshot, catalog, "_superusers", attempt)
    assert found.record_id == ""
    return found.password
