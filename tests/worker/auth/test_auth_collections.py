"""Users of an auth collection (`worker.auth.admission`, `worker.records.auth_records`).

Signing up, logging in, and who may change what of whom.
"""

from __future__ import annotations

from typing import Any

import bcrypt
import httpx
import pytest

from shared.sql.plan import run
from tests.cluster_process import ClusterProcess
from tests.submitting import submit

SECRET = {"password": "long enough", "passwordConfirm": "long enough"}
NAME = {"name": "name", "type": "text"}


def _collection(superuser: httpx.Client, name: str, **more: Any) -> str:
    """Path of a new auth collection that anybody may sign up to and everybody may read."""
    body = {
        "name": name,
        "type": "auth",
        "fields": [NAME],
        "listRule": "",
        "viewRule": "",
        "createRule": "",
        "updateRule": "id = @request.auth.id || name = 'open'",
        "deleteRule": "id = @request.auth.id",
        **more,
    }
    reply = superuser.post("/api/collections", json=body)
    assert reply.status_code == 200, reply.text
    return f"/api/collections/{name}"


def _sign_up(guest: httpx.Client, path: str, email: str, **more: Any) -> dict[str, Any]:
    reply = guest.post(f"{path}/records", json={"email": email, **SECRET, **more})
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()
    return made


def _log_in(
    guest: httpx.Client, path: str, identity: str, password: str = "long enough"
) -> httpx.Response:
    return guest.post(
        f"{path}/auth-with-password", json={"identity": identity, "password": password}
    )


def _as(token: str) -> dict[str, str]:
    return {"Authorization": token}


