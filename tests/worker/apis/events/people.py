"""Users of a running cluster, and writes as one of them or as nobody."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import httpx

from tests.cluster_process import ClusterProcess
from tests.worker.apis.depot import RECORDS
from tests.worker.wire.trailbase.auth_calls import claims, confirm, register, tokens


class Person(NamedTuple):
    """Somebody who is logged in. `id`: as records hold it in JSON."""

    client: httpx.Client
    token: str
    id: str


def somebody(cluster: ClusterProcess, email: str) -> Person:
    """A new user."""
    client = cluster.client(superuser=False)
    assert register(client, email).status_code == 200
    confirm(cluster, client, email)
    token = tokens(client, email)["auth_token"]
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {token}"
    subject = claims(token)["sub"]
    assert len(base64.urlsafe_b64decode(subject)) == 16
    return Person(client, token, subject)


def create(client: httpx.Client, api: str, **values: Any) -> str:
    """A new record's id."""
    reply = client.post(f"{RECORDS}/{api}", json=values)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["ids"][0])


def update(client: httpx.Client, api: str, record_id: str, **values: Any) -> None:
    """Change a record."""
    reply = client.patch(f"{RECORDS}/{api}/{record_id}", json=values)
    assert reply.status_code == 200, reply.text


def delete(client: httpx.Client, api: str, record_id: str) -> None:
    """Remove a record."""
    reply = client.delete(f"{RECORDS}/{api}/{record_id}")
    assert reply.status_code == 200, reply.text
