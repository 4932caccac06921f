"""Reading view collections: no rowid, columns that may be NULL, the same answers otherwise."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster_process import ClusterProcess

SCORES = "/api/collections/scores/records"


@pytest.fixture(scope="module", autouse=True)
def _scores(cluster: ClusterProcess, superuser: httpx.Client) -> None:
    def add(collection: str, **values: Any) -> str:
        reply = superuser.post(f"/api/collections/{collection}/records", json=values)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["id"])

    players = cluster.collection("players", [{"name": "name", "type": "text"}])
    player = {"name": "player", "type": "relation", "collectionId": players["id"]}
    cluster.collection("games", [player, {"name": "points", "type": "number"}])
    for name, points in (("ann", [3, 4]), ("bob", [9]), ("cat", [])):
        player_id = add("players", name=name)
        for value in points:
            add("games", player=player_id, points=value)
    query = (
        "SELECT p.id, p.name, p.id AS player, sum(g.points) AS total"
        " FROM players p LEFT JOIN games g ON g.player = p.id GROUP BY p.id"
    )
    rules = dict.fromkeys(("createRule", "updateRule", "deleteRule"))
    cluster.collection("scores", [], type="view", viewQuery=query, **rules)
    listed = "SELECT g.id, g.player, g.points FROM games g"
    cluster.collection("listed", [], type="view", viewQuery=listed, **rules)


def _names(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [item["name"] for item in reply.json()["items"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"sort": "name"}, ["ann", "bob", "cat"]),
        ({"sort": "-name", "perPage": 2}, ["cat", "bob"]),
        ({"sort": "-name", "perPage": 2, "page": 2}, ["ann"]),
        ({"filter": "name != 'bob'", "sort": "name"}, ["ann", "cat"]),
        ({"filter": "name ~ 'a'", "sort": "name", "perPage": 1}, ["ann"]),
        ({"filter": "name = 'x'"}, []),
    ],
)
def test_a_view_is_listed(guest: httpx.Client, query: dict[str, Any], names: list[str]) -> None:
    """Pages, sort and filter, with the total of the filter."""
    reply = guest.get(SCORES, params=query)
    assert _names(reply) == names
    matching = len(guest.get(SCORES, params={"filter": query.get("filter", "")}).json()["items"])
    assert reply.json()["totalItems"] == matching


def test_one_row_of_a_view_is_read(guest: httpx.Client) -> None:
    """By its id, with an ETag; others are 404, a write is 400."""
    item = guest.get(SCORES, params={"filter": "name = 'bob'"}).json()["items"][0]
    assert item["collectionName"] == "scores"
    reply = guest.get(f"{SCORES}/{item['id']}")
    assert reply.json() == item
    known = guest.get(f"{SCORES}/{item['id']}", headers={"If-None-Match": reply.headers["etag"]})
    assert known.status_code == 304
    assert guest.get(f"{SCORES}/nope").status_code == 404


def test_a_view_is_paged_by_cursor(guest: httpx.Client) -> None:
    """In the order of its ids; not by a column that may be NULL."""
    seen: list[str] = []
    cursor, pages = "", 0
    while True:
        page = guest.get(SCORES, params={"cursor": cursor, "perPage": 1, "sort": "-id"}).json()
        seen += [item["id"] for item in page["items"]]
        cursor, pages = page["nextCursor"], pages + 1
        if not cursor:
            break
    assert (len(seen), pages) == (3, 3)
    assert seen == sorted(seen, reverse=True)
    assert guest.get(SCORES, params={"cursor": "", "sort": "name"}).status_code == 400


def test_relations_of_views_are_expanded(guest: httpx.Client, superuser: httpx.Client) -> None:
    """From a view to a table, and from a table back to the rows of a view."""
    fields = superuser.get("/api/collections/listed").json()["fields"]
    assert next(one for one in fields if one["name"] == "player")["type"] == "relation"
    items = guest.get(
        "/api/collections/listed/records", params={"expand": "player", "sort": "-points"}
    ).json()["items"]
    assert [item["expand"]["player"]["name"] for item in items] == ["bob", "ann", "ann"]
    players = guest.get(
        "/api/collections/players/records",
        params={"expand": "listed_via_player,games_via_player", "sort": "name"},
    ).json()["items"]
    for key in ("listed_via_player", "games_via_player"):
        found = [
            sorted(row["points"] for row in player["expand"].get(key, [])) for player in players
        ]
        assert found == [[3, 4], [9], []]


def test_a_list_of_a_view_is_explained(superuser: httpx.Client) -> None:
    """By the plan of its query; no index of a view is asked for."""
    told = superuser.get(SCORES, params={"explain": 1, "filter": "name = 'x'"}).json()
    assert told["page"]["plan"]
    assert told["missingIndexes"] == []


def test_what_a_view_lacks_is_the_zero_value(cluster: ClusterProcess, guest: httpx.Client) -> None:
    """Clients with types of their own count on texts, numbers and lists; JSON alone may be null."""
    kinds: list[dict[str, Any]] = [
        {"name": "t", "type": "text"},
        {"name": "n", "type": "number"},
        {"name": "b", "type": "bool"},
        {"name": "d", "type": "date"},
        {"name": "s", "type": "select", "values": ["a", "b"], "maxSelect": 2},
        {"name": "g", "type": "geoPoint"},
        {"name": "j", "type": "json"},
    ]
    parts = cluster.collection("parts", kinds)
    part = {"name": "part", "type": "relation", "collectionId": parts["id"]}
    cluster.collection("wholes", [part])
    assert guest.post("/api/collections/wholes/records", json={}).status_code == 200
    query = (
        "SELECT w.id, p.t, p.n, p.b, p.d, p.s, p.g, p.j, p.id AS p, CAST(p.n AS integer) AS c"
        " FROM wholes w LEFT JOIN parts p ON p.id = w.part"
    )
    rules = dict.fromkeys(("createRule", "updateRule", "deleteRule"))
    made = cluster.collection("joined", [], type="view", viewQuery=query, **rules)

    (shown,) = guest.get("/api/collections/joined/records").json()["items"]

    assert shown.pop("id")
    assert shown == {
        "t": "", "n": 0, "b": False, "d": "", "s": [], "g": {"lon": 0, "lat": 0}, "j": None,
        "p": "", "c": 0, "collectionId": made["id"], "collectionName": "joined",
    }  # fmt: skip
