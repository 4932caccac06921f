"""Tokens from elsewhere and tokens for files: what is believed, over HTTP and in a snapshot.

Also `worker.wire.pocketbase.files`, and what the system's collections show their owners.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from shared.access.identity import GUEST, Identity
from shared.errors import QuillError
from shared.schema.system import USERS_ID
from shared.sql.plan import run
from tests.cluster_process import ClusterProcess
from tests.submitting import submit
from tests.worker.realtime.place import Place
from worker.auth.identity import identify, identify_file
from worker.auth.session import new_session
from worker.auth.tokens import read_file_token

USERS = "/api/collections/users"
SECRET, FILE_SECRET = "a" * 50, "f" * 50
PASSWORD = "1234567890"
LONG_KEY = "k" * 200
NOCASE = "CREATE UNIQUE INDEX users_nick ON users (nick COLLATE NOCASE)"


def _part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(key: str, **claims: object) -> str:
    """A token as another server makes it, by hand."""
    head = {"alg": "HS256", "typ": "JWT"}
    whole = {"collectionId": USERS_ID, "exp": int(time.time()) + 600, "type": "auth", **claims}
    text = f"{_part(head)}.{_part(whole)}"
    return f"{text}.{_part(hmac.digest(key.encode(), text.encode(), hashlib.sha256))}"


@pytest.fixture(scope="module")
def imported(cluster: ClusterProcess, superuser: httpx.Client) -> dict[str, Any]:
    """A user as an import leaves him: a bcrypt hash, a long token key, and known secrets."""
    fields = superuser.get(USERS).json()["fields"]
    indexes = superuser.get(USERS).json()["indexes"]
    body = {
        "fields": [*fields, {"name": "nick", "type": "text"}],
        "indexes": [*indexes, NOCASE],
        "passwordAuth": {"identityFields": ["email", "nick"]},
        "authToken": {"secret": SECRET},
        "fileToken": {"secret": FILE_SECRET},
    }
    assert superuser.patch(USERS, json=body).status_code == 200
    record = {"email": "i@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    made: dict[str, Any] = superuser.post(f"{USERS}/records", json={**record, "nick": "Ida"}).json()
    old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    sql = "UPDATE users SET password = ?, tokenKey = ? WHERE id = ?"
    submit(cluster.depot, run(sql, (old, LONG_KEY, made["id"])))
    return made


def _refresh(guest: httpx.Client, token: str) -> httpx.Response:
    return guest.post(f"{USERS}/auth-refresh", headers={"Authorization": token})


def test_an_imported_user_logs_in(guest: httpx.Client, imported: dict[str, Any]) -> None:
    """By any identity field, in any case where its index says so; again after the hash is new."""
    for identity in ("i@example.com", "Ida", "iDA"):
        body = {"identity": identity, "password": PASSWORD}
        reply = guest.post(f"{USERS}/auth-with-password", json=body)
        assert reply.status_code == 200, reply.text
        assert _refresh(guest, reply.json()["token"]).status_code == 200
    body = {"identity": "I@EXAMPLE.com", "password": PASSWORD}
    assert guest.post(f"{USERS}/auth-with-password", json=body).status_code == 400
    assert imported["nick"] == "Ida"


def test_a_token_of_the_former_server_is_accepted(
    guest: httpx.Client, imported: dict[str, Any]
) -> None:
    """Whatever else it claims; one that is not refreshable comes back as it is."""
    own = imported["id"]
    token = signed(LONG_KEY + SECRET, id=own, refreshable=True, iss="elsewhere", admin=True)
    reply = _refresh(guest, token)
    assert (reply.status_code, reply.json()["record"]["id"]) == (200, own)
    static = signed(LONG_KEY + SECRET, id=own, refreshable=False)
    assert _refresh(guest, static).json()["token"] == static
    for wrong in (
        signed(LONG_KEY, id=own, refreshable=True),
        signed(SECRET, id=own, refreshable=True),
        signed(LONG_KEY + FILE_SECRET, id=own, refreshable=True),
        signed(LONG_KEY + SECRET, id=own, type="file"),
        signed(LONG_KEY + SECRET, id=own, exp=int(time.time()) - 1),
        signed(LONG_KEY + SECRET, id=own, collectionId="pbc_3142635823"),
        signed("", id=own),
    ):
        assert _refresh(guest, wrong).status_code == 401


def test_a_file_token_opens_files_and_nothing_else(
    guest: httpx.Client, superuser: httpx.Client, imported: dict[str, Any]
) -> None:
    """Guests get none. It is no session, and it says what PocketBase's say."""
    assert guest.post("/api/files/token").status_code == 401
    stale = {"Authorization": signed(LONG_KEY + SECRET, id=imported["id"], exp=1)}
    assert guest.post("/api/files/token", headers=stale).status_code == 401
    session = {"Authorization": signed(LONG_KEY + SECRET, id=imported["id"])}
    reply = guest.post("/api/files/token", headers=session)
    assert (reply.status_code, set(reply.json())) == (200, {"token"})
    assert reply.headers["cache-control"] == "no-store"
    token = reply.json()["token"]
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert payload["exp"] - time.time() == pytest.approx(180, abs=5)
    assert payload == {
        "collectionId": USERS_ID,
        "exp": payload["exp"],
        "id": imported["id"],
        "type": "file",
    }
    assert _refresh(guest, token).status_code == 401
    cut = superuser.post("/api/files/token?fields=nothing")
    assert (cut.status_code, cut.json()) == (200, {})


