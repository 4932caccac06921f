"""Both dialects over the same data on one server: collections as record APIs, and the reverse.

Also tests `worker.apis.names`, `worker.apis.served`, `worker.apis.collections.caller`,
`worker.apis.collections.read`, `worker.apis.collections.write`, `worker.apis.collections.schema`,
`worker.apis.mirror.read`, `worker.apis.mirror.write`, `worker.wire.pocketbase.mirrored`,
`shared.schema.collection_schema`.
"""

from __future__ import annotations

import httpx
import pytest

from tests.cluster_process import ClusterProcess
from tests.worker.apis.both_ways.calls import COLLECTIONS, PASSWORD, items, listed, sent
from tests.worker.apis.both_ways.depot import ask_both
from tests.worker.apis.depot import RECORDS
from tests.worker.wire.trailbase import auth_calls

# --- The official clients -----------------------------------------------------------------------


def test_both_clients_over_both_kinds(cluster: ClusterProcess, posts: list[str]) -> None:
    """Each lists, reads and writes what the other one does, at the same time."""
    like = {"filters": [{"column": "title", "op": "like", "value": "one%"}]}
    answers = ask_both(
        cluster,
        ["trailbase", "posts", "read", posts[0]],
        ["pocketbase", "posts", "getOne", posts[0], {"fields": "id,title,n"}],
        ["trailbase", "posts", "list", like],
        ["pocketbase", "posts", "getFullList", {"filter": "title ~ 'one'", "sort": "n"}],
        ["trailbase", "book", "read", 1],
        ["pocketbase", "book", "getOne", "1"],
        ["trailbase", "book", "list", like],
        ["pocketbase", "book", "getFullList", {"filter": "title ~ 'one'"}],
        ["pocketbase", "book", "create", {"id": "50", "title": "by pocketbase", "n": 7}],
        ["trailbase", "book", "read", 50],
        ["pocketbase", "book", "update", "50", {"title": "changed"}],
        ["pocketbase", "book", "getFirstListItem", "id = '50'"],
        ["pocketbase", "book", "delete", "50"],
        ["trailbase", "book", "read", 50],
        ["trailbase", "authors", "create", {"name": "by trailbase"}],
        ["pocketbase", "authors", "getFirstListItem", "name = 'by trailbase'", {"fields": "name"}],
        ["pocketbase", "book", "getOne", "77"],
    )  # fmt: skip
    (
        read,
        same,
        exact,
        anyhow,
        book,
        mirrored,
        no_book,
        books,
        made,
        shown,
        changed,
        found,
        *rest,
    ) = answers
    assert (read["title"], read["tags"], read["meta"]) == ("One", ["a", "b"], {"k": 1})
    assert same == {"id": posts[0], "title": "One", "n": 1}
    assert [one["title"] for one in exact["records"]] == ["one more"]
    assert [one["title"] for one in anyhow] == ["One", "one more"]
    assert mirrored == {**book, "id": "1", "collectionId": "book", "collectionName": "book"}
    assert no_book["records"] == []
    assert [one["title"] for one in books] == ["One"]
    assert (made["id"], made["n"], shown["title"]) == ("50", 7, "by pocketbase")
    assert (changed["title"], found["id"], found["title"]) == ("changed", "50", "changed")
    assert rest[0] is True
    assert rest[1] == 403, "its rule tells nobody that it is not there"
    assert rest[3] == {"name": "by trailbase"}
    assert rest[4] == 404


# --- Collections as record APIs -----------------------------------------------------------------


