"""Records of record APIs read over HTTP: one, pages of them, schemas, and who may.

Also tests `worker.apis.point`, `worker.apis.permissions`, `worker.apis.catalog`, `worker.apis.build`, `worker.apis.schema`, `worker.apis.ids`,
`worker.apis.refusal`, `shared.schema.api`,
`shared.sql.api.list`, `shared.sql.api.shape`, `worker.wire.trailbase.records`,
`worker.wire.trailbase.routes`, `worker.wire.trailbase.encode`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.waiting import until
from tests.worker.apis.depot import (
    CONFIG,
    FIRST,
    LARGEST,
    RECORDS,
    SECOND,
    admin_client,
    write_depot,
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterProcess]:
    """One over the depot that was written by hand."""
    depot = tmp_path_factory.mktemp("apis") / "depot"
    write_depot(depot)
    with ClusterProcess(depot) as running:
        yield running


@pytest.fixture(scope="module")
def guest(cluster: ClusterProcess) -> httpx.Client:
    """Nobody."""
    return cluster.client(superuser=False)


@pytest.fixture(scope="module")
def user(cluster: ClusterProcess) -> httpx.Client:
    """Somebody."""
    return admin_client(cluster)


def b64(uuid: str) -> str:
    return base64.urlsafe_b64encode(UUID(uuid).bytes).decode()


def got(client: httpx.Client, path: str, status: int = 200, **query: Any) -> Any:
    reply = client.get(f"{RECORDS}/{path}", params=query or None)
    assert reply.status_code == status, reply.text
    if status == 200:
        assert reply.headers["content-type"] == "application/json"
        return reply.json()
    assert (reply.content == b"") is (status != 400), reply.text
    return reply.text


def test_a_record(guest: httpx.Client) -> None:
    """Each type as it stands in JSON; what is excluded or write-only is no key."""
    expected = {
        "id": b64(FIRST),
        "room": {"id": 1},
        "other": 2,
        "data": "a",
        "score": 1.5,
        "extra": {"k": 1},
        "thing": "AP8=",
        "file": {"filename": "x"},
    }
    assert got(guest, f"message/{b64(FIRST)}") == expected
    assert list(got(guest, f"message/{FIRST}")) == list(expected)
    second = got(guest, f"message/{b64(SECOND).rstrip('=')}")
    assert second["thing"] == 9007199254740993
    assert second["room"] is None
    assert got(guest, f"room/{LARGEST}") == {"id": LARGEST, "name": "large"}
    assert got(guest, "word/plain") == {"id": "plain", "n": 1.0}


def test_ids(guest: httpx.Client) -> None:
    """What can be no id is 400, what names nothing is 404."""
    for path in (
        "room/x",
        f"room/{2**63}",
        "room/1.0",
        "message/AAAA",
        "message/1",
        "room/%20",
        "word/%00",
    ):
        assert got(guest, path, 400) == "Invalid id"
    assert guest.get(f"{RECORDS}/word/%ff%fe").status_code in (400, 404)
    for path in ("room/77", "room/-1", f"message/{b64(FIRST[:-1] + '9')}", "word/none"):
        got(guest, path, 404)


def test_unknown_apis(guest: httpx.Client, cluster: ClusterProcess) -> None:
    """One that is not there, or that cannot be served, is 405; the log has the reason, once."""
    for name in ("nothing", "gone", "broken", "ROOM", "_user", "sqlite_schema"):
        got(guest, name, 405)
        got(guest, f"{name}/1", 405)
        got(guest, f"{name}/schema", 405)
    told = [one["api"] for one in cluster.events() if one["event"].startswith("a record API")]
    assert set(told) == {"gone", "broken", "hashes"}
    assert len(told) <= 3 * cluster.workers
    for path in ("/api/records/v1", "/api/records/v1/room/1/2", "/api/records/v2/room"):
        reply = guest.get(path)
        assert (reply.status_code, reply.content) == (404, b"")


def test_who_may(guest: httpx.Client, user: httpx.Client) -> None:
    """The bits first, then the rule: of a list a filter, of a record the word."""
    got(guest, "closed", 403)
    got(user, "closed/1", 403)
    got(guest, "users_only/1", 403)
    got(guest, "users_only/schema", 403)
    assert got(user, "users_only/1") == {"id": 1, "name": "one"}
    assert got(user, "users_only/schema")["title"] == "users_only"
    assert [one["data"] for one in got(guest, "ruled")["records"]] == ["c", "a"]
    assert got(guest, f"ruled/{FIRST}")["data"] == "a"
    got(guest, f"ruled/{SECOND}", 403)
    got(guest, f"ruled/{FIRST[:-1]}9", 403)  # not told apart from one that is hidden
    assert got(guest, "own") == {"records": []}
    assert got(user, "own", count=True) == {"total_count": 0, "records": []}
    bad = {"Authorization": "Bearer nonsense"}
    assert guest.get(f"{RECORDS}/room/1", headers=bad).status_code == 200
    assert guest.get(f"{RECORDS}/users_only/1", headers=bad).status_code == 403


def test_a_rule_that_fails_denies(guest: httpx.Client) -> None:
    """An error of SQLite's in a rule is a no, for the page as for the record."""
    got(guest, "failing", 403)
    got(guest, "failing/1", 403)


