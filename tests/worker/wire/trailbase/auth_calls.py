"""Calls of the auth API that several tests make, and what is read from their answers."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import subprocess
from contextlib import closing
from typing import Any

import httpx

from tests.cluster_process import QUILLBASE, ClusterProcess
from worker.auth.users.keys import KeyFiles
from worker.auth.users.tokens import UserTokens

AUTH = "/api/auth/v1"
PASSWORD = "correct horse battery"


def register(client: httpx.Client, address: str, **more: Any) -> httpx.Response:
    body = {"email": address, "password": PASSWORD, "password_repeat": PASSWORD, **more}
    return client.post(f"{AUTH}/register", json=body)


def links(cluster: ClusterProcess, email: str) -> list[str]:
    """What those who gave this address are sent, in the order in which they did; no log has it."""
    made = UserTokens(KeyFiles(cluster.depot / "secrets" / "keys"))
    with closing(sqlite3.connect(cluster.depot / "data" / "main.db")) as database:
        rows = database.execute(
            "SELECT id FROM _user WHERE unverified_email = ?1 OR email = ?1 ORDER BY rowid",
            (email,),
        ).fetchall()
    found = [made.verification({"id": row[0]}, email) for row in rows]
    return [f"{AUTH}/verify_email/confirm/{token}" for token in found]


def confirm(cluster: ClusterProcess, client: httpx.Client, email: str) -> None:
    """Follow the only link."""
    (link,) = links(cluster, email)
    reply = client.get(link)
    assert (reply.status_code, reply.text) == (200, "email verified")


def claims(token: str) -> dict[str, Any]:
    """What a token says to whoever has it."""
    text = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def login(client: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return client.post(f"{AUTH}/login", json={"email": email, "password": password})


def tokens(client: httpx.Client, email: str) -> dict[str, str]:
    reply = login(client, email)
    assert reply.status_code == 200, reply.text
    found: dict[str, str] = reply.json()
    return found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def admin_password(cluster: ClusterProcess) -> str:
    """As it was printed."""
    found = re.findall(r"admin@localhost with the password (\w{20})\n", "".join(cluster.banner))
    assert len(found) == 1, cluster.banner
    return str(found[0])


def user(*arguments: str, depot: object) -> str:
    """Run `quillbase user …`."""
    command = [QUILLBASE, "user", *arguments, "--depot", str(depot)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
