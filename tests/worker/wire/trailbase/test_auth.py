"""The auth API over HTTP: login, refresh, status, logout, registration, change of password.

Also tests `worker.auth.users.login`, `worker.auth.users.sessions`, `worker.auth.users.register`,
`worker.auth.users.caller`, `worker.auth.users.rows`, `worker.auth.users.tables`,
`worker.auth.users.first_admin`, `worker.prepare.users`, `worker.wire.trailbase.auth_routes`,
`worker.wire.trailbase.auth_body`, `worker.wire.trailbase.cookies`, `shared.sql.users`,
`shared.sql.user_tables`.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

import httpx
import pytest

from shared.limits import LOCKOUT_FAILURES
from tests.cluster_process import ClusterProcess
from tests.worker.wire.trailbase.auth_calls import (
    AUTH,
    PASSWORD,
    admin_password,
    bearer,
    claims,
    confirm,
    links,
    login,
    register,
    tokens,
    user,
)

CONFIG = """
record_apis { name: "notes" table_name: "notes" acl_authenticated: [READ, CREATE] }
auth { redirect_uri_allowlist: "https://other.example.org/back" }
"""
NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY, owner BLOB REFERENCES _user(id)) STRICT;"
_count = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """A depot whose settings name a record API, and whose migrations refer to users."""
    depot = tmp_path_factory.mktemp("auth") / "depot"
    migrations = depot / "migrations" / "main"
    migrations.mkdir(parents=True)
    (migrations / "U1__notes.sql").write_text(NOTES)
    (depot / "config.textproto").write_text(CONFIG)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture
def client(cluster: ClusterProcess) -> httpx.Client:
    """A client that is nobody, without cookies of another test."""
    return cluster.client(superuser=False)


@pytest.fixture
def email(cluster: ClusterProcess, client: httpx.Client) -> str:
    """A new user, who has proven the address."""
    address = f"anna{next(_count)}@example.com"
    register(client, address)
    confirm(cluster, client, address)
    return address


# --- Login, refresh, status, logout ---------------------------------------------------------------


def test_a_login_gives_three_tokens(client: httpx.Client, email: str) -> None:
    """In each of the three ways to say who, in any case, and as a client reads them."""
    for name, value in (("email", email), ("email_or_username", email), ("email", email.upper())):
        reply = client.post(f"{AUTH}/login", json={name: value, "password": PASSWORD})
        assert reply.status_code == 200, reply.text
        assert reply.headers["cache-control"] == "no-store"
        assert "set-cookie" not in reply.headers
        body = reply.json()
        assert set(body) == {"auth_token", "refresh_token", "csrf_token"}
        said = claims(body["auth_token"])
        assert (said["type"], said["email"]) == (1, email)
        assert said["csrf_token"] == body["csrf_token"]
        assert re.fullmatch("[A-Za-z0-9]{86}", body["refresh_token"])


def test_a_wrong_login_tells_nothing(client: httpx.Client, email: str) -> None:
    """Whatever was wrong; and a body that says nothing is a bad one."""
    for name, password in ((email, "wrong password"), ("nobody@example.com", PASSWORD)):
        reply = login(client, name, password)
        assert (reply.status_code, reply.text) == (401, "")
    for body in ({}, {"email": email}, {"password": "x"}, {"email": 1, "password": 2}):
        assert client.post(f"{AUTH}/login", json=body).status_code == 400
    for raw in (b"{", b"[]", b'{"email":"a\\u0000","password":"b"}', b"[" * 5000):
        assert client.post(f"{AUTH}/login", content=raw).status_code == 400
    odd = client.post(f"{AUTH}/login", content=b"a", headers={"content-type": "text/plain"})
    assert odd.status_code == 400


def test_guesses_lock_a_user_out(client: httpx.Client, email: str) -> None:
    """On whichever worker, also for the right password."""
    codes = [login(client, email, "wrong password").status_code for _ in range(LOCKOUT_FAILURES)]
    assert set(codes) == {401}
    reply = login(client, email)
    assert reply.status_code == 429
    assert int(reply.headers["retry-after"]) > 0


def test_a_session_gives_new_tokens_until_it_ends(client: httpx.Client, email: str) -> None:
    """Its token is not changed by that, and means nothing after."""
    made = tokens(client, email)
    body = {"refresh_token": made["refresh_token"]}
    reply = client.post(f"{AUTH}/refresh", json=body)
    assert reply.status_code == 200
    assert set(reply.json()) == {"auth_token", "csrf_token"}
    assert claims(reply.json()["auth_token"])["sub"] == claims(made["auth_token"])["sub"]
    reply = client.post(f"{AUTH}/logout", json=body)
    assert (reply.status_code, reply.text) == (200, "")
    assert client.post(f"{AUTH}/refresh", json=body).status_code == 401
    for bad in ("", "x", "é" * 86, "a" * 86, made["auth_token"]):
        assert client.post(f"{AUTH}/refresh", json={"refresh_token": bad}).status_code == 401


def test_a_session_is_kept_by_its_hash(
    cluster: ClusterProcess, client: httpx.Client, email: str
) -> None:
    """What stands in the file logs nobody in; a token that another server stored as it is does."""
    made = tokens(client, email)["refresh_token"]
    hashed = f"sha256:{sha256(made.encode()).hexdigest()}"
    with closing(sqlite3.connect(cluster.depot / "data" / "session.db")) as database:
        stored = {row[0] for row in database.execute("SELECT refresh_token FROM _session")}
        assert hashed in stored
        assert made not in stored
        plain = "Old0" * 21 + "ab"
        database.execute(
            "INSERT INTO _session (user, refresh_token) SELECT user, ? FROM _session "
            "WHERE refresh_token = ?", (plain, hashed),
        )  # fmt: skip
        database.execute(
            "INSERT INTO _session (user, refresh_token, created) SELECT user, ?, 1 FROM _session "
            "WHERE refresh_token = ?", (plain[::-1], hashed),
        )  # fmt: skip
        database.commit()
    found = [
        client.post(f"{AUTH}/refresh", json={"refresh_token": one}).status_code
        for one in (made, plain, hashed, plain[::-1])
    ]
    assert found == [200, 200, 401, 401]


def test_the_status_says_who_is_there(client: httpx.Client, email: str) -> None:
    """By the auth token, by the session, or nobody."""
    made = tokens(client, email)
    nobody = {"auth_token": None, "refresh_token": None, "csrf_token": None}
    assert client.get(f"{AUTH}/status").json() == nobody
    assert client.get(f"{AUTH}/status", headers=bearer("a.b.c")).json() == nobody
    reply = client.get(f"{AUTH}/status", headers=bearer(made["auth_token"]))
    assert reply.json() == {**made, "refresh_token": None}
    sent = {**bearer(made["auth_token"]), "Refresh-Token": made["refresh_token"]}
    reply = client.get(f"{AUTH}/status", headers=sent)
    assert reply.json()["refresh_token"] == made["refresh_token"]
    assert claims(reply.json()["auth_token"])["csrf_token"] == reply.json()["csrf_token"]
    assert client.get(f"{AUTH}/status", headers={"Refresh-Token": "a" * 86}).status_code == 401


def test_a_logout_ends_all_sessions(client: httpx.Client, email: str) -> None:
    """Of the caller; nobody's ends none."""
    first, second = tokens(client, email), tokens(client, email)
    assert client.get(f"{AUTH}/logout").text == "logged out"
    body = {"refresh_token": first["refresh_token"]}
    assert client.post(f"{AUTH}/refresh", json=body).status_code == 200
    assert client.get(f"{AUTH}/logout", headers=bearer(second["auth_token"])).status_code == 200
    assert client.post(f"{AUTH}/refresh", json=body).status_code == 401


