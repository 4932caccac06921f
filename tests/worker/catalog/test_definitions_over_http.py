"""Auth collections, imports, scaffolds and truncation of a real cluster.

Covers `worker.catalog.scaffolds` and `worker.wire.pocketbase.routes` too.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client

PATH = "/api/collections"
TITLE: dict[str, Any] = {"name": "title", "type": "text"}


def test_a_new_depot_has_users(superuser: httpx.Client, guest: httpx.Client) -> None:
    """Anybody signs up, and sees himself and nobody else."""
    users = superuser.get(f"{PATH}/users").json()
    assert (users["id"], users["type"], users["system"]) == ("_pb_users_auth_", "auth", False)
    assert users["createRule"] == ""
    assert {users[key] for key in ("listRule", "viewRule", "updateRule", "deleteRule")} == {
        "id = @request.auth.id"
    }
    names = [field["name"] for field in users["fields"] if not field["system"]]
    assert names == ["name", "avatar", "created", "updated"]
    assert guest.get(f"{PATH}/users/records").json()["items"] == []


def test_an_auth_collection_is_defined_and_its_records_log_in(
    superuser: httpx.Client, guest: httpx.Client
) -> None:
    """A collection of one's own serves logins at once; a new auth rule ends its sessions."""
    made = superuser.post(PATH, json={"name": "members", "type": "auth", "fields": [TITLE]})
    assert made.status_code == 200, made.text
    assert "secret" not in made.text
    body = {"email": "m@b.cd", "password": "12345678", "passwordConfirm": "12345678"}
    assert superuser.post(f"{PATH}/members/records", json=body).status_code == 200
    login = {"identity": "m@b.cd", "password": "12345678"}
    token = guest.post(f"{PATH}/members/auth-with-password", json=login).json()["token"]
    refresh = f"{PATH}/members/auth-refresh"
    headers = {"Authorization": token}
    assert guest.post(refresh, headers=headers).status_code == 200

    rule = superuser.patch(f"{PATH}/members", json={"authRule": "verified = false"})
    assert rule.status_code == 200, rule.text
    assert guest.post(refresh, headers=headers).status_code == 401
    assert guest.post(f"{PATH}/members/auth-with-password", json=login).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"mfa": {"enabled": True}}, ["mfa", "enabled"], "validation_mfa_not_enough_auths"),
        ({"passwordAuth": {"identityFields": ["name"]}}, ["passwordAuth", "identityFields"],
         "validation_missing_unique_constraint"),
        ({"authRule": "nope = 1"}, ["authRule"], "validation_invalid_rule"),
        ({"mfa": {"rule": "nope = 1"}}, ["mfa", "rule"], "validation_invalid_rule"),
        ({"indexes": []}, ["indexes"], "validation_missing_required_unique_index"),
    ],
)  # fmt: skip
def test_codes_of_options_are_nested(
    superuser: httpx.Client, body: dict[str, Any], path: list[str], code: str
) -> None:
    """At the place of the mistake."""
    reply = superuser.patch(f"{PATH}/users", json=body)
    assert reply.status_code == 400
    found = reply.json()["data"]
    for key in path:
        found = found[key]
    assert found["code"] == code


def test_scaffolds_can_be_filled_in(superuser: httpx.Client, guest: httpx.Client) -> None:
    """Each kind with its defaults, good for a definition once it has a name."""
    found = superuser.get(f"{PATH}/meta/scaffolds").json()
    assert set(found) == {"base", "auth", "view"}
    assert (found["base"]["id"], found["base"]["name"], found["view"]["viewQuery"]) == ("", "", "")
    assert found["auth"]["passwordAuth"] == {"enabled": True, "identityFields": ["email"]}
    for kind in ("base", "auth"):
        reply = superuser.post(PATH, json={**found[kind], "name": f"from_{kind}"})
        assert reply.status_code == 200, reply.text
    assert superuser.get(f"{PATH}/meta/oauth2-providers").json() == []
    for path in ("scaffolds", "oauth2-providers"):
        assert guest.get(f"{PATH}/meta/{path}").status_code == 401


