"""`expand` over HTTP: relations forward and back, under the view rules of what they lead to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.limits import EXPAND_BACK_RECORDS_MAX, EXPAND_CHARS_MAX, EXPAND_PATHS_MAX
from tests.cluster_process import ClusterProcess

POSTS = "/api/collections/posts/records"
NAME = {"name": "name", "type": "text"}


def _relation(name: str, target: dict[str, Any], most: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "type": "relation", "collectionId": target["id"], "maxSelect": most, **more
    }  # fmt: skip


@pytest.fixture(scope="module")
def ids(cluster: ClusterProcess, superuser: httpx.Client) -> dict[str, str]:
    """Organizations, people in them, tags (some not to be seen), posts, and a page a post."""

    def add(collection: str, **values: Any) -> str:
        reply = superuser.post(f"/api/collections/{collection}/records", json=values)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["id"])

    orgs = cluster.collection("orgs", [NAME])
    people = cluster.collection("people", [NAME, _relation("org", orgs)])
    tags = cluster.collection("tags", [NAME, {"name": "on", "type": "bool"}], viewRule="on = true")
    locked = cluster.collection("locked", [NAME], viewRule=None)
    posts = cluster.collection(
        "posts",
        [
            {"name": "title", "type": "editor"},
            _relation("author", people),
            _relation("tags", tags, 9),
            _relation("lock", locked),
            _relation("secret", orgs, hidden=True),
        ],
    )
    cluster.collection(
        "pages",
        [NAME, _relation("post", posts)],
        indexes=["CREATE UNIQUE INDEX one_page ON pages (post)"],
    )
    found = {"org": add("orgs", name="acme")}
    found["ann"] = add("people", name="ann", org=found["org"])
    found["bob"] = add("people", name="bob")
    for name in "abc":
        found[name] = add("tags", name=name, on=name != "b")
    found["lock"] = add("locked", name="x")
    all_tags = [found["c"], found["b"], found["a"]]
    found["full"] = add(
        "posts", title="<p>full</p>", author=found["ann"], tags=all_tags, lock=found["lock"],
        secret=found["org"],
    )  # fmt: skip
    found["other"] = add("posts", title="other", author=found["ann"], tags=[found["b"]])
    found["bare"] = add("posts", title="bare")
    found["page"] = add("pages", name="p", post=found["full"])
    return found


def _expanded(client: httpx.Client, record_id: str, expand: str) -> Any:
    reply = client.get(f"{POSTS}/{record_id}", params={"expand": expand})
    assert reply.status_code == 200, reply.text
    return reply.json().get("expand", "absent")


def _names(value: Any) -> Any:
    """The tree of names, for short expectations."""
    if isinstance(value, list):
        return [_names(one) for one in value]
    if "collectionName" not in value:
        return {key: _names(one) for key, one in value.items()}
    below = {"expand": _names(value["expand"])} if "expand" in value else {}
    name = value.get("name") or value.get("title")
    return {name: below} if below else name


@pytest.mark.parametrize(
    ("expand", "expected"),
    [
        ("author", {"author": "ann"}),
        (" author , tags ", {"author": "ann", "tags": ["c", "a"]}),
        ("author.org", {"author": {"ann": {"expand": {"org": "acme"}}}}),
        ("author.org,author", {"author": {"ann": {"expand": {"org": "acme"}}}}),
        ("author.posts_via_author", {
            "author": {"ann": {"expand": {"posts_via_author": ["<p>full</p>", "other"]}}}
        }),
        ("pages_via_post", {"pages_via_post": "p"}),
        ("PAGES(post)", {"PAGES(post)": "p"}),
        ("lock", {}),
        ("tags,nope", {"tags": ["c", "a"]}),
    ],
)  # fmt: skip
def test_paths_lead_to_records(
    guest: httpx.Client, ids: dict[str, str], expand: str, expected: dict[str, Any]
) -> None:
    """An object for one, a list in stored order for several, and only what may be viewed."""
    assert _names(_expanded(guest, ids["full"], expand)) == expected


@pytest.mark.parametrize(
    "expand",
    [
        "", ",", "nope", "title", "author.nope", "author.org.nope", "secret", "posts_via_author",
        "people_via_org", "nobody_via_post", "pages_via_", "author.", "(post)", "pages(post",
        "tags_via_tags", "id", "@request", "author.posts_via_author.author.posts_via_author.author.posts_via_author.author",
    ],
)  # fmt: skip
def test_what_is_no_path_makes_no_key(
    guest: httpx.Client, ids: dict[str, str], expand: str
) -> None:
    """Unknown, hidden, not a relation, of another collection, too deep: in silence."""
    assert _expanded(guest, ids["full"], expand) == "absent"


def test_a_path_without_anything_to_see_makes_an_empty_object(
    guest: httpx.Client, ids: dict[str, str]
) -> None:
    """Nothing is set, or nothing of it may be viewed; also one level down."""
    assert _expanded(guest, ids["bare"], "author,tags,pages_via_post") == {}
    assert _expanded(guest, ids["other"], "tags") == {}
    author = _expanded(guest, ids["other"], "author.people_via_org,author.org")["author"]
    assert author["expand"]["org"]["name"] == "acme"
    below = guest.get(
        f"/api/collections/people/records/{ids['bob']}", params={"expand": "org"}
    ).json()
    assert below["expand"] == {}


def test_superusers_see_through_locks_and_hidden_fields(
    superuser: httpx.Client, ids: dict[str, str]
) -> None:
    """The same paths lead further."""
    found = _expanded(superuser, ids["full"], "lock,secret,tags,tags.posts_via_tags")
    assert (found["lock"]["name"], found["secret"]["name"]) == ("x", "acme")
    assert [tag["name"] for tag in found["tags"]] == ["c", "b", "a"]
    via_b = found["tags"][1]["expand"]["posts_via_tags"]
    assert [post["id"] for post in via_b] == [ids["full"], ids["other"]]


def test_a_list_is_expanded(guest: httpx.Client, ids: dict[str, str]) -> None:
    """By page and by cursor; each record has its own."""
    for more in ({}, {"cursor": ""}):
        params = {"expand": "author,tags", "sort": "@rowid", **more}
        items = guest.get(POSTS, params=params).json()["items"]
        told = [(item["id"], _names(item["expand"])) for item in items]
        assert told == [
            (ids["full"], {"author": "ann", "tags": ["c", "a"]}),
            (ids["other"], {"author": "ann"}),
            (ids["bare"], {}),
        ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("expand.author.name", {"expand": {"author": {"name": "ann"}}}),
        ("title:excerpt(2,true),expand.tags.name", {
            "title": "fu...", "expand": {"tags": [{"name": "c"}, {"name": "a"}]}
        }),
        ("title", {"title": "<p>full</p>"}),
        ("expand", None),
        ("*,expand.author.name:excerpt(1)", None),
    ],
)  # fmt: skip
def test_fields_cut_what_was_expanded(
    guest: httpx.Client, ids: dict[str, str], fields: str, expected: dict[str, Any] | None
) -> None:
    """In views and lists alike; relations are followed whether they are shown or not."""
    params = {"expand": "author,tags", "fields": fields}
    record = guest.get(f"{POSTS}/{ids['full']}", params=params).json()
    items = guest.get(POSTS, params={**params, "sort": "@rowid"}).json()["items"]
    assert record == items[0]
    if expected is not None:
        assert record == expected
    elif fields == "expand":
        assert list(record) == ["expand"]
        assert record["expand"]["author"]["name"] == "ann"
    else:
        assert (record["title"], record["expand"]["author"]) == ("<p>full</p>", {"name": "a"})


def test_a_back_relation_has_a_bound_for_each_record(
    cluster: ClusterProcess, superuser: httpx.Client, guest: httpx.Client
) -> None:
    """The first ones by order of creation; another record keeps its own."""
    roots = cluster.collection("roots", [NAME])
    cluster.collection("leaves", [{"name": "n", "type": "number"}, _relation("root", roots)])
    made = [
        superuser.post("/api/collections/roots/records", json={"name": name}).json()["id"]
        for name in "xy"
    ]
    leaves = "/api/collections/leaves/records"
    with httpx.Client(base_url=cluster.url, headers=superuser.headers, timeout=30) as client:
        for n in range(EXPAND_BACK_RECORDS_MAX + 5):
            assert client.post(leaves, json={"n": n, "root": made[0]}).status_code == 200
        assert client.post(leaves, json={"n": -1, "root": made[1]}).status_code == 200
    items = guest.get(
        "/api/collections/roots/records", params={"expand": "leaves_via_root", "sort": "name"}
    ).json()["items"]
    first, second = (item["expand"]["leaves_via_root"] for item in items)
    assert [leaf["n"] for leaf in first] == list(range(EXPAND_BACK_RECORDS_MAX))
    assert [leaf["n"] for leaf in second] == [-1]
    # Each leaf's root, and all leaves of that again: more than one answer may hold.
    deep = {"expand": "leaves_via_root.root.leaves_via_root.root.leaves_via_root"}
    assert guest.get("/api/collections/roots/records", params=deep).status_code == 400


@pytest.mark.parametrize(
    "expand",
    [
        "a" * (EXPAND_CHARS_MAX + 1),
        ",".join(f"n{n}" for n in range(EXPAND_PATHS_MAX + 1)),
    ],
)
def test_a_hostile_expand_is_refused(guest: httpx.Client, ids: dict[str, str], expand: str) -> None:
    """400 for lists and views before anything is read for it."""
    assert guest.get(POSTS, params={"expand": expand}).status_code == 400
    assert guest.get(f"{POSTS}/{ids['full']}", params={"expand": expand}).status_code == 400


def test_odd_expands_are_harmless(guest: httpx.Client, ids: dict[str, str]) -> None:
    """Signs, NUL, deep and wide texts: 200 without a key."""
    for expand in ("\0", "a.b.c." * 600, "((((", "é_via_é", "x_via_" * 100, "'", '"; DROP'):
        assert _expanded(guest, ids["full"], expand) == "absent"


def test_rules_know_that_they_are_asked_for_an_expansion(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """What is visible in this context only, and what is visible in any other."""
    only = cluster.collection("only", [NAME], viewRule="@request.context = 'expand'")
    never = cluster.collection("never", [NAME], viewRule="@request.context != 'expand'")
    cluster.collection("both", [NAME, _relation("only", only), _relation("never", never)])
    made = {
        name: superuser.post(f"/api/collections/{name}/records", json={"name": name}).json()["id"]
        for name in ("only", "never")
    }
    reply = superuser.post("/api/collections/both/records", json={"name": "both", **made})
    path = f"/api/collections/both/records/{reply.json()['id']}"
    assert guest.get(f"/api/collections/only/records/{made['only']}").status_code == 404
    assert guest.get(f"/api/collections/never/records/{made['never']}").status_code == 200
    record = guest.get(path, params={"expand": "only,never"}).json()
    assert _names(record["expand"]) == {"only": "only"}


def test_auth_records_are_shown_as_ever(
    cluster: ClusterProcess, guest: httpx.Client, superuser: httpx.Client
) -> None:
    """Their address where it is visible or the caller's own, and nothing that is secret."""
    writers = cluster.collection("writers", [NAME], type="auth")
    cluster.collection("texts", [NAME, _relation("by", writers)])
    people = {}
    for name, visible in (("open", True), ("shy", False)):
        body = {
            "name": name, "email": f"{name}@example.com", "emailVisibility": visible,
            "password": "1234567890", "passwordConfirm": "1234567890",
        }  # fmt: skip
        reply = superuser.post("/api/collections/writers/records", json=body)
        assert reply.status_code == 200, reply.text
        people[name] = reply.json()["id"]
        text = {"name": name, "by": people[name]}
        assert superuser.post("/api/collections/texts/records", json=text).status_code == 200
    login = {"identity": "shy@example.com", "password": "1234567890"}
    session = guest.post("/api/collections/writers/auth-with-password", json=login).json()
    shy = {"Authorization": session["token"]}

    def shown(headers: dict[str, str]) -> list[str]:
        reply = guest.get(
            "/api/collections/texts/records",
            params={"expand": "by", "sort": "name"},
            headers=headers,
        )
        records = [item["expand"]["by"] for item in reply.json()["items"]]
        assert not any({"password", "tokenKey"} & set(record) for record in records)
        return [record.get("email", "-") for record in records]

    assert shown({}) == ["open@example.com", "-"]
    assert shown(shy) == ["open@example.com", "shy@example.com"]
    assert shown({"Authorization": superuser.headers["Authorization"]}) == shown(shy)