def test_a_collection_is_listed_as_a_record_api(guest: httpx.Client, posts: list[str]) -> None:
    """With this dialect's filters, order, count and pages."""
    assert listed(guest, "posts") == ["one more", "two", "One"], "the newest first"
    assert listed(guest, "posts", order="n", limit=2) == ["One", "two"]
    assert listed(guest, "posts", order="title", offset=1) == ["one more", "two"]
    both = sent(guest, "get", f"{RECORDS}/posts", params={"limit": 1, "count": "true"})
    assert (both["total_count"], len(both["records"])) == (3, 1)
    none = sent(guest, "get", f"{RECORDS}/posts", params={"limit": 0, "count": "true"})
    assert none == {"total_count": 3, "records": []}
    assert set(both["records"][0]) == {
        "id", "title", "n", "open", "meta", "tags", "created", "author"
    }  # fmt: skip
    seen, cursor = [], None
    while True:
        query = {"limit": 2, "order": "-title"} | ({"cursor": cursor} if cursor else {})
        page = sent(guest, "get", f"{RECORDS}/posts", params=query)
        if not page["records"]:
            break
        seen += [one["id"] for one in page["records"]]
        cursor = page["cursor"]
    assert sorted(seen) == sorted(posts)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"filter[title][$like]": "one%"}, ["one more"]),
        ({"filter[title][$like]": "O_e"}, ["One"]),
        ({"filter[title][$re]": "^(?i)one"}, ["one more", "One"]),
        ({"filter[n][$gte]": "2"}, ["one more", "two"]),
        ({"filter[open]": "true"}, ["One"]),
        ({"filter[tags]": "a"}, ["One"]),
        ({"filter[tags][$ne]": "a"}, ["one more", "two"]),
        ({"filter[meta][$is]": "NULL"}, ["one more", "two"]),
        ({"filter[$or][0][n]": "1", "filter[$or][1][title][$like]": "t%"}, ["two", "One"]),
        ({"filter[title]": "' || 1=1 || title='"}, []),
    ],
)
def test_filters_of_a_collection(
    guest: httpx.Client, posts: list[str], query: dict[str, str], titles: list[str]
) -> None:
    """Each means what it means for a table."""
    assert len(posts) == 3
    assert listed(guest, "posts", **query) == titles


def test_what_a_collection_refuses(guest: httpx.Client, posts: list[str]) -> None:
    """With a reason, and never with an error of ours."""
    for query in (
        {"filter[secret]": "x"}, {"filter[no]": "x"}, {"filter[n]": "x"}, {"filter[title:lower]": "x"},
        {"filter[title][$re]": "("}, {"filter[meta][@within]": "POINT (0 0)"}, {"order": "tags"},
        {"order": "meta"}, {"order": "secret"}, {"limit": 1025}, {"cursor": "nonsense"}, {"geojson": "meta"},
        {"expand": "tags"}, {"expand": "no"}, {"cursor": "x", "offset": 1},
    ):  # fmt: skip
        assert sent(guest, "get", f"{RECORDS}/posts", 400, params=query) != ""
    told = sent(guest, "post", f"{RECORDS}/posts", 400, json={"title": "x" * 21})
    assert "title" in told
    told = sent(guest, "post", f"{RECORDS}/posts", 400, json=[{"title": "x"}, {"n": 1}])
    assert told.startswith("record 1: ")
    assert len(posts) == 3 == len(listed(guest, "posts"))
    assert sent(guest, "post", f"{RECORDS}/posts", 400, json=[]) != ""
    assert sent(guest, "patch", f"{RECORDS}/posts/{posts[0]}", 400, json={"title": ""}) != ""
    for path in ("posts/nothing", "posts/nothing/schema"):
        assert sent(guest, "get", f"{RECORDS}/{path}", 404) == ""
    for method in ("patch", "delete"):
        assert sent(guest, method, f"{RECORDS}/posts/nothing", 404, json={"n": 1}) == ""