def test_like_in_rules_tells_case(guest: httpx.Client) -> None:
    """`t%` is not `Two`."""
    assert got(guest, "cased")["records"] == []


def test_expand(guest: httpx.Client) -> None:
    """Only what the settings list, without what an API of that table excludes."""
    found = got(guest, f"message/{FIRST}", expand="room")
    assert found["room"] == {"id": 1, "data": {"id": 1, "name": "one"}}
    rows = got(guest, "message", expand="room", order="data")["records"]
    assert [row["room"] and row["room"]["data"]["name"] for row in rows] == ["one", None, "Two"]
    for wrong in ("other", "_owner", "room,other", "secret", "nothing", "data"):
        assert got(guest, f"message/{FIRST}", 400, expand=wrong) == "Invalid expansion"
        assert got(guest, "message", 400, expand=wrong) == "Invalid expansion"


def filtered(client: httpx.Client, pattern: str) -> Any:
    """Rooms whose names are LIKE a pattern."""
    query: dict[str, Any] = {"filter[name][$like]": pattern}
    return got(client, "room", **query)["records"]


def test_lists(guest: httpx.Client) -> None:
    """Limit, offset, order and count."""
    assert [one["id"] for one in got(guest, "many")["records"]] == [*range(60, 20, -1)]
    assert got(guest, "many", limit=0, count=1) == {"total_count": 60, "records": []}
    assert got(guest, "many", 400, limit=41) == "limit exceeds max limit of 40"
    rows = got(guest, "many", limit=3, offset=2, order="-grade,id", count="true")
    assert rows["total_count"] == 60
    assert [(one["grade"], one["id"]) for one in rows["records"]] == [(2, 8), (2, 11), (2, 14)]
    assert got(guest, "many", **{"filter[id][$gt]": 58, "count": 1})["total_count"] == 2
    assert filtered(guest, "t%") == []
    assert [one["name"] for one in filtered(guest, "T%")] == ["Two"]
    assert got(guest, "many", offset=100) == {"records": []}


@pytest.mark.parametrize("order", ["", "id", "-grade", "note,-grade", "-note", "grade,id"])
def test_cursors(guest: httpx.Client, order: str) -> None:
    """Whatever the order, pages put together are the list."""
    query: dict[str, Any] = {"order": order} if order else {}
    whole = [
        one["id"]
        for at in (0, 30)
        for one in got(guest, "many", limit=30, offset=at, **query)["records"]
    ]
    found: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        page = got(guest, "many", limit=7, **query, **cursor)
        if not page["records"]:
            break
        found += [one["id"] for one in page["records"]]
        cursor = {"cursor": page["cursor"]}
    assert found == whole
    first = got(guest, "many", limit=7, **query)
    jumped = got(guest, "many", limit=5, offset=30, cursor=first["cursor"], **query)
    assert [one["id"] for one in jumped["records"]] == whole[37:42]


