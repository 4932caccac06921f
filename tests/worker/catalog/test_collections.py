"""Collections over HTTP. Also `worker.catalog.collection_list`, `worker.wire.pocketbase.collections`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.fresh import fresh_client

PATH = "/api/collections"
TITLE: dict[str, Any] = {"name": "title", "type": "text"}


def _fresh(superuser: httpx.Client, name: str, **more: Any) -> dict[str, Any]:
    reply = superuser.post(PATH, json={"name": name, "fields": [TITLE], **more})
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()
    return made


def test_collections_are_a_superusers(guest: httpx.Client) -> None:
    """A guest is told to log in, whatever he asks."""
    for reply in (
        guest.get(PATH),
        guest.get(f"{PATH}/_superusers"),
        guest.get(f"{PATH}/nope"),
        guest.post(PATH, json={"name": "mine"}),
        guest.patch(f"{PATH}/_superusers", json={}),
        guest.delete(f"{PATH}/_superusers"),
    ):
        assert reply.status_code == 401
        assert reply.json()["data"] == {}


def test_a_collection_lives(superuser: httpx.Client) -> None:
    """Create, view by name and id, change, fill, delete."""
    made = _fresh(superuser, "lived", listRule="")
    assert superuser.get(f"{PATH}/LIVED").json() == made
    assert superuser.get(f"{PATH}/{made['id']}").json() == made
    assert [field["name"] for field in made["fields"]] == ["id", "title"]
    record = superuser.post(f"{PATH}/lived/records", json={"title": "t"}).json()

    fields = [*made["fields"], {"name": "n", "type": "number"}]
    fields[1] = {**fields[1], "name": "headline"}
    changed = superuser.patch(f"{PATH}/lived", json={"name": "moved", "fields": fields})
    assert changed.status_code == 200, changed.text
    assert changed.json()["listRule"] == ""
    found = superuser.get(f"{PATH}/moved/records/{record['id']}").json()
    assert (found["headline"], found["n"]) == ("t", 0)
    assert superuser.get(f"{PATH}/lived/records").status_code == 404

    assert superuser.delete(f"{PATH}/moved").status_code == 204
    assert superuser.delete(f"{PATH}/moved").status_code == 404
    assert superuser.get(f"{PATH}/moved/records").status_code == 404


def test_a_change_is_known_to_every_worker_at_once(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """After the answer no request is judged by the old rule, whichever worker takes it."""
    _fresh(superuser, "switched", listRule="")
    for rule, status in ((None, 403), ("", 200)) * 5:
        assert superuser.patch(f"{PATH}/switched", json={"listRule": rule}).status_code == 200
        for _ in range(6):
            with fresh_client(cluster.url) as fresh:
                assert fresh.get(f"{PATH}/switched/records").status_code == status


def test_the_list_can_be_paged_sorted_filtered_and_cut(superuser: httpx.Client) -> None:
    """Over the catalog's own columns only."""
    for name in ("list_c", "list_a", "list_b"):
        _fresh(superuser, name)
    query = {"filter": "name ~ 'list_%' && system = false", "sort": "-name", "fields": "name"}
    page = superuser.get(PATH, params={**query, "perPage": 2}).json()
    assert page["items"] == [{"name": "list_c"}, {"name": "list_b"}]
    assert (page["totalItems"], page["totalPages"]) == (3, 2)
    rest = superuser.get(PATH, params={**query, "perPage": 2, "page": 2, "skipTotal": 1}).json()
    assert (rest["items"], rest["totalItems"]) == ([{"name": "list_a"}], -1)
    whole = superuser.get(PATH, params={"filter": "name = 'list_a'"}).json()["items"][0]
    assert whole == superuser.get(f"{PATH}/list_a").json()
    for wrong in ({"filter": "options = 'x'"}, {"sort": "fields"}, {"filter": "listRule = ''"}):
        assert superuser.get(PATH, params=wrong).status_code == 400


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "taken_already"}, "name"),
        ({"name": "ok1", "listRule": "nope = 1"}, "listRule"),
        ({"name": "ok2", "updateRule": "title ="}, "updateRule"),
        ({"name": "ok3", "indexes": ["CREATE INDEX x ON ok3 (nope)"]}, "indexes"),
        ({"name": "ok4", "type": "nope"}, "type"),
    ],
)
def test_a_wrong_definition_is_refused_whole(
    superuser: httpx.Client, body: dict[str, Any], key: str
) -> None:
    """400 with the place that is wrong, and nothing is made."""
    if superuser.get(f"{PATH}/taken_already").status_code == 404:
        _fresh(superuser, "taken_already")
    before = superuser.get(PATH).json()["totalItems"]
    reply = superuser.post(PATH, json={"fields": [TITLE], **body})
    assert reply.status_code == 400
    assert key in reply.json()["data"]
    assert superuser.get(PATH).json()["totalItems"] == before


def test_a_rule_that_a_change_would_break_stops_it(superuser: httpx.Client) -> None:
    """A field that a rule names cannot go without the rule."""
    made = _fresh(superuser, "leaning", listRule="title = 'x'")
    fields = [field for field in made["fields"] if field["name"] != "title"]
    reply = superuser.patch(f"{PATH}/leaning", json={"fields": fields})
    assert (reply.status_code, set(reply.json()["data"])) == (400, {"listRule"})
    both = superuser.patch(f"{PATH}/leaning", json={"fields": fields, "listRule": None})
    assert both.status_code == 200


def test_rows_that_do_not_fit_a_new_index_stop_it(superuser: httpx.Client) -> None:
    """The whole change is taken back."""
    made = _fresh(superuser, "doubled")
    for _ in range(2):
        superuser.post(f"{PATH}/doubled/records", json={"title": "same"})
    index = "CREATE UNIQUE INDEX once ON doubled (title)"
    reply = superuser.patch(f"{PATH}/doubled", json={"indexes": [index], "name": "other"})
    assert (reply.status_code, set(reply.json()["data"])) == (400, {"indexes"})
    assert superuser.get(f"{PATH}/doubled").json() == made


def test_what_is_referred_to_or_ours_stays(superuser: httpx.Client) -> None:
    """Delete is refused for referenced and system collections; a self-reference is no hindrance."""
    target = _fresh(superuser, "target")
    relation = {"name": "up", "type": "relation", "collectionId": target["id"], "maxSelect": 1}
    superuser.post(PATH, json={"name": "referrer", "fields": [relation]})
    assert superuser.delete(f"{PATH}/target").status_code == 400
    assert superuser.delete(f"{PATH}/referrer").status_code == 204
    own = superuser.patch(f"{PATH}/target", json={"fields": [*target["fields"], relation]})
    assert own.status_code == 200, own.text
    assert superuser.delete(f"{PATH}/target").status_code == 204
    assert superuser.delete(f"{PATH}/_superusers").status_code == 400


def test_a_repeated_definition_is_answered_and_not_applied(superuser: httpx.Client) -> None:
    """Idempotency-Key holds for collections, too."""
    body, headers = {"name": "keyed", "fields": [TITLE]}, {"Idempotency-Key": "coll"}
    first = superuser.post(PATH, json=body, headers=headers)
    again = superuser.post(PATH, json=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replay"] == "true"


def test_secrets_of_tokens_are_not_shown(superuser: httpx.Client) -> None:
    """Neither in the view nor in the list."""
    assert "secret" not in superuser.get(f"{PATH}/_superusers").text
    assert "secret" not in superuser.get(PATH, params={"filter": "system = true"}).text
