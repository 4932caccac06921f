"""What the settings ask of a new user."""

from __future__ import annotations

import pytest

from shared.config.auth import Auth, UserIdentifier
from shared.errors import QuillError
from worker.auth.users.policy import check_identifiers, check_password

ANNA = "anna@example.com"


@pytest.mark.parametrize(
    ("known_by", "accepted"),
    [
        (UserIdentifier.ONLY_EMAIL, {(ANNA, "")}),
        (UserIdentifier.ONLY_USERNAME, {("", "anna")}),
        (UserIdentifier.REQUIRE_EMAIL, {(ANNA, ""), (ANNA, "anna")}),
        (UserIdentifier.REQUIRE_USERNAME, {("", "anna"), (ANNA, "anna")}),
        (UserIdentifier.REQUIRE_EMAIL_AND_USERNAME, {(ANNA, "anna")}),
    ],
)
def test_a_user_is_known_by_what_the_settings_say(
    known_by: UserIdentifier, accepted: set[tuple[str, str]]
) -> None:
    """Never by nothing."""
    found = set()
    for pair in [("", ""), (ANNA, ""), ("", "anna"), (ANNA, "anna")]:
        try:
            check_identifiers(Auth(user_identifier=known_by), *pair)
        except QuillError:
            continue
        found.add(pair)
    assert found == accepted


@pytest.mark.parametrize("username", ["ab", "1abc", "a-b-c", "a" * 33, "anna@b", "änna", "anna\n"])
def test_usernames_are_plain(username: str) -> None:
    """So none of them can pass for an address."""
    auth = Auth(user_identifier=UserIdentifier.ONLY_USERNAME)
    with pytest.raises(QuillError, match="invalid username"):
        check_identifiers(auth, "", username)


def test_addresses_are_addresses() -> None:
    """As everywhere else."""
    with pytest.raises(QuillError, match="invalid email"):
        check_identifiers(Auth(), "anna", "")


@pytest.mark.parametrize(
    ("password", "auth", "reason"),
    [
        ("short", Auth(), "too short"),
        ("long" * 40, Auth(), "too long"),
        ("all lower", Auth(password_must_contain_upper_and_lower_case=True), "both cases"),
        ("no digits", Auth(password_must_contain_digits=True), "digit"),
        ("plain1234", Auth(password_must_contain_special_characters=True), "special"),
    ],
)
def test_passwords_are_held_to_the_settings(password: str, auth: Auth, reason: str) -> None:
    """Each reason by itself."""
    with pytest.raises(QuillError, match=reason):
        check_password(auth, password)


def test_a_password_is_typed_the_same_twice() -> None:
    """Where it was asked for twice."""
    check_password(Auth(), "12345678", "12345678")
    with pytest.raises(QuillError, match="match"):
        check_password(Auth(), "12345678", "12345679")