# --- Browsers -------------------------------------------------------------------------------------


def test_a_form_gets_cookies(client: httpx.Client, email: str) -> None:
    """And its browser is led on; the cookies say who it is and are taken away again."""
    form = {"email": email, "password": PASSWORD, "redirect_uri": "/welcome"}
    reply = client.post(f"{AUTH}/login", data=form)
    assert (reply.status_code, reply.headers["location"]) == (303, "/welcome")
    for line in reply.headers.get_list("set-cookie"):
        assert "; Path=/; HttpOnly; SameSite=Strict" in line
        assert "Secure" not in line
    assert set(client.cookies) == {"auth_token", "refresh_token"}
    reply = client.get(f"{AUTH}/status")
    assert reply.json()["refresh_token"] == client.cookies["refresh_token"]
    assert reply.json()["auth_token"] == client.cookies["auth_token"]
    reply = client.get(f"{AUTH}/logout?redirect_uri=/bye")
    assert (reply.status_code, reply.headers["location"]) == (303, "/bye")
    assert not client.cookies


def test_a_form_that_fails_is_led_back(client: httpx.Client, email: str) -> None:
    """Where it said; without that it is refused like others."""
    form = {"email": email, "password": "wrong password"}
    assert client.post(f"{AUTH}/login", data=form).status_code == 401
    reply = client.post(f"{AUTH}/login?redirect_uri=/in", data=form)
    assert reply.status_code == 303
    assert reply.headers["location"].startswith("/in?alert=Login+Failed")
    assert not client.cookies
    reply = client.post(f"{AUTH}/login?redirect_uri=//evil.example", data=form)
    assert (reply.status_code, reply.text) == (400, "invalid redirect")
    right = {**form, "password": PASSWORD}
    sent = {"Sec-Fetch-Site": "cross-site"}
    assert client.post(f"{AUTH}/login", data=right, headers=sent).status_code == 403