def test_cursors_that_are_none(guest: httpx.Client) -> None:
    """One of another list, a damaged one, one for a view that may show a key twice."""
    cursor = got(guest, "many", limit=1)["cursor"]
    assert "cursor" not in got(guest, "pairs")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("many", {"order": "grade"}, cursor),
        ("room", {}, cursor),
        ("many", {}, cursor[:-2]),
    ]
    for name, query, text in cases:
        assert got(guest, name, 400, cursor=text, **query) == "Bad cursor"
    assert got(guest, "pairs", 400, cursor=cursor).startswith("This view may show a key twice")


def test_a_list_by_long_texts_does_not_end_early(guest: httpx.Client) -> None:
    """Its cursors name the record, and say nothing where that may not be seen."""
    whole = got(guest, "open_diary", order="text")["records"]
    page = got(guest, "open_diary", order="text", limit=1)
    found = []
    while page["records"]:
        found += page["records"]
        page = got(guest, "open_diary", order="text", limit=1, cursor=page["cursor"])
    assert len(whole) == 5
    assert found == whole


def test_cursors_of_views(guest: httpx.Client) -> None:
    """A view goes on after a row as a table does, where its key names one row."""
    for order in ("name", "-data", "id"):
        whole = got(guest, "seen", order=order)["records"]
        first = got(guest, "seen", order=order, limit=1)
        rest = got(guest, "seen", order=order, cursor=first["cursor"])
        assert len(whole) > 1
        assert first["records"] + rest["records"] == whole


def test_a_filter_tells_nothing_of_hidden_rows(guest: httpx.Client) -> None:
    """Where it would fail at one, which a pattern can be made to do, nobody hears of it."""
    fails = {"filter[$and][1][text][$re]": "s|" + "a{1000}" * 10}
    guess = {"filter[$and][0][text][$like]": "the s%", **fails}
    for filtered in (fails, guess):
        assert guest.get(f"{RECORDS}/open_diary", params=filtered).status_code == 400
    found = guest.get(f"{RECORDS}/diary", params={**fails, "count": "true"}).json()
    assert (found["total_count"], found["records"][0]["text"]) == (1, "seen")
    assert guest.get(f"{RECORDS}/diary", params=guess).json() == {"records": []}