def test_expansion_shows_what_the_view_rule_does(guest: httpx.Client, posts: list[str]) -> None:
    """A record that it hides is null, and so is a relation to nothing."""
    found = sent(guest, "get", f"{RECORDS}/posts", params={"expand": "author", "order": "n"})
    one, two, three = [record["author"] for record in found["records"]]
    assert one["data"] == {"id": one["id"], "name": "ann"}
    assert two["data"] is None
    assert three is None
    alone = sent(guest, "get", f"{RECORDS}/posts/{posts[0]}", params={"expand": "author"})
    assert alone["author"] == one
    plain = sent(guest, "get", f"{RECORDS}/posts/{posts[0]}")
    assert plain["author"] == one["id"]
    offset = {"expand": "author", "order": "n", "offset": 1}
    found = sent(guest, "get", f"{RECORDS}/posts", params=offset)
    assert [record["author"] for record in found["records"]] == [two, three]


def test_writes_are_the_collections_own(guest: httpx.Client, superuser: httpx.Client) -> None:
    """Dates are filled in, hidden and secret fields stay so, passwords are hashed."""
    (made,) = sent(guest, "post", f"{RECORDS}/posts", json={"title": "x", "created": "no"})["ids"]
    assert sent(guest, "get", f"{RECORDS}/posts/{made}")["created"].endswith("Z")
    sent(guest, "patch", f"{RECORDS}/posts/{made}", json={"n": 5})
    sent(superuser, "patch", f"{RECORDS}/posts/{made}", json={"secret": "s"})
    assert sent(guest, "get", f"{COLLECTIONS}/posts/records/{made}")["n"] == 5
    assert sent(superuser, "get", f"{RECORDS}/posts/{made}")["secret"] == "s"
    assert sent(guest, "delete", f"{RECORDS}/posts/{made}") == "deleted"
    form = {"title": "5", "n": "6", "open": "true"}
    (made,) = sent(guest, "post", f"{RECORDS}/posts", data=form)["ids"]
    record = sent(guest, "get", f"{RECORDS}/posts/{made}")
    assert (record["title"], record["n"], record["open"]) == ("5", 6, True)
    sent(guest, "delete", f"{RECORDS}/posts/{made}")
    user = {"email": "bob@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD}
    (bob,) = sent(superuser, "post", f"{RECORDS}/users", json=user)["ids"]
    assert {"password", "tokenKey"}.isdisjoint(sent(superuser, "get", f"{RECORDS}/users/{bob}"))
    login = {"identity": user["email"], "password": PASSWORD}
    sent(guest, "post", f"{COLLECTIONS}/users/auth-with-password", json=login)


def test_rules_are_the_collections_own(
    guest: httpx.Client, member: httpx.Client, superuser: httpx.Client, admin: httpx.Client
) -> None:
    """For whoever asks, in both dialects alike."""
    me = member.headers["X-Own-Id"]
    sent(superuser, "post", f"{RECORDS}/own", json=[{"owner": me, "title": "a"}, {"title": "b"}])
    for client, titles in (
        (guest, []), (member, ["a"]), (superuser, ["a", "b"]), (admin, ["a", "b"]),
    ):  # fmt: skip
        assert sorted(listed(client, "own")) == titles == sorted(items(client, "own"))
    (other,) = items(superuser, "own", "id", filter="title = 'b'")
    for client, status in ((member, 404), (admin, 200)):
        sent(client, "patch", f"{RECORDS}/own/{other}", status, json={"title": "b"})
        sent(client, "get", f"{RECORDS}/own/{other}", status)
    for client, status in ((guest, 403), (member, 403), (superuser, 200), (admin, 200)):
        sent(client, "get", f"{RECORDS}/locked", status)
        sent(client, "post", f"{RECORDS}/locked", status, json={"title": "x"})
        sent(client, "get", f"{RECORDS}/_superusers", status)


def test_users_who_are_no_admins_are_guests_to_collections(
    cluster: ClusterProcess, guest: httpx.Client
) -> None:
    """In either dialect: registering gets nobody past a rule. To record APIs they are users."""
    assert auth_calls.register(guest, "eve@example.com").status_code == 200
    auth_calls.confirm(cluster, guest, "eve@example.com")
    user = cluster.client(superuser=False)
    token = auth_calls.tokens(user, "eve@example.com")["auth_token"]
    user.cookies.clear()
    user.headers["Authorization"] = f"Bearer {token}"
    assert listed(user, "own") == [] == items(user, "own")
    for path in (f"{RECORDS}/locked", f"{COLLECTIONS}/locked/records"):
        sent(user, "get", path, 403)
    sent(user, "get", f"{RECORDS}/own/schema?mode=Select", 403)
    assert listed(user, "word") == [] == items(user, "word")


def test_schemas_of_a_collection(guest: httpx.Client, superuser: httpx.Client) -> None:
    """Types as they are shown, and what has to be sent; for those whom the rule may let."""
    select = sent(guest, "get", f"{RECORDS}/posts/schema", params={"mode": "Select"})
    assert select["properties"]["tags"]["items"]["enum"] == ["a", "b", "c"]
    assert select["properties"]["open"] == {"type": "boolean"}
    assert "secret" not in select["properties"]
    insert = sent(guest, "get", f"{RECORDS}/posts/schema")
    assert insert["required"] == ["title"]
    assert "created" not in insert["properties"]
    assert sent(guest, "get", f"{RECORDS}/posts/schema?mode=Update")["required"] == []
    users = sent(superuser, "get", f"{RECORDS}/users/schema")["properties"]
    assert "passwordConfirm" in users
    assert "tokenKey" not in users
    assert (
        "password"
        not in sent(superuser, "get", f"{RECORDS}/users/schema?mode=Select")["properties"]
    )
    for name, mode in (("locked", "Select"), ("own", "Select"), ("_superusers", "Insert")):
        sent(guest, "get", f"{RECORDS}/{name}/schema?mode={mode}", 403)
        sent(superuser, "get", f"{RECORDS}/{name}/schema?mode={mode}")


def test_a_view_collection_is_read_and_not_written(guest: httpx.Client, posts: list[str]) -> None:
    """Its own LIKE stays as its dialect has it."""
    assert sorted(listed(guest, "seen")) == ["One", "one more"] == sorted(items(guest, "seen"))
    assert listed(guest, "seen", **{"filter[title][$like]": "o%"}) == ["one more"]
    assert listed(guest, "seen", order="n", limit=1) == ["One"]
    assert sent(guest, "get", f"{RECORDS}/seen/{posts[0]}")["title"] == "One"
    sent(guest, "post", f"{RECORDS}/seen", 405, json={"title": "x"})
    sent(guest, "patch", f"{RECORDS}/seen/{posts[0]}", 405, json={"title": "x"})
    sent(guest, "delete", f"{RECORDS}/seen/{posts[0]}", 405)


def test_settings_come_first(guest: httpx.Client, cluster: ClusterProcess) -> None:
    """A record API of a collection's name is served instead, there; its table is no table of one."""
    assert listed(guest, "taken") == ["hidden", "two", "One"]
    assert items(guest, "taken") == []
    sent(guest, "post", f"{RECORDS}/taken", 403, json={"title": "x"})
    for method in ("get", "post"):
        sent(guest, method, f"{RECORDS}/raw", 405, json={"title": "x"})
    told = {one["api"]: one["reason"] for one in cluster.events() if "api" in one}
    assert "collection" in told["raw"]
    for name in ("Posts", "POSTS", "nothing", "_user", "_collections"):
        sent(guest, "get", f"{RECORDS}/{name}", 405)


# --- Record APIs as collections -----------------------------------------------------------------


def test_a_record_api_is_listed_as_a_collection(guest: httpx.Client) -> None:
    """With the envelope of lists, and a text id."""
    found = sent(guest, "get", f"{COLLECTIONS}/book/records")
    assert {key: found[key] for key in ("page", "perPage", "totalItems", "totalPages")} == {
        "page": 1, "perPage": 30, "totalItems": 2, "totalPages": 1
    }  # fmt: skip
    assert found["items"][0] == {
        "collectionId": "book", "collectionName": "book", "id": "1", "title": "One", "n": 1,
        "price": 1.5, "extra": {"k": "v"}, "data": "AP8=", "thing": 5,
    }  # fmt: skip
    second = sent(guest, "get", f"{COLLECTIONS}/book/records", params={"perPage": 1, "page": 2})
    assert [one["id"] for one in second["items"]] == ["2"]
    assert sent(guest, "get", f"{COLLECTIONS}/book/records?skipTotal=1")["totalItems"] == -1
    cut = sent(
        guest, "get", f"{COLLECTIONS}/paged/records", params={"perPage": 500, "fields": "id"}
    )
    assert (cut["perPage"], cut["totalPages"], cut["items"]) == (2, 2, [{"id": "1"}, {"id": "2"}])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"filter": "title ~ 'ONE'"}, ["1"]),
        ({"filter": "title ~ 'o'", "sort": "-id"}, ["2", "1"]),
        ({"filter": "title !~ 'one'"}, ["2"]),
        ({"filter": "n = 1"}, ["1"]),
        ({"filter": "n != 1"}, ["2"]),
        ({"filter": "n = null"}, ["2"]),
        ({"filter": "price > 1 && (title = 'One' || title = 'two')"}, ["1"]),
        ({"filter": "extra.k = 'v'"}, ["1"]),
        ({"filter": "data = 'AP8='"}, ["1"]),
        ({"filter": "id = '2' || id = 1", "sort": "title"}, ["1", "2"]),
        ({"filter": "title:lower = 'one'"}, ["1"]),
        ({"filter": "title = 'hidden'"}, []),
        ({"filter": "n > 9007199254740992"}, []),
    ],
)
def test_filters_of_a_record_api(
    guest: httpx.Client, query: dict[str, str], ids: list[str]
) -> None:
    """In the rule language, with its own case-insensitive `~`; the rule holds besides."""
    assert items(guest, "book", "id", **query) == ids