def test_an_import_is_one_change(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """All of it is there at once for every worker, or nothing is."""
    link = {"name": "b", "type": "relation", "collectionId": "imported_b"}
    good = [
        {"id": "imported_a", "name": "ia", "fields": [link], "listRule": "b.title != 'x'"},
        {"id": "imported_b", "name": "ib", "fields": [TITLE], "listRule": ""},
        {"name": "iv", "type": "view", "viewQuery": "SELECT id, b FROM ia", "listRule": ""},
    ]
    bad = [*good, {"name": "ic", "listRule": "nope = 1"}]
    reply = superuser.put(f"{PATH}/import", json={"collections": bad})
    assert reply.status_code == 400
    problem = reply.json()["data"]["collections"]
    assert problem["code"] == "validation_collections_import_failure"
    assert "ic" in problem["message"]
    assert superuser.get(f"{PATH}/ia").status_code == 404

    reply = superuser.put(f"{PATH}/import", json={"collections": good})
    assert (reply.status_code, reply.content) == (204, b"")
    for name in ("ia", "ib", "iv") * 3:
        with fresh_client(cluster.url) as fresh:
            assert fresh.get(f"{PATH}/{name}/records").status_code == 200
    swapped = [{"id": "imported_a", "name": "iz", "fields": []}, {"name": "iv", "listRule": None}]
    reply = superuser.put(f"{PATH}/import", json={"collections": swapped})
    assert reply.status_code == 400  # the view reads it by its name
    reply = superuser.put(f"{PATH}/import", json={"collections": []})
    assert reply.json()["data"]["collections"]["code"] == "validation_required"
    assert guest.put(f"{PATH}/import", json={"collections": good}).status_code == 401


def test_an_export_is_an_import(superuser: httpx.Client) -> None:
    """The SDK's way of copying a depot: what was listed goes back, and nothing is missing."""
    items = superuser.get(PATH, params={"perPage": 500}).json()["items"]
    body = {"collections": items, "deleteMissing": True}
    assert superuser.put(f"{PATH}/import", json=body).status_code == 204
    again = superuser.get(PATH, params={"perPage": 500}).json()["items"]
    assert [{**one, "updated": ""} for one in again] == [{**one, "updated": ""} for one in items]


def test_a_collection_may_be_called_import(superuser: httpx.Client) -> None:
    """It shares its path with an action of another method."""
    assert superuser.post(PATH, json={"name": "import", "fields": [TITLE]}).status_code == 200
    assert superuser.get(f"{PATH}/import").json()["name"] == "import"
    changed = superuser.patch(f"{PATH}/import", json={"listRule": ""})
    assert changed.json()["listRule"] == ""
    assert superuser.delete(f"{PATH}/import").status_code == 204
    assert superuser.get(f"{PATH}/import").status_code == 404


def test_a_collection_is_emptied(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """Its records go, with those that cascade; references to them are taken out."""
    target = cluster.collection("emptied", [TITLE])
    cascade = {"name": "t", "type": "relation", "collectionId": target["id"]}
    cluster.collection("takes", [{**cascade, "cascadeDelete": True}])
    cluster.collection("keeps", [cascade])
    for number in range(3):
        made = superuser.post(f"{PATH}/emptied/records", json={"title": str(number)}).json()
        for name in ("takes", "keeps"):
            superuser.post(f"{PATH}/{name}/records", json={"t": made["id"]})
    assert guest.delete(f"{PATH}/emptied/truncate").status_code == 401
    assert superuser.delete(f"{PATH}/emptied/truncate").status_code == 204
    counts = {
        name: superuser.get(f"{PATH}/{name}/records").json()["totalItems"]
        for name in ("emptied", "takes", "keeps")
    }
    assert counts == {"emptied": 0, "takes": 0, "keeps": 3}
    kept = superuser.get(f"{PATH}/keeps/records").json()["items"]
    assert {one["t"] for one in kept} == {""}
    assert superuser.delete(f"{PATH}/_superusers/truncate").status_code == 400
    assert superuser.delete(f"{PATH}/nope/truncate").status_code == 404


def test_a_value_that_does_not_fit_stops_a_change_of_type(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """The place is told, and the record is as it was."""
    made = cluster.collection("typed", [{**TITLE, "id": "own"}])
    superuser.post(f"{PATH}/typed/records", json={"title": "words"})
    fields = [{"id": "own", "name": "title", "type": "number"}]
    reply = superuser.patch(f"{PATH}/typed", json={"fields": fields})
    assert reply.status_code == 400, reply.text
    assert reply.json()["data"]["fields"]["code"] == "validation_field_type_change"
    assert superuser.get(f"{PATH}/typed").json() == made
    assert superuser.get(f"{PATH}/typed/records").json()["items"][0]["title"] == "words"