def test_owners_see_what_is_told_of_them(
    guest: httpx.Client, superuser: httpx.Client, imported: dict[str, Any]
) -> None:
    """Theirs alone; it goes with the collection, whose id may come again."""
    name = {"name": "leavers", "type": "auth", "createRule": ""}
    leavers = superuser.post("/api/collections", json=name).json()
    places = "/api/collections/_authOrigins/records"
    for owner, record in ((USERS_ID, imported["id"]), (leavers["id"], imported["id"])):
        row = {"collectionRef": owner, "recordRef": record, "fingerprint": "f"}
        assert superuser.post(places, json=row).status_code == 200
        assert guest.post(places, json=row).status_code == 403
    session = {"Authorization": signed(LONG_KEY + SECRET, id=imported["id"])}
    assert guest.get(places).json()["items"] == []
    mine = guest.get(places, headers=session).json()["items"]
    assert [one["collectionRef"] for one in mine] == [USERS_ID]
    other = superuser.get(places, params={"filter": f"collectionRef = '{leavers['id']}'"})
    path = f"{places}/{other.json()['items'][0]['id']}"
    assert guest.get(path, headers=session).status_code == 404
    assert guest.delete(path, headers=session).status_code == 404
    changed = guest.patch(f"{places}/{mine[0]['id']}", json={}, headers=session)
    assert changed.status_code == 403
    assert superuser.delete("/api/collections/leavers").status_code == 204
    assert superuser.get(path).status_code == 404
    assert guest.delete(f"{places}/{mine[0]['id']}", headers=session).status_code == 204


# --- In a snapshot --------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A database with one user, whose collection has these secrets."""
    made = Place(tmp_path)
    made.person("ann")
    _put(made, "authToken.secret", SECRET)
    _put(made, "fileToken.secret", FILE_SECRET)
    yield made
    made.close()


def _put(place: Place, option: str, value: object) -> None:
    execute = place.database.connection.execute
    execute(
        "UPDATE _collections SET options = json_set(options, ?, json(?)) WHERE id = ?",
        (f"$.{option}", json.dumps(value), USERS_ID),
    )
    execute("UPDATE _head SET catalog = catalog + 1")
    place.words.catalog_version += 1


KEY = "ann" * 10


def _asks(place: Place, secret: str = SECRET, key: str = KEY) -> Identity:
    token = signed(key + secret, id="ann")
    return identify(place.reader.snapshot, place.reader.catalog.current(), token)


def _opens(place: Place, secret: str = FILE_SECRET, key: str = KEY) -> Identity:
    claims = read_file_token(signed(key + secret, id="ann", type="file"))
    assert claims is not None
    return identify_file(place.reader.snapshot, place.reader.catalog.current(), claims)


@pytest.mark.parametrize("secret", ["", None, 5, ["x"]])
def test_without_a_secret_nothing_is_signed(place: Place, secret: object) -> None:
    """Neither with the other half of the key, nor with what an odd value reads like."""
    assert (_asks(place).id, _opens(place).id) == ("ann", "ann")
    _put(place, "authToken.secret", secret)
    _put(place, "fileToken.secret", secret)
    for guessed in ("", str(secret), SECRET, FILE_SECRET):
        assert _asks(place, guessed) is GUEST
        assert _opens(place, guessed) is GUEST


def test_without_a_token_key_nothing_is_signed(place: Place) -> None:
    """A collection's secret alone makes nobody."""
    place.database.connection.execute("UPDATE users SET tokenKey = ''")
    assert _asks(place, key="") is GUEST
    assert _opens(place, key="") is GUEST


@pytest.mark.parametrize(
    ("option", "value"),
    [("authToken.secret", ""), ("authToken.duration", 0), ("authToken.duration", "long"),
     ("authToken", None), ("authToken.duration", True)],
)  # fmt: skip
def test_no_session_is_made_that_could_not_hold(place: Place, option: str, value: object) -> None:
    """The login is refused instead."""
    identity = _asks(place)
    _put(place, option, value)
    catalog = place.reader.catalog.current()
    users = catalog.by_id(USERS_ID)
    assert users is not None
    with pytest.raises(QuillError, match="No tokens"):
        new_session(place.reader.snapshot, catalog, users, identity)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ä.ö.ü", signed(KEY + FILE_SECRET, id="ann")])
def test_what_is_no_file_token_opens_nothing(token: str) -> None:
    """A session's token neither, for addresses are written into logs."""
    assert read_file_token(token) is None