def test_cookies_write_for_our_own_pages_alone(client: httpx.Client, email: str) -> None:
    """Changing a password is such a write."""
    client.post(f"{AUTH}/login", data={"email": email, "password": PASSWORD})
    csrf = claims(client.cookies["auth_token"])["csrf_token"]
    form = {"old_password": PASSWORD, "new_password": "another password"}
    path = f"{AUTH}/change_password"
    assert client.post(path, data=form).status_code == 401
    assert client.post(path, data=form, headers={"CSRF-Token": "x"}).status_code == 401
    reply = client.post(path, data=form, headers={"CSRF-Token": csrf})
    assert (reply.status_code, reply.text) == (200, "password changed")


# --- Registration and passwords -------------------------------------------------------------------


def test_a_new_user_proves_the_address_first(cluster: ClusterProcess, client: httpx.Client) -> None:
    """The link works, also a second time; before it there is no login."""
    email = "new@example.com"
    reply = register(client, email)
    assert (reply.status_code, reply.text) == (200, "registered")
    assert login(client, email).status_code == 401
    confirm(cluster, client, email)
    assert login(client, email).status_code == 200
    confirm(cluster, client, email)
    assert client.get(f"{AUTH}/verify_email/confirm/a.b.c").status_code == 400
    auth_token = tokens(client, email)["auth_token"]
    assert client.get(f"{AUTH}/verify_email/confirm/{auth_token}").status_code == 400


def test_registering_twice_tells_nothing_and_changes_nothing(
    cluster: ClusterProcess, client: httpx.Client, email: str
) -> None:
    """A stranger learns nothing of who is there, and gets no link either."""
    before = len(links(cluster, email))
    other = {"password": "stranger's word", "password_repeat": "stranger's word"}
    reply = register(client, email.upper(), **other)
    assert (reply.status_code, reply.text) == (200, "registered")
    assert login(client, email, "stranger's word").status_code == 401
    assert login(client, email).status_code == 200
    assert len(links(cluster, email)) == before


def test_of_those_who_claim_an_address_one_proves_it(
    cluster: ClusterProcess, client: httpx.Client
) -> None:
    """He who was there first has no say in it, nor his password."""
    email = "claimed@example.com"
    other = {"password": "stranger's word", "password_repeat": "stranger's word"}
    register(client, email, **other)
    register(client, email)
    strangers, owners = links(cluster, email)
    assert client.get(owners).status_code == 200
    assert client.get(strangers).status_code == 401
    assert login(client, email).status_code == 200
    assert login(client, email, "stranger's word").status_code == 401


def test_what_the_settings_do_not_accept_is_told(client: httpx.Client) -> None:
    """In words, with nothing stored."""
    for more in (
        {"password": "short", "password_repeat": "short"},
        {"password_repeat": "another"},
        {"address": "nonsense"},
        {"address": None},
        {"username": "anna"},
        {"redirect_uri": "https://evil.example"},
    ):
        asked: dict[str, Any] = {"address": "valid@example.com", **more}
        reply = register(client, **asked)
        assert reply.status_code == 400
        assert reply.text
    reply = register(client, "led@example.com", redirect_uri="https://other.example.org/back")
    assert reply.headers["location"] == "https://other.example.org/back?alert=registered"