def test_what_a_mirrored_api_refuses(guest: httpx.Client, superuser: httpx.Client) -> None:
    """With this dialect's errors; the bits hold for superusers, too."""
    for query in (
        {"filter": "secret = 'x'"}, {"filter": "_owner = 'x'"}, {"filter": "thing = 5"}, {"filter": "title ="},
        {"sort": "secret"}, {"cursor": ""}, {"filter": f"title ~ '{'x' * 3_600}'"}, {"perPage": "x"},
    ):  # fmt: skip
        told = sent(guest, "get", f"{COLLECTIONS}/book/records", 400, params=query)
        assert (told["status"], told["data"]) == (400, {})
    told = sent(guest, "get", f"{COLLECTIONS}/book/records?filter=@request.auth.id=''", 403)
    assert "rules" in told["message"]
    unseen = [f"book/records/{one}" for one in ("10", "77", "x")]
    for path in (*unseen, "gone/records", "no/records"):
        assert sent(guest, "get", f"{COLLECTIONS}/{path}", 404)["status"] == 404
        sent(superuser, "get", f"{COLLECTIONS}/{path}", 404)
    sent(superuser, "get", f"{COLLECTIONS}/closed/records", 403)
    assert "id" in sent(guest, "get", f"{COLLECTIONS}/clash/records", 400)["message"]
    sent(guest, "post", f"{COLLECTIONS}/clash/records", 400, json={})
    sent(guest, "post", f"{COLLECTIONS}/gone/records", 404, json={})
    sent(guest, "get", f"{COLLECTIONS}/large/records", 400)
    sent(guest, "get", f"{COLLECTIONS}/large/records/1", 400)


