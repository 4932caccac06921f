"""Auth collections: system fields, options, secrets and codes.

Covers `shared.schema.auth_fields`, `shared.schema.auth_judge` and `shared.schema.naming` too.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import QuillError
from shared.schema.auth_merge import merge_options
from shared.schema.auth_options import TOKEN_KEYS, new_options
from shared.schema.catalog import Catalog
from shared.schema.index_list import unique_fields
from shared.schema.system import superusers, users
from tests.shared.schema.sample import NOW, codes, define

SYSTEM = ["id", "password", "tokenKey", "email", "emailVisibility", "verified"]
NICK: dict[str, Any] = {"name": "nick", "type": "text"}
USERS = users(NOW)
CATALOG = Catalog(1, [USERS, superusers(NOW)])
MEMBERS = define(
    {"name": "members", "type": "auth", "fields": [NICK],
     "indexes": ["CREATE UNIQUE INDEX nicks ON t (nick COLLATE NOCASE)"]},
    None, CATALOG,
)  # fmt: skip
PROVIDER = {"name": "google", "clientId": "c", "clientSecret": "s"}


def test_a_new_auth_collection_is_completed() -> None:
    """System fields in front, the two unique indexes after its own, all options."""
    assert [field.name for field in MEMBERS.fields] == [*SYSTEM, "nick"]
    assert unique_fields(MEMBERS.indexes) == {"nick", "tokenKey", "email"}
    assert set(new_options()) <= set(MEMBERS.to_json())
    assert MEMBERS.options["authToken"]["duration"] == 432_000
    assert MEMBERS.options["authToken"]["secret"] != USERS.options["authToken"]["secret"]


def test_system_fields_may_be_given_and_not_bent() -> None:
    """Their options are the owner's; what makes them secret is not."""
    made = define(
        {"name": "x", "type": "auth", "fields": [
            {"name": "email", "type": "email", "onlyDomains": ["a.bc"]},
            {"name": "password", "type": "password", "min": 12, "hidden": False},
            {"name": "tokenKey", "type": "text", "hidden": False, "required": False},
        ]}
    )  # fmt: skip
    assert {field.name for field in made.fields} == set(SYSTEM)
    assert all(field.system for field in made.fields)
    assert not made.by_name["email"].required
    assert made.by_name["password"].to_json()["min"] == 12
    assert made.by_name["password"].hidden
    assert made.by_name["tokenKey"].secret
    wrong = [{"name": "email", "type": "text"}, {"name": "oldPassword", "type": "text"}]
    assert codes({"name": "x", "type": "auth", "fields": wrong}) == {
        "fields.0.type": "validation_system_field_change",
        "fields.1.name": "validation_reserved_field_name",
    }


def test_own_unique_indexes_take_the_place_of_the_made_ones() -> None:
    """One on the email in another collation does; one over an expression does not."""
    own = ["CREATE UNIQUE INDEX e ON t (email COLLATE NOCASE)"]
    made = define({"name": "x", "type": "auth", "indexes": own})
    assert len(made.indexes) == 2
    own = ["CREATE UNIQUE INDEX e ON t (email || 'x')"]
    assert len(define({"name": "x", "type": "auth", "indexes": own}).indexes) == 3
    assert codes({"indexes": own}, made) == {"indexes": "validation_missing_required_unique_index"}


def test_an_object_is_merged_key_by_key() -> None:
    """What is not sent stays; a list is replaced; null is no change, but for a rule."""
    old = define({"passwordAuth": {"identityFields": ["nick"]}, "authRule": "x = 1"}, MEMBERS)
    new = define({"passwordAuth": {"enabled": False}, "authRule": None, "otp": None}, old)
    assert new.options["passwordAuth"] == {"enabled": False, "identityFields": ["nick"]}
    assert new.options["authRule"] is None
    assert new.options["otp"] == old.options["otp"]


def test_secrets_go_in_and_never_out() -> None:
    """Those of tokens and of providers; what was shown can be sent back."""
    options = {"oauth2": {"providers": [PROVIDER]}, "fileToken": {"secret": "f" * 40}}
    old = define(options, MEMBERS, CATALOG)
    shown = json.dumps(old.to_json())
    secrets = [old.options[key]["secret"] for key in TOKEN_KEYS]
    assert not [secret for secret in (*secrets, '"clientSecret"') if secret in shown]
    assert define(old.to_json(), old, CATALOG).options == old.options
    emptied = {key: {"secret": ""} for key in TOKEN_KEYS}
    assert define(emptied, old, CATALOG).options == old.options


def test_a_new_auth_rule_ends_the_sessions() -> None:
    """The secret of auth tokens goes, no other; the same rule again changes nothing."""
    new = define({"authRule": "verified = true"}, MEMBERS)
    same = define({"authRule": "verified = true", "name": "moved"}, new)
    assert new.options["authToken"]["secret"] != MEMBERS.options["authToken"]["secret"]
    assert new.options["fileToken"] == MEMBERS.options["fileToken"]
    assert same.options == new.options
    chosen = {"authRule": "", "authToken": {"secret": "c" * 30}}
    assert define(chosen, new).options["authToken"]["secret"] == "c" * 30


