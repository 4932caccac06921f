"""Definitions of collections: defaults, merging, codes.

Covers `shared.schema.field_list` and `shared.schema.reserved` too.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.schema.catalog import Catalog
from shared.schema.reserved import is_reserved_table
from shared.schema.system import superusers
from tests.shared.schema.sample import LATER, NOW, codes, define

TITLE = {"name": "title", "type": "text"}
POSTS = define({"name": "posts", "fields": [TITLE, {"name": "n", "type": "number"}]})
USERS = superusers(NOW)
CATALOG = Catalog(1, [POSTS, USERS])


def test_a_new_collection_is_completed() -> None:
    """Ids are checksums, the key is added in front, the rest has its defaults."""
    shown = POSTS.to_json()

    assert shown["id"] == "pbc_1125843985"
    assert [field["name"] for field in shown["fields"]] == ["id", "title", "n"]
    assert shown["fields"][0]["id"] == "text3208210256"
    assert shown["fields"][0]["primaryKey"]
    assert shown["fields"][0]["pattern"] == "^[a-z0-9]+$"
    assert (shown["created"], shown["updated"], shown["type"]) == (NOW, NOW, "base")
    assert shown["listRule"] is None
    assert shown["indexes"] == []


def test_a_change_keeps_what_it_does_not_mention() -> None:
    """Top-level keys are replaced one by one; a rule can become null again."""
    changed = define({"listRule": "", "viewRule": "x = 1"}, POSTS, CATALOG)
    back = define({"listRule": None}, changed, CATALOG)

    assert (changed.list_rule, changed.view_rule) == ("", "x = 1")
    assert (back.list_rule, back.view_rule) == (None, "x = 1")
    assert changed.fields == POSTS.fields
    assert (back.created, back.updated, back.id) == (NOW, LATER, POSTS.id)


def test_sending_back_what_was_shown_changes_nothing() -> None:
    """The way of the admin UI and of the SDKs, for both kinds."""
    for collection in (POSTS, USERS):
        shown = collection.to_json()
        again = define(shown, collection, CATALOG).to_json()
        assert {**again, "updated": ""} == {**shown, "updated": ""}
    assert define(USERS.to_json(), USERS, CATALOG).options == USERS.options


def test_fields_are_matched_by_id() -> None:
    """Same id, new name: a rename. Neither id nor old name: a new field. Left out: dropped."""
    title = POSTS.by_name["title"]
    changed = define(
        {"fields": [{"id": title.id, "name": "heading", "type": "text"}, TITLE]}, POSTS, CATALOG
    )

    assert [field.name for field in changed.fields] == ["id", "heading", "title"]
    assert changed.by_name["heading"].id == title.id
    assert changed.by_name["title"].id == title.id + "2"


def test_a_field_without_id_is_the_old_one_of_its_name() -> None:
    """Clients that do not know ids do not lose their data."""
    changed = define({"fields": [{**TITLE, "max": 7}]}, POSTS, CATALOG)

    assert changed.by_name["title"].id == POSTS.by_name["title"].id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"name": "validation_required"}),
        ({"name": None}, {"name": "validation_required"}),
        ({"name": 5}, {"name": "validation_invalid_value"}),
        ({"name": "a b"}, {"name": "validation_match_invalid"}),
        ({"name": 'x"; DROP TABLE posts; --'}, {"name": "validation_match_invalid"}),
        ({"name": "x\x00"}, {"name": "validation_match_invalid"}),
        ({"name": "x" * 10_000}, {"name": "validation_length_out_of_range"}),
        ({"name": "a_via_b"}, {"name": "validation_found_via"}),
        ({"name": "POSTS"}, {"name": "validation_collection_name_exists"}),
        ({"name": "PBC_3142635823"}, {"name": "validation_collection_name_id_duplicate"}),
        ({"name": "_Change"}, {"name": "validation_collection_name_invalid"}),
        ({"name": "sqlite_x"}, {"name": "validation_collection_name_invalid"}),
        ({"name": "idx_email_pbc_3142635823"}, {"name": "validation_collection_name_invalid"}),
        ({"name": "x", "id": "posts"}, {"id": "validation_invalid_or_existing_id"}),
        ({"name": "x", "id": "a/b"}, {"id": "validation_match_invalid"}),
        ({"name": "x", "id": 5}, {"id": "validation_invalid_value"}),
        ({"name": "x", "type": "view"}, {"viewQuery": "validation_required"}),
        ({"name": "x", "type": "view", "viewQuery": " "}, {"viewQuery": "validation_required"}),
        ({"name": "x", "type": "view", "viewQuery": 5}, {"viewQuery": "validation_invalid_value"}),
        ({"name": "x", "type": "odd"}, {"type": "validation_in_invalid"}),
        ({"name": "x", "type": []}, {"type": "validation_in_invalid"}),
        ({"name": "x", "system": 1}, {"system": "validation_invalid_value"}),
        ({"name": "x", "listRule": 1}, {"listRule": "validation_invalid_value"}),
        ({"name": "x", "fields": {}}, {"fields": "validation_invalid_value"}),
        ({"name": "x", "fields": [TITLE] * 401}, {"fields": "validation_invalid_value"}),
        ({"name": "x", "fields": [5]}, {"fields.0.type": "validation_invalid_value"}),
        ({"name": "x", "fields": [{"name": "a"}]}, {"fields.0.type": "validation_in_invalid"}),
        ({"name": "x", "fields": [TITLE, {**TITLE, "name": "Title"}]},
         {"fields.1.name": "validation_duplicated_field_name"}),
        ({"name": "x", "fields": [{**TITLE, "id": "i"}, {**TITLE, "id": "i", "name": "b"}]},
         {"fields.1.id": "validation_duplicated_field_id"}),
        ({"name": "x", "fields": [{"name": "id", "type": "number"}]},
         {"fields.0.name": "validation_not_in_invalid",
          "fields.0.type": "validation_system_field_change"}),
        ({"name": "x", "fields": [{"name": "ID", "type": "text"}]},
         {"fields.0.name": "validation_not_in_invalid"}),
        ({"name": "x", "fields": [{"name": "r", "type": "relation", "collectionId": "gone"}]},
         {"fields.0.collectionId": "validation_missing_rel_collection"}),
        ({"name": "x", "indexes": "CREATE"}, {"indexes": "validation_invalid_value"}),
    ],
)  # fmt: skip
def test_codes_of_new_collections(body: dict[str, Any], expected: dict[str, str]) -> None:
    """Each mistake is told under the dotted key of its place."""
    assert codes(body, None, CATALOG) == expected


def test_ids_may_have_to_be_sent() -> None:
    """An empty pattern to generate from is meant; other empty options of the id are defaults."""
    own = {"name": "id", "type": "text", "autogeneratePattern": "", "pattern": "", "min": 1}
    made = define({"name": "x", "fields": [own]}, None, CATALOG).by_name["id"]

    assert made.to_json() == {
        **POSTS.by_name["id"].to_json(), "autogeneratePattern": "", "min": 1,
    }  # fmt: skip
    assert not made.fills_on_create


def test_a_relation_may_point_to_itself() -> None:
    """The id of the collection being made counts as existing."""
    own = {"name": "parent", "type": "relation", "collectionId": "pbc_tree"}

    assert codes({"id": "pbc_tree", "name": "tree", "fields": [own]}) == {}


def test_a_renamed_collection_may_leave_its_id_taken() -> None:
    """A new one of the old name gets the next free id."""
    moved = define({"name": "articles"}, POSTS, CATALOG)

    again = define({"name": "posts"}, None, Catalog(2, [moved]))

    assert again.id == POSTS.id + "2"


TEXT_ID = POSTS.by_name["title"].id


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "view"}, {"type": "validation_collection_type_change"}),
        ({"id": "other"}, {"id": "validation_in_invalid"}),
        ({"system": True}, {"system": "validation_collection_system_flag_change"}),
        ({"name": "_superusers"}, {"name": "validation_collection_name_exists"}),
        ({"fields": [{"id": TEXT_ID, "name": "title", "type": "bool"}]},
         {"fields.0.type": "validation_field_type_change"}),
        ({"fields": [{"id": "text3208210256", "name": "key", "type": "text"}]},
         {"fields.0.name": "validation_system_field_change"}),
    ],
)  # fmt: skip
def test_codes_of_changes(body: dict[str, Any], expected: dict[str, str]) -> None:
    """What may not change, and under which code."""
    found = codes(body, POSTS, CATALOG)

    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "admins"}, {"name": "validation_collection_system_name_change"}),
        ({"listRule": ""}, {"listRule": "validation_collection_system_rule_change"}),
        ({"indexes": []}, {"indexes": "validation_missing_required_unique_index"}),
        ({"authRule": None}, {"authRule": "validation_collection_system_rule_change"}),
        ({"otp": {"enabled": True}}, {"otp.enabled": "validation_invalid_value"}),
        ({"passwordAuth": {"enabled": False}},
         {"passwordAuth.enabled": "validation_invalid_value"}),
        ({"authToken": {"duration": 5}},
         {"authToken.duration": "validation_min_greater_equal_than_required"}),
        ({"authToken": {"secret": "short"}},
         {"authToken.secret": "validation_length_out_of_range"}),
        ({"fields": [{"name": "oldPassword", "type": "text"}]},
         {"fields.0.name": "validation_reserved_field_name"}),
        ({"fields": [{"name": "Email", "type": "text"}]},
         {"fields.0.name": "validation_duplicated_field_name"}),
    ],
)  # fmt: skip
def test_codes_of_system_collections(body: dict[str, Any], expected: dict[str, str]) -> None:
    """The superusers' collection can be extended, not bent."""
    assert codes(body, USERS, CATALOG) == expected