@pytest.mark.parametrize(
    "query",
    [
        "order=secret", "order=_owner", "order=nothing", "order=1;drop", "filter[secret]=x",
        "filter[_owner]=x", "filter[nothing]=1", "filter[room][$bad]=1", "filter[room]=x",
        "filter[data][$re]=(", "limit=x", "limit=-1", "count=maybe", "geojson=data",
        "geojson=nothing", "filter[room]=1' OR 1", "filter=1", "offset=1.5",
    ],
)  # fmt: skip
def test_wrong_queries(guest: httpx.Client, query: str) -> None:
    """Each is 400 with a reason that shows nothing hidden."""
    reply = guest.get(f"{RECORDS}/message?{query}")
    assert (reply.status_code, reply.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert reply.text
    assert "secret-value" not in reply.text


def test_geojson(guest: httpx.Client) -> None:
    """A collection of features, also when it is empty."""
    found = got(guest, "place", geojson="at", count=1, order="id")
    assert found.pop("cursor")
    point = {"type": "Point", "coordinates": [1.0, 2.0]}
    assert found == {
        "type": "FeatureCollection",
        "total_count": 2,
        "features": [
            {"type": "Feature", "id": 1, "geometry": point, "properties": {"name": "here"}},
            {"type": "Feature", "id": 2, "geometry": None, "properties": {"name": "nowhere"}},
        ],
    }
    assert "cursor" not in got(guest, "place", geojson="at", skip_cursor="true")
    empty = got(guest, "place", geojson="at", **{"filter[id]": 9})
    assert empty == {"type": "FeatureCollection", "features": []}
    assert got(guest, "place/1")["at"] == point


def test_views(guest: httpx.Client) -> None:
    """They are read like tables."""
    assert got(guest, f"seen/{FIRST}") == {"id": b64(FIRST), "data": "a", "name": "one"}
    rows = got(guest, "seen", order="name", count=1)
    assert [one["name"] for one in rows["records"]] == ["Two", "one"]
    assert rows["total_count"] == 2
    assert set(got(guest, "seen/schema", mode="Select")["properties"]) == {"id", "data", "name"}


def test_a_view_of_secrets_is_no_api(guest: httpx.Client) -> None:
    """Whatever it calls them, and by way of whatever other view; users themselves may be shown."""
    refused = guest.get(f"{RECORDS}/hashes")
    assert (refused.status_code, refused.text) == (405, "")
    (shown,) = guest.get(f"{RECORDS}/people").json()["records"]
    assert shown.keys() == {"id", "email"}


def test_an_infinite_number_is_told(guest: httpx.Client) -> None:
    """It is no JSON, and no other number stands in its place."""
    assert got(guest, "word/with%20blank", 400)


def test_a_database_beside_main(guest: httpx.Client) -> None:
    """With a rule that reads it."""
    assert got(guest, "note") == {
        "cursor": got(guest, "note")["cursor"],
        "records": [{"id": 1, "text": "beside"}],
    }
    got(guest, "note/2", 403)


def test_schemas(guest: httpx.Client) -> None:
    """Three modes; nothing excluded, and what is write-only in those of writes alone."""
    insert = got(guest, "message/schema")
    select = got(guest, "message/schema", mode="Select")
    update = got(guest, "message/schema", mode="Update")
    assert insert["required"] == ["data"]
    assert "required" not in update or update["required"] == []
    assert ("_owner" in insert["properties"], "_owner" in select["properties"]) == (True, False)
    reference = select["$defs"]["message.room"]["anyOf"][0]
    assert set(reference["properties"]["data"]["properties"]) == {"id", "name"}
    for one in (insert, select, update):
        assert "secret" not in one["properties"]
    got(guest, "message/schema", 400, mode="Other")
    got(guest, "place/schema", 403)


def refusals(cluster: ClusterProcess) -> list[dict[str, Any]]:
    """What the log says of settings that were not accepted."""
    return [one for one in cluster.events() if "refused" in one["event"]]


def test_settings_are_followed(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """An API that is added is there without a restart; a rule that is none changes nothing."""
    config = cluster.depot / "config.textproto"
    added = CONFIG + 'record_apis { name: "added" table_name: "many" acl_world: [READ] }'
    config.write_text(added)
    until(lambda: guest.get(f"{RECORDS}/added/1").status_code == 200, what="the API")
    worse = (
        'record_apis { name: "worse" table_name: "many" acl_world: [READ] read_access_rule: "%s" }'
    )
    for rule in (
        "1) OR (1",
        "(SELECT 1 FROM _settings)",
        "1; DROP TABLE many",
        "load_extension('x')",
    ):
        before = len(refusals(cluster))
        config.write_text(CONFIG + worse % rule)
        until(lambda: len(refusals(cluster)) > before, what="the refusal")  # noqa: B023
        assert guest.get(f"{RECORDS}/worse/1").status_code == 405
        assert guest.get(f"{RECORDS}/added/1").status_code == 200
        reason = refusals(cluster)[-1]["reason"]
        assert "record_apis.20.read_access_rule: Is no rule: " in reason


def test_heads(guest: httpx.Client) -> None:
    """A HEAD request has the answer without its body."""
    reply = guest.head(f"{RECORDS}/room/1")
    assert (reply.status_code, reply.content) == (200, b"")
