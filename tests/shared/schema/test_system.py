"""A new main.db, the catalog that is read from it, and what leaves the server.

Covers `shared.schema.catalog`, `shared.schema.collection` and `shared.schema.auth_options`.
"""

from __future__ import annotations

import json
from dataclasses import replace

from shared.schema.auth_merge import merge_options
from shared.schema.auth_options import TOKEN_KEYS, new_options, shown_options
from shared.schema.catalog import Catalog
from shared.schema.system import SUPERUSERS_ID, delete_row, superusers, update_row
from tests.shared.schema.sample import NOW, define, load, make, new_database


def test_a_new_database_holds_the_superusers() -> None:
    """Catalog row and table, under the id that the SDKs know."""
    db = new_database()
    catalog = load(db)

    found = catalog.find("_SuperUsers")

    assert found is not None
    assert found is catalog.by_id(SUPERUSERS_ID) is catalog.find(SUPERUSERS_ID)
    assert (found.type, found.system, found.list_rule) == ("auth", True, None)
    assert found.options["authToken"]["duration"] == 86_400
    assert db.execute("SELECT count(*) FROM _superusers").get == 0


def test_a_new_database_holds_users() -> None:
    """An ordinary auth collection under the id that the SDKs' examples know."""
    db = new_database()
    found = load(db).find("users")

    assert found is not None
    assert (found.id, found.type, found.system) == ("_pb_users_auth_", "auth", False)
    assert [field.name for field in found.fields if not field.system] == [
        "name", "avatar", "created", "updated",
    ]  # fmt: skip
    assert (found.create_rule, found.list_rule) == ("", "id = @request.auth.id")
    assert found.options["authToken"]["secret"] != superusers(NOW).options["authToken"]["secret"]
    assert db.execute("SELECT count(*) FROM users").get == 0


def test_views_refer_to_nobody() -> None:
    """A relation that a view shows is another collection's, and is no hindrance to a delete."""
    target = define({"name": "authors"})
    link = {"name": "author", "type": "relation", "collectionId": target.id}
    posts = define({"name": "posts", "fields": [link]}, None, Catalog(1, [target]))
    view = replace(
        define({"name": "v", "type": "view", "viewQuery": "SELECT 1"}), fields=posts.fields
    )
    assert Catalog(2, [target, posts, view]).references_to(target) == [
        (posts, posts.by_name["author"])
    ]


def test_logins_rest_on_unique_columns() -> None:
    """Two superusers cannot share a token key or an email; the empty email is not one."""
    db = new_database()
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}

    assert {f"idx_tokenKey_{SUPERUSERS_ID}", f"idx_email_{SUPERUSERS_ID}"} <= names


def test_no_secret_leaves_the_server() -> None:
    """The wire form holds every option but the secrets, the row holds all."""
    users = superusers(NOW)
    wire, row = json.dumps(users.to_json()), json.dumps(users.to_row())

    for key in TOKEN_KEYS:
        assert users.options[key]["secret"] not in wire
        assert users.options[key]["secret"] in row
        assert users.to_json()[key] == {"duration": users.options[key]["duration"]}
    assert {field.name for field in users.fields if field.secret} == {"password", "tokenKey"}


def test_secrets_are_new_each_time() -> None:
    """No two collections share one."""
    secrets = [new_options()[key]["secret"] for key in TOKEN_KEYS for _ in range(3)]

    assert len(set(secrets)) == len(secrets)


def test_a_token_can_be_changed_and_renewed() -> None:
    """Duration and secret; the other tokens stay as they are."""
    old = new_options()

    merged, problems = merge_options(old, {"fileToken": {"duration": 60, "secret": "s" * 40}})

    assert problems == {}
    assert merged["fileToken"] == {"duration": 60, "secret": "s" * 40}
    assert merged["authToken"] == old["authToken"]
    assert shown_options(merged)["fileToken"] == {"duration": 60}


def test_rows_round_trip() -> None:
    """A collection reads back from its row as it was, and after a change too."""
    db = new_database()
    posts = define(
        {"name": "posts", "listRule": "", "fields": [{"name": "title", "type": "text"}],
         "indexes": ["CREATE INDEX i ON posts (title)"]}
    )  # fmt: skip
    make(db, posts)
    changed = define({"viewRule": "title = 'x'"}, posts)

    found = load(db).find("posts")
    assert found is not None
    assert found.to_row() == posts.to_row()
    db.execute(*update_row(changed))
    found = load(db).find("posts")
    assert found is not None
    assert found.to_row() == changed.to_row()
    db.execute(*delete_row(changed))
    assert load(db).find("posts") is None


def test_the_catalog_knows_who_refers_to_whom() -> None:
    """Each relation is listed under its target."""
    target = define({"name": "authors"})
    link = {"name": "author", "type": "relation", "collectionId": target.id}
    posts = define({"name": "posts", "fields": [link]}, None, Catalog(1, [target]))
    catalog = Catalog(2, [target, posts])

    assert catalog.references_to(target) == [(posts, posts.by_name["author"])]
    assert catalog.references_to(posts) == []
    assert [one.name for one in catalog.all()] == ["authors", "posts"]
    assert posts.rule("list") is None


def test_an_id_wins_over_a_name() -> None:
    """So that nobody can stand in for another collection by its name."""
    first = define({"id": "x", "name": "first"})
    second = define({"id": "y", "name": "second"})

    catalog = Catalog(1, [first, second])

    assert catalog.find("x") is first
    assert catalog.find("SECOND") is second
    assert catalog.find("z") is None