def test_system_fields_stay_and_stay_hidden() -> None:
    """Leaving them out or unhiding them does not do it."""
    shown = {"name": "tokenKey", "type": "text", "hidden": False}

    changed = define({"fields": [{"name": "nick", "type": "text"}, shown]}, USERS, CATALOG)

    assert set(changed.by_id) > set(USERS.by_id)
    assert changed.by_name["tokenKey"].hidden
    assert changed.by_name["tokenKey"].secret
    assert changed.by_name["password"].hidden
    assert not changed.by_name["nick"].system


def test_between_one_and_several_values_a_field_may_change() -> None:
    """The values are carried over; between types it depends on them."""
    tags = {"name": "tags", "type": "select", "values": ["a", "b"]}
    old = define({"name": "x", "fields": [tags]})
    own = {**tags, "id": old.by_name["tags"].id}

    assert define({"fields": [{**own, "maxSelect": 2}]}, old).by_name["tags"].multiple
    assert define({"fields": [{**own, "type": "text"}]}, old).by_name["tags"].type == "text"
    assert codes({"fields": [{**own, "type": "relation", "collectionId": old.id}]}, old) == {
        "fields.0.type": "validation_field_type_change"
    }


def test_a_relation_keeps_its_target() -> None:
    """The stored ids would mean other records."""
    link = {"name": "r", "type": "relation", "collectionId": POSTS.id}
    old = define({"name": "x", "fields": [link]}, None, CATALOG)

    found = codes({"fields": [{**link, "collectionId": USERS.id}]}, old, CATALOG)

    assert found == {"fields.0.collectionId": "validation_field_relation_change"}


def test_reserved_tables_are_known_in_any_case() -> None:
    """The writer's tables and SQLite's own."""
    assert is_reserved_table("_HEAD")
    assert is_reserved_table("sqlite_schema")
    assert not is_reserved_table("posts")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["id", "name", "type", "system", "fields", "indexes", "listRule", "createRule", "authToken",
     "options", "created", "oauth2"]
)  # fmt: skip


@given(st.dictionaries(KEYS, JSON, max_size=6), st.sampled_from([None, POSTS, USERS]))
def test_no_body_raises_anything_else(body: dict[str, Any], old: Any) -> None:
    """Whatever is sent, the answer is a collection or a refusal."""
    try:
        define(body, old, CATALOG)
    except QuillError as error:
        assert error.fields  # noqa: PT017  most bodies are refused, some are fine
