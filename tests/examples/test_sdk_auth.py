"""The official SDK logs in, meets a second factor, and gets tokens for files."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.examples.sdk_process import Language, Refused, SdkProcess

SECRET = {"password": "long enough", "passwordConfirm": "long enough"}
LOGIN: dict[str, Any] = {"identity": "ann@example.com", "password": "long enough"}


def _member(superuser: httpx.Client, collection: str, **more: Any) -> str:
    """The id of the one record of a new auth collection."""
    body = {"name": collection, "type": "auth", **more}
    reply = superuser.post("/api/collections", json=body)
    assert reply.status_code == 200, reply.text
    record = {"email": LOGIN["identity"], **SECRET}
    made = superuser.post(f"/api/collections/{collection}/records", json=record)
    return str(made.json()["id"])


def test_the_javascript_sdk(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    """What its documentation reads is there: `err.response.mfaId`, `files.getToken()`."""
    own = _member(superuser, "members")
    mfa = {"enabled": True, "duration": 600, "rule": ""}
    careful = _member(superuser, "careful", mfa=mfa, otp={"enabled": True})
    linked = {"collectionRef": "members", "recordRef": own, "provider": "github"}
    linked["collectionRef"] = superuser.get("/api/collections/members").json()["id"]
    accounts = "/api/collections/_externalAuths/records"
    made = superuser.post(accounts, json={**linked, "providerId": "7"})
    assert made.status_code == 200, made.text

    with SdkProcess(Language.JAVASCRIPT, cluster.url) as sdk:
        with pytest.raises(Refused) as guest:
            sdk.call("fileToken")
        assert guest.value.status == 401

        with pytest.raises(Refused) as second:
            sdk.call("login", collection="careful", **LOGIN)
        assert second.value.status == 401
        assert isinstance(second.value.response, dict)
        begun = superuser.get("/api/collections/_mfas/records").json()["items"]
        assert [(one["id"], one["recordRef"]) for one in begun] == [
            (second.value.response["mfaId"], careful)
        ]
        with pytest.raises(Refused) as same:
            sdk.call("login", collection="careful", **LOGIN, options=second.value.response)
        assert same.value.status == 400

        entered = sdk.call("login", collection="members", **LOGIN)
        assert entered == {"valid": True, "id": own}
        assert sdk.call("fileToken").count(".") == 2
        listed = sdk.call("externalAuths", collection="members", id=own)
        assert [one["provider"] for one in listed] == ["github"]
        sdk.call("unlink", collection="members", id=own, provider="github")
        assert sdk.call("externalAuths", collection="members", id=own) == []
