"""One server for all tests of a module, and who asks it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.apis.both_ways.calls import COLLECTIONS, PASSWORD, sent
from tests.worker.apis.both_ways.depot import add_collections, write_depot
from tests.worker.apis.depot import RECORDS, admin_client


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One with tables and collections."""
    depot = tmp_path_factory.mktemp("both") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        add_collections(running)
        yield running


@pytest.fixture(scope="module")
def admin(cluster: ClusterProcess) -> httpx.Client:
    """The admin of the auth API."""
    return admin_client(cluster)


@pytest.fixture(scope="module")
def member(cluster: ClusterProcess, superuser: httpx.Client) -> httpx.Client:
    """A record of an auth collection, which has an `id` of its own."""
    sent = {"email": "ann@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    made = superuser.post(f"{COLLECTIONS}/users/records", json=sent)
    assert made.status_code == 200, made.text
    client = cluster.client(superuser=False)
    login = {"identity": sent["email"], "password": PASSWORD}
    reply = client.post(f"{COLLECTIONS}/users/auth-with-password", json=login)
    client.headers["Authorization"] = reply.json()["token"]
    client.headers["X-Own-Id"] = reply.json()["record"]["id"]
    return client


@pytest.fixture(scope="module")
def posts(guest: httpx.Client) -> list[str]:
    """Ids of posts, of which one has a hidden author."""
    authors = sent(guest, "post", f"{RECORDS}/authors", json=[{"name": "ann"}, {"name": "hidden"}])
    first, second = authors["ids"]
    one = {"title": "One", "n": 1, "open": True, "tags": ["a", "b"], "meta": {"k": 1}}
    made = sent(guest, "post", f"{RECORDS}/posts", json=one | {"author": first})["ids"]
    many = [
        {"title": "two", "n": 2, "author": second},
        {"title": "one more", "n": 3, "tags": ["c"]},
    ]
    found: list[str] = made + sent(guest, "post", f"{RECORDS}/posts", json=many)["ids"]
    return found