def test_writes_through_collections(guest: httpx.Client) -> None:
    """Ids as texts, forms, records sent back whole; what cannot be kept to is refused."""
    path = f"{COLLECTIONS}/thing/records"
    made = sent(guest, "post", path, json={"name": "x"})
    one = f"{path}/{made['id']}"
    assert sent(guest, "patch", one, json={**made, "name": "y"})["name"] == "y"
    assert items(guest, "thing", "name", filter=f"id = '{made['id']}'") == ["y"]
    assert sent(guest, "patch", one, 400, json={"id": "AAAAAAAAAAAAAAAAAAAAAA=="})["status"] == 400
    assert sent(guest, "patch", one, 400, json={"name+": "y"})["status"] == 400
    for header in ("If-Match", "Idempotency-Key"):
        sent(guest, "patch", one, 400, json={"name": "z"}, headers={header: "x"})
    assert sent(guest, "delete", one, 204) == ""
    sent(guest, "get", one, 404)
    book = f"{COLLECTIONS}/book/records"
    form = sent(guest, "post", book, data={"id": "60", "title": "5", "n": "6"})
    assert (form["id"], form["title"], form["n"]) == ("60", "5", 6)
    sent(guest, "delete", f"{book}/60", 204)
    for body in ({"n": 1}, {"title": 5}, {"title": "x", "id": "no"}, {"title": "x", "n": "y"}):
        assert sent(guest, "post", book, 400, json=body)["status"] == 400
    unseen = sent(guest, "post", book, json={"id": "61", "title": "hidden too"})
    assert unseen == {"collectionId": "book", "collectionName": "book", "id": "61"}