def test_a_changed_password_ends_the_other_sessions(client: httpx.Client, email: str) -> None:
    """The one that is shown goes on."""
    other, own = tokens(client, email), tokens(client, email)
    new = "another password"
    headers = {**bearer(own["auth_token"]), "Refresh-Token": own["refresh_token"]}
    path, body = f"{AUTH}/change_password", {"old_password": PASSWORD, "new_password": new}
    assert client.post(path, json=body).status_code == 401
    for bad in ({"new_password": "short"}, {"new_password_repeat": "different"}):
        assert client.post(path, json={**body, **bad}, headers=headers).status_code == 400
    wrong = {**body, "old_password": "wrong password"}
    assert client.post(path, json=wrong, headers=headers).status_code == 401
    assert client.post(path, json=body, headers=headers).status_code == 200
    codes = [
        client.post(f"{AUTH}/refresh", json={"refresh_token": one["refresh_token"]}).status_code
        for one in (other, own)
    ]
    assert codes == [401, 200]
    assert login(client, email).status_code == 401
    assert login(client, email, new).status_code == 200


# --- Admins and the other dialect -----------------------------------------------------------------


def test_the_first_admin_is_told_once_and_is_a_superuser(
    cluster: ClusterProcess, client: httpx.Client
) -> None:
    """To collections, too; the word is in no log."""
    password = admin_password(cluster)
    made = login(client, "admin@localhost", password)
    assert made.status_code == 200
    assert claims(made.json()["auth_token"])["admin"] is True
    reply = client.post(f"{AUTH}/login", json={"username": "admin", "password": password})
    assert reply.status_code == 200
    headers = bearer(made.json()["auth_token"])
    assert client.get("/api/collections", headers=headers).status_code == 200
    created = {"name": "by_admin", "type": "base", "fields": []}
    assert client.post("/api/collections", json=created, headers=headers).status_code == 200
    assert not any(password in line for line in cluster.log)


def test_other_users_are_guests_to_collections(client: httpx.Client, email: str) -> None:
    """So nobody gets past their rules by registering."""
    headers = bearer(tokens(client, email)["auth_token"])
    assert client.get("/api/collections", headers=headers).status_code == 401


def test_users_are_told_in_the_log_without_their_secrets(
    cluster: ClusterProcess, client: httpx.Client, email: str
) -> None:
    """The log of changes is what subscribers are told from."""
    with closing(sqlite3.connect(cluster.depot / "data" / "main.db")) as database:
        (hashed,) = database.execute(
            "SELECT password_hash FROM _user WHERE email = ?", (email,)
        ).fetchone()
        told = [
            bytes(one or b"")
            for row in database.execute("SELECT old, new FROM _change WHERE tbl = '_user'")
            for one in row
        ]
    assert any(email.encode() in one for one in told)
    assert not any(hashed.encode() in one for one in told)


def test_the_command_line_knows_users(cluster: ClusterProcess, client: httpx.Client) -> None:
    """While the server runs: add, list, verify, a new password that ends sessions."""
    depot = cluster.depot
    assert "added" in user("add", "cli@example.com", PASSWORD, "--admin", depot=depot)
    made = tokens(client, "cli@example.com")
    assert claims(made["auth_token"])["admin"] is True
    assert "already" in user("add", "CLI@example.com", PASSWORD, depot=depot)
    register(client, "waiting@example.com")
    assert re.search(r"\S{24}  waiting@example.com  unverified\n", user("list", depot=depot))
    assert "verified" in user("verify", "waiting@example.com", depot=depot)
    assert login(client, "waiting@example.com").status_code == 200
    uid = claims(made["auth_token"])["sub"]
    assert "changed" in user("change-password", uid, "another password", depot=depot)
    body = {"refresh_token": made["refresh_token"]}
    assert client.post(f"{AUTH}/refresh", json=body).status_code == 401
    assert "no user" in user("verify", "nobody", depot=depot)
    assert "too short" in user("change-password", "cli@example.com", "short", depot=depot)
