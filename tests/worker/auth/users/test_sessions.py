"""Sessions where there are none, and how a refresh token is stored.

Their life is tested with the auth API.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx

from tests.cluster_process import ClusterProcess
from worker.auth.users.sessions import stored

AUTH = "/api/auth/v1"


def test_a_depot_without_record_apis_has_no_users(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """The API says so, and nobody gets in; no table and no file is made."""
    words = {
        "email": "anna@example.com",
        "password": "long enough",
        "password_repeat": "long enough",
    }
    token = {"refresh_token": "a" * 86}
    codes = [
        guest.post(f"{AUTH}/login", json=words).status_code,
        guest.post(f"{AUTH}/register", json=words).status_code,
        guest.post(f"{AUTH}/refresh", json=token).status_code,
        guest.post(f"{AUTH}/logout", json=token).status_code,
        guest.get(f"{AUTH}/status", headers={"Refresh-Token": "a" * 86}).status_code,
        guest.get(f"{AUTH}/status", headers={"Authorization": "Bearer a.b.c"}).status_code,
        guest.get("/api/collections", headers={"Authorization": "a.b.c"}).status_code,
    ]
    assert codes == [401, 403, 401, 200, 401, 200, 401]
    assert not (cluster.depot / "data" / "session.db").exists()
    assert not (cluster.depot / "secrets" / "keys").exists()
    with closing(sqlite3.connect(cluster.depot / "data" / "main.db")) as database:
        assert database.execute("SELECT 1 FROM sqlite_schema WHERE name = '_user'").fetchall() == []


def test_a_hash_is_no_token() -> None:
    """Whoever reads the table has nothing to log in with."""
    found = stored("a" * 86)
    assert found is not None
    assert found.plain == "a" * 86
    assert stored(found.hashed) is None
    for text in ("", "a" * 85, "a" * 87, "a" * 85 + "-", "a" * 85 + "\n", "é" * 86):
        assert stored(text) is None
