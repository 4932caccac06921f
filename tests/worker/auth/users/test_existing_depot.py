"""A depot that another server of the dialect has made: its users, sessions and keys are in force."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.access.users import id_text
from tests.cluster_process import ClusterProcess
from worker.auth.users.keys import KeyFiles
from worker.auth.users.tokens import UserTokens

AUTH = "/api/auth/v1"
USER = bytes(range(16))
REFRESH = "Kept" * 21 + "ab"
# As documented for the dialect, with a column that nobody here knows.
USERS = """
CREATE TABLE _user (
  id BLOB PRIMARY KEY NOT NULL CHECK (is_uuid(id)) DEFAULT (uuid_v4()),
  email TEXT COLLATE NOCASE, unverified_email TEXT COLLATE NOCASE, username TEXT COLLATE NOCASE,
  password_hash TEXT NOT NULL DEFAULT '', admin INTEGER NOT NULL DEFAULT FALSE, totp_secret TEXT,
  created INTEGER DEFAULT (UNIXEPOCH()) NOT NULL, updated INTEGER DEFAULT (UNIXEPOCH()) NOT NULL,
  provider_id INTEGER NOT NULL DEFAULT 0, provider_user_id TEXT, provider_avatar_url TEXT,
  novelty ANY
) STRICT
"""
SESSIONS = """
CREATE TABLE _session (
  id INTEGER PRIMARY KEY NOT NULL, user BLOB NOT NULL, refresh_token TEXT NOT NULL,
  updated INTEGER DEFAULT (UNIXEPOCH()) NOT NULL
) STRICT
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """Quillbase over that depot."""
    depot = tmp_path_factory.mktemp("existing") / "traildepot"
    write_depot(depot)
    with ClusterProcess(depot, workers=1) as running:
        yield running


def write_depot(depot: Path) -> None:
    keys, data = depot / "secrets" / "keys", depot / "data"
    for folder in (keys, data):
        folder.mkdir(parents=True)
    (depot / "config.textproto").write_text('record_apis { name: "u" table_name: "t" }')
    key = Ed25519PrivateKey.generate()
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (keys / "private_key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    hashed = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash("their password")
    with closing(sqlite3.connect(data / "main.db")) as main:
        main.create_function("is_uuid", 1, lambda _: True, deterministic=True)
        main.create_function("uuid_v4", 0, lambda: b"", deterministic=True)
        main.execute(USERS)
        main.execute(
            "INSERT INTO _user (id, email, password_hash, admin) VALUES (?, 'anna@example.com', ?, 1)",
            (USER, hashed),
        )
        main.execute(
            "INSERT INTO _user (id, email, password_hash, totp_secret) "
            "VALUES (?, 'two@example.com', ?, 'SECRET')", (USER[::-1], hashed),
        )  # fmt: skip
        main.execute("CREATE TABLE t (id INTEGER PRIMARY KEY) STRICT")
        main.commit()
    with closing(sqlite3.connect(data / "session.db")) as sessions:
        sessions.execute(SESSIONS)
        sessions.execute(
            "INSERT INTO _session (user, refresh_token) VALUES (?, ?)", (USER, REFRESH)
        )
        sessions.commit()


def test_its_users_log_in_and_its_sessions_go_on(cluster: ClusterProcess) -> None:
    """By their passwords, by tokens that are stored as they are, and by its key."""
    client = cluster.client(superuser=False)
    login = {"email": "anna@example.com", "password": "their password"}
    made = client.post(f"{AUTH}/login", json=login).json()
    for token in (REFRESH, made["refresh_token"]):
        reply = client.post(f"{AUTH}/refresh", json={"refresh_token": token})
        assert reply.status_code == 200
    own = UserTokens(KeyFiles(cluster.depot / "secrets" / "keys")).auth({"id": USER}, 60)
    headers = {"Authorization": f"Bearer {own.text}"}
    assert client.get("/api/collections", headers=headers).status_code == 200
    reply = client.post(f"{AUTH}/logout", json={"refresh_token": REFRESH})
    assert reply.status_code == 200
    reply = client.post(f"{AUTH}/refresh", json={"refresh_token": REFRESH})
    assert reply.status_code == 401


def test_a_second_factor_is_asked_for(cluster: ClusterProcess) -> None:
    """What a right password gives is no session; a wrong one gives nothing."""
    client = cluster.client(superuser=False)
    login = {"email": "two@example.com", "password": "their password"}
    reply = client.post(f"{AUTH}/login", json=login)
    assert (reply.status_code, list(reply.json())) == (403, ["mfa_token"])
    headers = {"Authorization": f"Bearer {reply.json()['mfa_token']}"}
    assert client.get(f"{AUTH}/status", headers=headers).json()["auth_token"] is None
    form = {**login, "mfa_redirect_uri": "/code"}
    assert (
        client.post(f"{AUTH}/login", data=form).headers["location"].startswith("/code?mfa_token=")
    )
    assert client.post(f"{AUTH}/login", data=login).status_code == 401
    wrong = {**login, "password": "wrong password"}
    assert client.post(f"{AUTH}/login", json=wrong).status_code == 401


def test_it_has_an_admin_and_gets_no_other(cluster: ClusterProcess) -> None:
    """Nothing is printed, nothing is added."""
    assert "first admin" not in "".join(cluster.banner)
    with closing(sqlite3.connect(cluster.depot / "data" / "main.db")) as main:
        assert main.execute("SELECT id FROM _user").fetchall() == [(USER,), (USER[::-1],)]
    assert id_text(USER) == "AAECAwQFBgcICQoLDA0ODw=="


def test_a_user_that_is_gone_is_nobody(cluster: ClusterProcess) -> None:
    """Though the token is good."""
    tokens = UserTokens(KeyFiles(cluster.depot / "secrets" / "keys"))
    gone = tokens.auth({"id": bytes(16)}, 60).text
    headers = {"Authorization": f"Bearer {gone}"}
    reply = httpx.get(f"{cluster.url}{AUTH}/status", headers=headers, timeout=30)
    assert reply.json()["auth_token"] is None
    assert httpx.get(f"{cluster.url}/api/collections", headers=headers).status_code == 401