def test_sql_rules_hold_for_collections(
    guest: httpx.Client, member: httpx.Client, superuser: httpx.Client, admin: httpx.Client
) -> None:
    """`_USER_.id` is the id of whoever asks, in either dialect, with either token."""
    me = member.headers["X-Own-Id"]
    word = f"{COLLECTIONS}/word/records"
    sent(member, "post", word, json={"text": "mine", "_owner": me})
    sent(member, "post", word, 403, json={"text": "other", "_owner": "other"})
    sent(guest, "post", word, 403, json={"text": "none"})
    assert items(member, "word", "id") == ["mine"] == listed(member, "word", "text")
    for client in (superuser, admin):
        assert items(client, "word", "id") == [] == listed(client, "word", "text")
        sent(client, "get", f"{word}/mine", 404)
        sent(client, "delete", f"{word}/mine", 403)
    sent(guest, "get", word, 403)
    sent(guest, "get", f"{word}/mine", 403)
    sent(member, "delete", f"{word}/mine", 204)


# --- LIKE ---------------------------------------------------------------------------------------


def test_each_dialect_has_its_like_everywhere(guest: httpx.Client, posts: list[str]) -> None:
    """Rules and CHECKs of SQL tell upper from lower case, at the worker and at the writer."""
    assert len(posts) == 3
    book = f"{COLLECTIONS}/book/records"
    sent(guest, "post", book, 400, json={"title": "Bad one"})
    sent(guest, "post", f"{RECORDS}/book", 400, json={"title": "Bad one"})
    made = sent(guest, "post", book, json={"title": "bad ONE"})["id"]
    (other,) = sent(guest, "post", f"{RECORDS}/book", json={"title": "bAD one"})["ids"]
    assert items(guest, "book", "id", filter="title ~ 'BAD'") == [made, other]
    assert listed(guest, "book", **{"filter[title][$like]": "bad%"}) == ["bad ONE"]
    assert sent(guest, "patch", f"{book}/{made}", json={"title": "Hidden"})["title"] == "Hidden"
    assert "title" not in sent(guest, "patch", f"{book}/{made}", json={"title": "hidden"})
    for one in (made, other):
        sent(guest, "delete", f"{book}/{one}", 204)
    assert items(guest, "posts", filter="title ~ 'ONE'", sort="n") == ["One", "one more"]
    assert listed(guest, "posts", **{"filter[title][$like]": "ONE%"}) == []
