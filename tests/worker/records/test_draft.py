"""Which guards a plan needs, and which are certain beforehand (`worker.records.draft`).

Also `worker.records.write_form`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from shared.ids import record_id
from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client
from tests.worker.records.batching import changing, creating, deleting, failure, path, send

SECRET = "long enough"
MISSING_RELATION = "validation_missing_rel_records"


@pytest.fixture(scope="module", autouse=True)
def _collections(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    made = superuser.post(
        "/api/collections",
        json={"name": "penmen", "type": "auth", "createRule": "", "deleteRule": "id != ''"},
    )
    assert made.status_code == 200, made.text
    author = {"name": "by", "type": "relation", "collectionId": made.json()["id"]}
    others = {**author, "name": "with", "maxSelect": 3}
    fields: list[dict[str, Any]] = [author, others, {"name": "n", "type": "number"}]
    own = "by = @request.auth.id"
    cluster.collection("letters", fields, createRule=own)
    cluster.collection("essays", fields, createRule=f"{own} && n < 5", updateRule="")
    counted = f"{own} && @collection.essays.n ?= n"
    cluster.collection("replies", fields, createRule=counted)


@pytest.fixture
def penman(guest: httpx.Client) -> Iterator[tuple[str, httpx.Client]]:
    """A new user's id, and his client."""
    login = {"identity": f"{record_id()}@example.com", "password": SECRET}
    account = {"email": login["identity"], "password": SECRET, "passwordConfirm": SECRET}
    own = guest.post(path("penmen"), json=account).json()["id"]
    token = guest.post("/api/collections/penmen/auth-with-password", json=login).json()["token"]
    with fresh_client(guest.base_url, headers={"Authorization": token}) as client:
        yield own, client


def test_a_create_rule_about_the_record_alone(penman: tuple[str, httpx.Client]) -> None:
    """It holds or not, alone and as a later part of a batch, which only the writer judges."""
    own, client = penman
    assert client.post(path("essays"), json={"by": own, "n": 4}).status_code == 200
    assert client.post(path("essays"), json={"by": own, "n": 5}).status_code == 400
    assert client.post(path("essays"), json={"n": 1}).status_code == 400
    good, bad = creating("essays", by=own, n=1), creating("essays", by=own, n=5)
    assert send(client, good, good).status_code == 200
    assert failure(send(client, bad, good))[0] == 0
    assert failure(send(client, good, bad))[0] == 1


def test_a_create_rule_that_compares_one_text(
    penman: tuple[str, httpx.Client], guest: httpx.Client
) -> None:
    """As any other, though SQLite is not asked; an empty text equals that of a guest."""
    own, client = penman
    good, bad = creating("letters", by=own), creating("letters", by="somebody")
    assert send(client, good, good).status_code == 200
    assert failure(send(client, bad, good))[0] == 0
    assert failure(send(client, good, bad))[0] == 1
    assert client.post(path("letters"), json={"by": own.upper()}).status_code == 400
    assert client.post(path("letters"), json={"n": 1}).status_code == 400
    assert guest.post(path("letters"), json={"by": own}).status_code == 400
    assert guest.post(path("letters"), json={"n": 1}).status_code == 200


def test_a_create_rule_about_other_records(penman: tuple[str, httpx.Client]) -> None:
    """What it says may change until the insert, here by the batch itself."""
    own, client = penman
    reply = creating("replies", by=own, n=3.25)
    assert failure(send(client, reply))[0] == 0
    assert send(client, creating("essays", by=own, n=3.25), reply).status_code == 200
    assert client.post(path("replies"), json={"by": own, "n": 3.25}).status_code == 200


def test_who_writes_may_be_referred_to(penman: tuple[str, httpx.Client]) -> None:
    """Alone or among others, who must exist."""
    own, client = penman
    made = client.post(path("essays"), json={"by": own, "with": [own]})
    assert made.status_code == 200, made.text
    essay = made.json()["id"]
    assert client.patch(path("essays", essay), json={"by": own}).status_code == 200
    for sent in ({"with": [own, "nobody"]}, {"by": own, "with": "nobody"}):
        reply = client.post(path("essays"), json={"by": own, **sent})
        assert reply.json()["data"]["with"]["code"] == MISSING_RELATION


def test_who_deletes_himself_is_referred_to_no_more(penman: tuple[str, httpx.Client]) -> None:
    """A batch may delete the very caller, so there his record is looked for each time."""
    own, client = penman
    essay = client.post(path("essays"), json={"by": own}).json()["id"]
    gone = deleting("penmen", own)
    for later in (creating("essays", by=own), changing("essays", essay, **{"with": own})):
        index, answer = failure(send(client, gone, later))
        assert index == 1
        assert [one["code"] for one in answer["data"].values()] == [MISSING_RELATION]


def test_a_caller_who_is_gone_is_nobody(penman: tuple[str, httpx.Client]) -> None:
    """His token is good for nothing, however often it was used before."""
    own, client = penman
    essay = {"by": own}
    assert client.post(path("essays"), json=essay).status_code == 200
    assert client.delete(path("penmen", own)).status_code == 204
    assert client.post(path("essays"), json=essay).status_code == 400
