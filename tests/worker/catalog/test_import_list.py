"""Imports: many definitions as one change."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import QuillError
from shared.schema.system import USERS_ID
from tests.worker.catalog.depot import Depot
from worker.catalog.import_list import _read_body

TITLE: dict[str, Any] = {"name": "title", "type": "text"}


def test_entries_may_refer_to_one_another() -> None:
    """In any order: a relation to what comes later, a view of it, and a circle."""
    depot = Depot()
    depot.take_in(
        [
            {"name": "top", "type": "view", "viewQuery": "SELECT id, a FROM one", "listRule": ""},
            {"id": "c1", "name": "one", "fields": [{"name": "a", "type": "relation", "collectionId": "c2"}],
             "listRule": "a.b.id != '' && @collection.two.b != ''"},
            {"id": "c2", "name": "two", "fields": [{"name": "b", "type": "relation", "collectionId": "c1"}]},
        ]
    )  # fmt: skip
    assert depot["one"].by_name["a"].to_json()["collectionId"] == "c2"
    assert depot["top"].by_name["a"].type == "relation"


def test_a_collection_is_known_by_its_id_then_by_its_name() -> None:
    """References to the id that it has elsewhere follow; its fields keep their data."""
    depot = Depot()
    posts = depot.define("posts", fields=[TITLE])
    depot.db.execute("INSERT INTO posts (id, title) VALUES ('a', 'x')")
    link = {"name": "post", "type": "relation", "collectionId": "elsewhere"}
    depot.take_in(
        [
            {"id": "elsewhere", "name": "Posts", "fields": [{**TITLE, "id": "other"}]},
            {"name": "links", "fields": [link]},
        ]
    )
    assert (depot["posts"].id, depot["posts"].name) == (posts.id, "Posts")
    assert depot["links"].by_name["post"].to_json()["collectionId"] == posts.id
    assert depot.rows("SELECT title FROM posts") == [("x",)]
    depot.take_in([{"id": posts.id, "name": "articles"}])
    assert depot["articles"].id == posts.id


def test_what_is_not_listed_stays_unless_it_is_to_go() -> None:
    """Fields and collections; never the system's."""
    depot = Depot()
    posts = depot.define("posts", fields=[TITLE, {"name": "n", "type": "number"}])
    depot.define("other", fields=[TITLE])
    listed = [{"id": posts.id, "name": "posts", "fields": [posts.by_name["n"].to_json()]}]
    depot.take_in(listed)
    assert set(depot["posts"].by_name) == {"id", "n", "title"}
    depot.take_in(listed, delete_missing=True)
    assert set(depot["posts"].by_name) == {"id", "n"}
    assert {one.id for one in depot.catalog.all() if not one.system} == {posts.id}
    assert "password" in depot["_superusers"].by_name


def test_what_leaves_the_server_comes_back_as_it_was() -> None:
    """An export, imported where it came from, changes no field, rule, index or secret."""
    depot = Depot()
    depot.define("posts", fields=[TITLE], indexes=["CREATE INDEX i ON t (title)"], listRule="")
    depot.define("v", type="view", viewQuery="SELECT id, title FROM posts")
    before = {one.id: one for one in depot.catalog.all()}
    depot.take_in([one.to_json() for one in depot.catalog.all()], delete_missing=True)
    for one in depot.catalog.all():
        old = before[one.id]
        assert {**one.to_row(), "updated": ""} == {**old.to_row(), "updated": ""}


@pytest.mark.parametrize("key", ["id", "name"])
@pytest.mark.parametrize("odd", [["x"], {"a": 1}, 5, 1.5, True])
@pytest.mark.parametrize("delete_missing", [True, False])
def test_a_field_is_named_by_texts(key: str, odd: object, delete_missing: bool) -> None:
    """Anything else is refused, also beside fields that are known here."""
    depot = Depot()
    posts = depot.define("posts", fields=[TITLE])
    field = {**posts.by_name["title"].to_json(), key: odd}
    listed = [{"id": posts.id, "name": "posts", "fields": [field]}]
    with pytest.raises(QuillError):
        depot.take_in(listed, delete_missing=delete_missing)
    assert depot["posts"].by_name["title"].id == posts.by_name["title"].id


def test_all_of_it_or_nothing() -> None:
    """One wrong entry, told by its name, and nothing of the others is done."""
    depot = Depot()
    before = depot.catalog
    for bad, told in (
        ({"name": "bad", "listRule": "nope = 1"}, "The collection bad: listRule: Invalid rule"),
        ({"name": "bad", "fields": [{"name": "x", "type": "odd"}]}, "The collection bad: fields.0"),
        ({"name": "bad", "type": "view", "viewQuery": "SELECT 1"}, "The collection bad: viewQuery"),
        ({"name": "good"}, "already in use"),
        ({"name": "GOOD", "type": "auth"}, "already in use"),
        ({"id": USERS_ID, "name": "users", "type": "base"}, "The collection users: type"),
        ({"id": USERS_ID, "name": "users", "type": "view"}, "The collection users: type"),
        ({"name": 5}, "name"),
        ({"name": {}, "id": []}, "name"),
    ):
        with pytest.raises(QuillError, match=told):
            depot.take_in([{"name": "good", "fields": [TITLE]}, bad])
    assert depot.catalog is before


def test_what_goes_must_not_be_needed() -> None:
    """A reference from what stays to what goes is refused."""
    depot = Depot()
    link = {"name": "u", "type": "relation", "collectionId": USERS_ID}
    depot.define("posts", fields=[link])
    with pytest.raises(QuillError, match=r"posts: fields\.0\.collectionId"):
        depot.take_in([{"name": "posts", "fields": [link]}], delete_missing=True)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "collections"),
        ({"collections": []}, "collections"),
        ({"collections": {}}, "collections"),
        ({"collections": [5]}, "collections"),
        ({"collections": [{}] * 1001}, "collections"),
        ({"collections": [{}], "deleteMissing": 1}, "deleteMissing"),
    ],
)
def test_bodies_that_are_no_import(body: dict[str, Any], key: str) -> None:
    """Told by their key."""
    with pytest.raises(QuillError) as refused:
        _read_body(body)
    assert list(refused.value.fields) == [key]


def test_the_systems_collections_stay_what_they_are() -> None:
    """Every exported schema has them, under the same ids; what a user made is refused there."""
    depot = Depot()
    listed = [one.to_json() for one in depot.catalog.all() if one.system]
    before = [one.to_row() for one in depot.catalog.all()]
    for one in listed:
        one["indexes"] = [sql.replace("ON `_", "ON `former_") for sql in one["indexes"]]
    depot.take_in(listed)
    assert [one.to_row() for one in depot.catalog.all()] == before
    with pytest.raises(QuillError, match="system flag"):
        depot.take_in([{**listed[-1], "system": False}])
