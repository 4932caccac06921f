"""A create is planned on whom the caller was; that must never show."""

from __future__ import annotations

import httpx
import pytest

from tests.cluster_process import ClusterProcess

SECRET = {"password": "long enough", "passwordConfirm": "long enough"}
TRIES = 8  # connections, so that both workers are asked


@pytest.fixture(scope="module")
def writers(cluster: ClusterProcess, superuser: httpx.Client) -> str:
    """Id of the auth collection; notes are made by editors, about themselves."""
    made = superuser.post(
        "/api/collections",
        json={
            "name": "writers",
            "type": "auth",
            "fields": [{"name": "role", "type": "text"}],
        },
    ).json()
    author = {"name": "author", "type": "relation", "collectionId": made["id"], "maxSelect": 1}
    rule = "author = @request.auth.id && @request.auth.role = 'editor'"
    cluster.collection("notes", [author], createRule=rule)
    return str(made["id"])


def _sign_up(superuser: httpx.Client, name: str, role: str) -> tuple[str, str]:
    """Id and token."""
    email = f"{name}@example.com"
    body = {"email": email, "role": role, **SECRET}
    made = superuser.post("/api/collections/writers/records", json=body).json()
    path = "/api/collections/writers/auth-with-password"
    login = superuser.post(path, json={"identity": email, "password": SECRET["password"]})
    return made["id"], login.json()["token"]


def _statuses(cluster: ClusterProcess, token: str, author: str) -> set[int]:
    """What creating notes answers, over new connections."""
    found = set()
    for _ in range(TRIES):
        with cluster.client(superuser=False) as client:
            reply = client.post(
                "/api/collections/notes/records",
                json={"author": author},
                headers={"Authorization": token},
            )
            found.add(reply.status_code)
    return found


def test_a_changed_role_counts_at_once(
    cluster: ClusterProcess, superuser: httpx.Client, writers: str
) -> None:
    """Taken away and given back, on every worker, with the very next request."""
    assert writers
    own, token = _sign_up(superuser, "ann", "editor")
    path = f"/api/collections/writers/records/{own}"
    assert _statuses(cluster, token, own) == {200}
    assert superuser.patch(path, json={"role": ""}).status_code == 200
    assert _statuses(cluster, token, own) == {400}
    assert superuser.patch(path, json={"role": "editor"}).status_code == 200
    assert _statuses(cluster, token, own) == {200}


def test_a_token_that_is_no_longer_good_makes_nothing(
    cluster: ClusterProcess, superuser: httpx.Client, writers: str
) -> None:
    """After a new password, and after the caller's end."""
    assert writers
    own, token = _sign_up(superuser, "bob", "editor")
    path = f"/api/collections/writers/records/{own}"
    assert _statuses(cluster, token, own) == {200}
    assert superuser.patch(path, json=SECRET).status_code == 200
    assert _statuses(cluster, token, own) == {400}
    other, other_token = _sign_up(superuser, "eve", "editor")
    assert _statuses(cluster, other_token, other) == {200}
    assert superuser.delete(f"/api/collections/writers/records/{other}").status_code == 204
    assert _statuses(cluster, other_token, other) == {400}