def test_options_follow_a_renamed_field() -> None:
    """As its indexes do."""
    old = define(
        {"passwordAuth": {"identityFields": ["email", "nick"]},
         "oauth2": {"mappedFields": {"username": "nick"}}},
        MEMBERS,
    )  # fmt: skip
    handle = {"id": old.by_name["nick"].id, "name": "handle", "type": "text"}
    new = define({"fields": [handle]}, old)
    assert new.options["passwordAuth"]["identityFields"] == ["email", "handle"]
    assert new.options["oauth2"]["mappedFields"]["username"] == "handle"


ONE_WAY = {"mfa": {"enabled": True}}
TWO_WAYS = {"mfa": {"enabled": True}, "otp": {"enabled": True}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"manageRule": ""}, {"manageRule": "validation_nil_or_not_empty_required"}),
        ({"manageRule": 5}, {"manageRule": "validation_invalid_value"}),
        ({"authAlert": []}, {"authAlert": "validation_invalid_value"}),
        ({"authAlert": {"enabled": 1}}, {"authAlert.enabled": "validation_invalid_value"}),
        ({"authAlert": {"emailTemplate": {"subject": ""}}},
         {"authAlert.emailTemplate.subject": "validation_required"}),
        ({"verificationTemplate": {"body": ""}},
         {"verificationTemplate.body": "validation_required"}),
        ({"verificationTemplate": {"body": "x" * 50_001}},
         {"verificationTemplate.body": "validation_length_too_long"}),
        ({"passwordAuth": {"identityFields": []}},
         {"passwordAuth.identityFields": "validation_required"}),
        ({"passwordAuth": {"identityFields": ["verified"]}},
         {"passwordAuth.identityFields": "validation_missing_unique_constraint"}),
        ({"passwordAuth": {"identityFields": ["nope"]}},
         {"passwordAuth.identityFields": "validation_missing_field"}),
        ({"passwordAuth": {"identityFields": ["tokenKey"]}},
         {"passwordAuth.identityFields": "validation_missing_field"}),
        ({"passwordAuth": {"identityFields": "email"}},
         {"passwordAuth.identityFields": "validation_invalid_value"}),
        ({"indexes": list(MEMBERS.indexes[1:]), "passwordAuth": {"identityFields": ["nick"]}},
         {"passwordAuth.identityFields": "validation_missing_unique_constraint"}),
        (ONE_WAY, {"mfa.enabled": "validation_mfa_not_enough_auths"}),
        (TWO_WAYS, {}),
        ({**TWO_WAYS, "passwordAuth": {"enabled": False}},
         {"mfa.enabled": "validation_mfa_not_enough_auths"}),
        ({"otp": {"enabled": True, "duration": 9}},
         {"otp.duration": "validation_min_greater_equal_than_required"}),
        ({"otp": {"enabled": True, "length": 3}},
         {"otp.length": "validation_min_greater_equal_than_required"}),
        ({"otp": {"length": 0}}, {}),
        ({"authToken": {"duration": 0}}, {"authToken.duration": "validation_required"}),
        ({"authToken": {"duration": 94_670_857}},
         {"authToken.duration": "validation_max_less_equal_than_required"}),
        ({"fileToken": {"secret": "s" * 29}},
         {"fileToken.secret": "validation_length_out_of_range"}),
        ({"fileToken": {"secret": "s" * 256}},
         {"fileToken.secret": "validation_length_out_of_range"}),
        ({"oauth2": {"providers": [PROVIDER, PROVIDER]}},
         {"oauth2.providers.1.name": "validation_duplicated_provider"}),
        ({"oauth2": {"providers": [{**PROVIDER, "name": "nobody"}]}},
         {"oauth2.providers.0.name": "validation_missing_provider"}),
        ({"oauth2": {"providers": [{"name": "github"}]}},
         {"oauth2.providers.0.clientId": "validation_required",
          "oauth2.providers.0.clientSecret": "validation_required"}),
        ({"oauth2": {"providers": [5]}}, {"oauth2.providers.0": "validation_invalid_value"}),
        ({"oauth2": {"providers": {}}}, {"oauth2.providers": "validation_invalid_value"}),
    ],
)  # fmt: skip
def test_codes_of_options(body: dict[str, Any], expected: dict[str, str]) -> None:
    """Each mistake is told under the dotted key of its place."""
    assert codes(body, MEMBERS, CATALOG) == expected


def test_other_kinds_have_no_options() -> None:
    """What is sent of them for a base collection means nothing."""
    made = define({"name": "x", "authRule": "", "mfa": {"enabled": True}})
    assert made.options == {}
    assert "authRule" not in made.to_json()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just([PROVIDER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["enabled", "providers", "duration", "secret", "rule", "name", "body"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(new_options())), JSON, max_size=4))
def test_no_options_raise_anything_else(body: dict[str, Any]) -> None:
    """Whatever is sent, the answer is a collection or a refusal; what is stored can be read."""
    try:
        made = define(body, MEMBERS, CATALOG)
    except QuillError as error:
        assert error.fields  # noqa: PT017  most bodies are refused, some are fine
    else:
        assert merge_options(made.options, made.to_json()) == (made.options, {})