def test_a_user_signs_up_logs_in_and_refreshes(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The whole way; the session shows his own address, and no secret."""
    path = _collection(superuser, "people")
    made = _sign_up(guest, path, "ann@example.com", name="Ann")
    assert "email" not in made
    assert not {"password", "tokenKey"} & set(made)
    reply = _log_in(guest, path, "ann@example.com")
    assert reply.status_code == 200
    assert reply.json()["record"]["email"] == "ann@example.com"
    token = reply.json()["token"]
    renewed = guest.post(f"{path}/auth-refresh", headers=_as(token))
    assert renewed.status_code == 200
    assert renewed.json()["record"]["id"] == made["id"]
    other = _collection(superuser, "strangers")
    assert guest.post(f"{other}/auth-refresh", headers=_as(token)).status_code == 403
    assert guest.post(f"{path}/auth-refresh").status_code == 401


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"passwordConfirm": "other one"}, "passwordConfirm", "validation_values_mismatch"),
        ({"passwordConfirm": ""}, "passwordConfirm", "validation_required"),
        ({"password": "short", "passwordConfirm": "short"}, "password",
         "validation_min_text_constraint"),
        ({"email": "nonsense"}, "email", "validation_is_email"),
        ({"email": ""}, "email", "validation_required"),
        ({"verified": True}, "verified", "validation_values_mismatch"),
    ],
)  # fmt: skip
def test_what_a_new_user_may_not_send(
    superuser: httpx.Client, guest: httpx.Client, body: dict[str, Any], field: str, code: str
) -> None:
    """Told at the field."""
    path = "/api/collections/careful"
    if superuser.get(path).status_code == 404:
        _collection(superuser, "careful")
    sent = {"email": "new@example.com", **SECRET, **body}
    reply = guest.post(f"{path}/records", json=sent)
    assert reply.status_code == 400
    assert reply.json()["data"][field]["code"] == code


def test_an_address_is_seen_by_its_owner_unless_it_is_shown(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The key is absent for others, in lists, single records and filters alike."""
    path = _collection(superuser, "shy")
    hidden = _sign_up(guest, path, "hidden@example.com")
    _sign_up(guest, path, "shown@example.com", emailVisibility=True)
    token = _log_in(guest, path, "hidden@example.com").json()["token"]

    def seen(client: httpx.Client, headers: dict[str, str] | None = None) -> list[str]:
        items = client.get(f"{path}/records", headers=headers).json()["items"]
        return sorted(item["email"] for item in items if "email" in item)

    assert seen(guest) == ["shown@example.com"]
    assert seen(guest, _as(token)) == ["hidden@example.com", "shown@example.com"]
    assert seen(superuser) == ["hidden@example.com", "shown@example.com"]
    single = f"{path}/records/{hidden['id']}"
    assert "email" not in guest.get(single).json()
    assert guest.get(single, headers=_as(token)).json()["email"] == "hidden@example.com"
    asked = {"filter": "email ~ 'example.com'"}
    assert guest.get(f"{path}/records", params=asked).json()["totalItems"] == 1
    assert superuser.get(f"{path}/records", params=asked).json()["totalItems"] == 2


def test_a_new_password_needs_the_old_one(superuser: httpx.Client, guest: httpx.Client) -> None:
    """It ends all sessions; a superuser needs no old one."""
    path = _collection(superuser, "changers")
    made = _sign_up(guest, path, "c@example.com")
    record = f"{path}/records/{made['id']}"
    token = _log_in(guest, path, "c@example.com").json()["token"]
    new = {"password": "another one", "passwordConfirm": "another one"}
    for old, code in ((None, "validation_required"), ("wrong", "validation_invalid_old_password")):
        body = new if old is None else {**new, "oldPassword": old}
        reply = guest.patch(record, json=body, headers=_as(token))
        assert reply.status_code == 400
        assert reply.json()["data"]["oldPassword"]["code"] == code
    right = {**new, "oldPassword": "long enough"}
    assert guest.patch(record, json=right, headers=_as(token)).status_code == 200
    assert guest.post(f"{path}/auth-refresh", headers=_as(token)).status_code == 401
    assert _log_in(guest, path, "c@example.com").status_code == 400
    assert _log_in(guest, path, "c@example.com", "another one").status_code == 200
    assert superuser.patch(record, json=SECRET).status_code == 200
    assert _log_in(guest, path, "c@example.com").status_code == 200


def test_only_a_manager_changes_address_and_verification(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The owner does not; whoever the manageRule names does, without the old password."""
    path = _collection(
        superuser,
        "managed",
        manageRule="@request.auth.name = 'boss'",
        updateRule="@request.auth.id != ''",
    )
    made = _sign_up(guest, path, "w@example.com", name="worker")
    _sign_up(guest, path, "b@example.com", name="boss")
    record = f"{path}/records/{made['id']}"
    worker = _as(_log_in(guest, path, "w@example.com").json()["token"])
    boss = _as(_log_in(guest, path, "b@example.com").json()["token"])
    changes: list[dict[str, Any]] = [{"email": "other@example.com"}, {"verified": True}]
    for change in changes:
        reply = guest.patch(record, json=change, headers=worker)
        assert reply.status_code == 400
        code = reply.json()["data"][next(iter(change))]["code"]
        assert code == "validation_values_mismatch"
    for change in changes:
        assert guest.patch(record, json=change, headers=boss).status_code == 200
    shown = guest.get(record, headers=boss).json()
    assert (shown["email"], shown["verified"]) == ("other@example.com", True)
    assert "email" not in guest.get(record).json()
    assert guest.patch(record, json={"email": "other@example.com"}, headers=boss).status_code == 200
    body = {"password": "by the boss", "passwordConfirm": "by the boss"}
    assert guest.patch(record, json=body, headers=boss).status_code == 200
    assert _log_in(guest, path, "other@example.com", "by the boss").status_code == 200


def test_the_auth_rule_decides_who_logs_in(superuser: httpx.Client, guest: httpx.Client) -> None:
    """Nobody by null, those it holds for by an expression; it is judged at a refresh, too."""
    path = _collection(superuser, "ruled", authRule="verified = true")
    made = _sign_up(guest, path, "r@example.com")
    record = f"{path}/records/{made['id']}"
    assert _log_in(guest, path, "r@example.com").status_code == 403
    assert _log_in(guest, path, "r@example.com", "wrong password").status_code == 400
    assert superuser.patch(record, json={"verified": True}).status_code == 200
    token = _log_in(guest, path, "r@example.com").json()["token"]
    assert superuser.patch(record, json={"verified": False}).status_code == 200
    assert guest.post(f"{path}/auth-refresh", headers=_as(token)).status_code == 403
    assert superuser.patch(path, json={"authRule": None}).status_code == 200
    assert superuser.patch(record, json={"verified": True}).status_code == 200
    assert _log_in(guest, path, "r@example.com").status_code == 403


def test_login_by_another_field_in_any_case(superuser: httpx.Client, guest: httpx.Client) -> None:
    """The identity fields decide by what, a NOCASE index whether case matters."""
    index = "CREATE UNIQUE INDEX idx_nick ON nicks (nick COLLATE NOCASE)"
    path = _collection(
        superuser,
        "nicks",
        fields=[{"name": "nick", "type": "text"}],
        updateRule=None,
        indexes=[index],
        passwordAuth={"enabled": True, "identityFields": ["nick"]},
    )
    _sign_up(guest, path, "n@example.com", nick="Anna")
    assert _log_in(guest, path, "anna").status_code == 200
    assert _log_in(guest, path, "n@example.com").status_code == 400
    off = {"passwordAuth": {"enabled": False, "identityFields": ["nick"]}}
    assert superuser.patch(path, json=off).status_code == 200
    assert _log_in(guest, path, "anna").status_code == 403


def test_an_imported_bcrypt_hash_logs_in_and_is_made_new(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The hash becomes Argon2id at the first login; no session ends by it."""
    path = _collection(superuser, "imported")
    made = _sign_up(guest, path, "i@example.com")
    old = bcrypt.hashpw(b"from elsewhere", bcrypt.gensalt(4)).decode()
    sql = 'UPDATE "imported" SET "password" = ? WHERE "id" = ?'
    submit(cluster.depot, run(sql, (old, made["id"])))
    assert _log_in(guest, path, "i@example.com").status_code == 400
    token = _log_in(guest, path, "i@example.com", "from elsewhere").json()["token"]
    changed = run(
        'UPDATE "imported" SET "name" = \'new\' WHERE "id" = ? AND "password" LIKE \'$argon2id$%\'',
        (made["id"],),
        refusal="not_found",
    )
    submit(cluster.depot, changed)
    assert _log_in(guest, path, "i@example.com", "from elsewhere").status_code == 200
    assert guest.post(f"{path}/auth-refresh", headers=_as(token)).status_code == 200


def test_an_id_is_used_once_in_all_auth_collections(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """A token names its record by id."""
    first, second = _collection(superuser, "ones"), _collection(superuser, "twos")
    made = _sign_up(guest, first, "same@example.com")
    body = {"id": made["id"], "email": "same@example.com", **SECRET}
    reply = guest.post(f"{second}/records", json=body)
    assert reply.status_code == 400
    assert reply.json()["data"]["id"]["code"] == "validation_invalid_auth_id"


def test_a_login_shows_what_is_expanded(superuser: httpx.Client, guest: httpx.Client) -> None:
    """As the one who logs in may see it, not as the guest that he was."""
    rooms = {
        "name": "rooms",
        "type": "base",
        "fields": [NAME],
        "viewRule": "@request.auth.id != ''",
    }
    made = superuser.post("/api/collections", json=rooms).json()
    room = superuser.post("/api/collections/rooms/records", json={"name": "attic"}).json()["id"]
    link = {"name": "room", "type": "relation", "collectionId": made["id"]}
    path = _collection(superuser, "lodgers", fields=[NAME, link])
    _sign_up(guest, path, "l@example.com", room=room)

    asked = "?expand=room&fields=token,record.expand.room.name"
    body = {"identity": "l@example.com", "password": "long enough"}
    session = guest.post(f"{path}/auth-with-password{asked}", json=body).json()
    again = guest.post(f"{path}/auth-refresh{asked}", headers=_as(session["token"])).json()

    for one in (session, again):
        assert one["record"] == {"expand": {"room": {"name": "attic"}}}
