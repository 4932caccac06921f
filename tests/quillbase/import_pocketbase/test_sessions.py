"""Users go on as before: passwords, second factors, and the sessions that they had.

Tests `worker.pb_data.acceptance`.
"""

from __future__ import annotations

import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.cluster_process import ClusterProcess
from tests.examples.sdk_process import Language, Refused, SdkProcess
from tests.quillbase.import_pocketbase.folder import PASSWORD, Reading


def _old_token(source: Reading, collection: str, record: dict[str, object], key: str = "") -> str:
    """A token as the old server issued it, for a week."""
    definition = source.collections[collection]
    claims = {
        "collectionId": definition["id"],
        "exp": int(time.time()) + 604_800,
        "id": record["id"],
        "refreshable": True,
        "type": "auth",
    }
    secret = definition["options"]["authToken"]["secret"]
    signed = OctKey.import_key(key or f"{record['tokenKey']}{secret}")
    return jwt.encode({"alg": "HS256"}, claims, signed)


def test_the_official_sdk_logs_in(imported: ClusterProcess) -> None:
    """With the password of before, by address and by user name."""
    with SdkProcess(Language.JAVASCRIPT, imported.url) as sdk:
        for identity in ("test@example.com", "clients57772"):
            sdk.call("login", collection="clients", identity=identity, password=PASSWORD)
        with pytest.raises(Refused) as refused:
            sdk.call("login", collection="clients", identity="test@example.com", password="wrong")
        assert refused.value.status == 400


def test_an_unverified_user_stays_out(imported: ClusterProcess) -> None:
    """The rule for logins of `clients` is `verified=true`."""
    url = f"{imported.url}/api/collections/clients/auth-with-password"
    reply = httpx.post(
        url, json={"identity": "test2@example.com", "password": PASSWORD}, timeout=30
    )
    assert reply.status_code == 403, reply.text


def test_a_second_factor_is_asked_for(imported: ClusterProcess) -> None:
    """401 with an id to go on with, and never a token."""
    with SdkProcess(Language.JAVASCRIPT, imported.url) as sdk, pytest.raises(Refused) as refused:
        sdk.call("login", collection="users", identity="test@example.com", password=PASSWORD)
    assert refused.value.status == 401
    assert isinstance(refused.value.response, dict)
    assert refused.value.response["mfaId"]
    assert "token" not in refused.value.response


@pytest.mark.parametrize("collection", ["users", "clients", "nologin", "_superusers"])
def test_a_session_of_the_old_server_goes_on(
    imported: ClusterProcess, source: Reading, collection: str
) -> None:
    """Its token opens the record and is refreshed; one signed with another key does not."""
    record = source.rows[collection][0]
    good = {"Authorization": _old_token(source, collection, record)}
    bad = {"Authorization": _old_token(source, collection, record, "x" * 80)}
    refresh = f"/api/collections/{collection}/auth-refresh"
    with httpx.Client(base_url=imported.url, timeout=30) as client:
        if collection in ("users", "_superusers"):
            url = f"/api/collections/{collection}/records/{record['id']}"
            assert client.get(url, headers=good).json()["email"] == record["email"]
            assert client.get(url, headers=bad).status_code in (403, 404)
        reply = client.post(refresh, headers=good)
        assert reply.status_code == 200, reply.text
        assert reply.json()["record"]["id"] == record["id"]
        assert client.post(refresh, headers=bad).status_code == 401


def test_a_superuser_reads_through_relations(boss: httpx.Client) -> None:
    """`demo1` with a nested expand, filtered by what refers to it."""
    reply = boss.get(
        "/api/collections/demo1/records",
        params={
            "expand": "rel_one.rel_many,rel_many.rel",
            "filter": "demo1_via_rel_one.text ?= 'test2' || demo1_via_rel_one.id ?= 'none'",
        },
    )
    assert reply.status_code == 200, reply.text
    (item,) = reply.json()["items"]
    assert item["id"] == "84nmscqy84lsi1t"
    (user,) = item["expand"]["rel_many"]
    assert user["id"] == "oap640cot4yru2s"
    reply = boss.get(
        "/api/collections/demo1/records/al1h9ijdeojtsjy",
        params={"expand": "rel_one.rel_many,rel_many.rel"},
    )
    expanded = reply.json()["expand"]
    assert expanded["rel_one"]["expand"]["rel_many"][0]["email"] == "test2@example.com"
    related = [user.get("expand", {}).get("rel", {}).get("title") for user in expanded["rel_many"]]
    assert related == ["test3", "test1", None]


def test_rules_hold_as_before(imported: ClusterProcess) -> None:
    """A guest sees what everybody may see, and nothing of what is locked."""
    with httpx.Client(base_url=imported.url, timeout=30) as guest:
        assert guest.get("/api/collections/demo2/records").json()["totalItems"] == 3
        assert guest.get("/api/collections/demo1/records").status_code == 403
        assert guest.get("/api/collections/view1/records").json()["totalItems"] == 0
        found = guest.get("/api/collections/demo5/records").json()["items"]
        assert [item["id"] for item in found] == ["qjeql998mtp1azp"]
