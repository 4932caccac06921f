"""`explain=1` over HTTP, true about what the read does. Also `worker.wire.pocketbase.explain`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess

NOTES = "/api/collections/notes/records"


@pytest.fixture(scope="module", autouse=True)
def _notes(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    fields = [
        {"name": "title", "type": "text"},
        {"name": "state", "type": "text"},
        {"name": "owner", "type": "text"},
    ]
    cluster.collection(
        "notes", fields, listRule="owner = @request.auth.id", viewRule="owner = @request.auth.id"
    )
    cluster.collection("closed", fields, listRule=None, viewRule=None)
    for n in range(5):
        body = {"title": f"t{n}", "state": "new", "id": f"note{n:011}"}
        assert superuser.post(NOTES, json=body).status_code == 200


def _explained(client: httpx.Client, path: str = NOTES, **params: Any) -> dict[str, Any]:
    reply = client.get(path, params={"explain": 1, **params})
    assert reply.status_code == 200, reply.text
    told: dict[str, Any] = reply.json()
    return told


@pytest.mark.parametrize(
    "path", [NOTES, f"{NOTES}/note00000000000", "/api/collections/closed/records"]
)
def test_it_is_for_superusers(guest: httpx.Client, path: str) -> None:
    """403 for all others, whatever the rule; off, it changes nothing."""
    assert guest.get(path, params={"explain": "true"}).status_code == 403
    plain = guest.get(path)
    assert guest.get(path, params={"explain": "0"}).status_code == plain.status_code
    assert guest.get(path, params={"explain": "perhaps"}).status_code == 400


def test_a_list_is_explained(superuser: httpx.Client) -> None:
    """Rule, filter, statements with values, SQLite's plan, the way that was chosen, times."""
    told = _explained(superuser, filter="state = 'new'", sort="-title", perPage=3)

    assert told["rule"]["text"] == "owner = @request.auth.id"
    assert told["rule"]["verdict"] == "allows all"
    assert '"owner"' in told["rule"]["sql"]
    assert told["filter"]["text"] == "state = 'new'"
    assert '"state"' in told["filter"]["sql"]
    assert told["filter"]["params"] == ["new"]
    assert told["sort"]["text"] == "-title"
    page = told["page"]
    assert page["sql"].startswith("SELECT")
    assert page["params"] == ["new", 3, 0]
    assert any("SCAN r" in line for line in page["plan"])
    assert (page["strategy"], bool(page["why"])) == ("walk along the order", True)
    assert page["ms"] >= 0
    assert told["count"]["ms"] >= 0
    assert told["missingIndexes"] == [
        "CREATE INDEX `idx_notes_state_title` ON `notes` (`state`, `title`)"
    ]


def test_an_index_that_is_named_can_be_made(
    cluster: ClusterProcess, superuser: httpx.Client
) -> None:
    """The collection takes it as it stands; afterwards it is used, and nothing is missing."""
    fields = [{"name": "kind", "type": "text"}, {"name": "day", "type": "date"}]
    cluster.collection("events", fields)
    path = "/api/collections/events/records"
    query = {"filter": "kind = 'x'", "sort": "-day"}
    before = _explained(superuser, path, **query)
    assert before["missingIndexes"]
    reply = superuser.patch("/api/collections/events", json={"indexes": before["missingIndexes"]})
    assert reply.status_code == 200, reply.text
    for _ in range(6):  # whichever worker answers
        after = _explained(superuser, path, **query)
        assert after["missingIndexes"] == []
        assert any("idx_events_kind_day" in line for line in after["page"]["plan"])
        assert not any("TEMP B-TREE" in line for line in after["page"]["plan"])


def test_a_view_is_explained(superuser: httpx.Client) -> None:
    """Found by its id, whether it is there or not."""
    told = _explained(superuser, f"{NOTES}/note00000000001", explainAs="guest")
    assert told["rule"] | {"sql": "", "params": []} == {
        "action": "view", "text": "owner = @request.auth.id", "verdict": "judges each record",
        "sql": "", "params": [],
    }  # fmt: skip
    assert told["viewer"] == "guest"
    assert any("INDEX" in line and "id=?" in line for line in told["record"]["plan"])
    assert told["missingIndexes"] == []


def test_it_can_be_asked_as_somebody_else(superuser: httpx.Client) -> None:
    """His rule stands in the statements, with his values; where it denies, nothing is run."""
    as_guest = _explained(superuser, explainAs="guest")
    assert '"owner"' in as_guest["page"]["sql"]
    assert as_guest["rule"]["verdict"] == "judges each record"
    boss = superuser.get("/api/collections/_superusers/records").json()["items"][0]["id"]
    for viewer in ("_superusers", f"_superusers/{boss}"):
        assert _explained(superuser, explainAs=viewer)["rule"]["verdict"] == "allows all"
    closed = _explained(superuser, "/api/collections/closed/records", explainAs="guest")
    assert closed["rule"] == {"action": "list", "text": None, "verdict": "denies all"}
    assert "page" not in closed
    for wrong in ("notes", "nobody", "_superusers/nobody"):
        params = {"explain": 1, "explainAs": wrong}
        assert superuser.get(NOTES, params=params).status_code == 400


@pytest.mark.parametrize("query", [{"filter": "nope = 1"}, {"sort": "nope"}, {"page": "x"}])
def test_what_is_wrong_stays_wrong(superuser: httpx.Client, query: dict[str, str]) -> None:
    """400 as for the read itself, and 404 for what is not there."""
    assert superuser.get(NOTES, params={"explain": 1, **query}).status_code == 400
    at_a_row: dict[str, str | int] = {"explain": 1, "filter": f"title ~ '{'x' * 300}'"}
    assert superuser.get(NOTES, params=at_a_row).status_code == 400
    missing = superuser.get("/api/collections/nope/records", params={"explain": 1})
    assert missing.status_code == 404


def test_fields_and_cursors_go_with_it(superuser: httpx.Client) -> None:
    """The explanation is JSON like any other; a cursor's first page is explained for all."""
    told = _explained(superuser, fields="page.sql,count.ms", cursor="", perPage=2)
    assert set(told) == {"page", "count"}
    assert "OFFSET" not in told["page"]["sql"]
    assert superuser.get(NOTES, params={"explain": 1, "cursor": "?", "page": 2}).status_code == 400
