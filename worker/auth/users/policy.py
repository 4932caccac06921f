"""What the settings ask of a user: by what he is known, and what a password is made of."""

from __future__ import annotations

import re
from typing import Final

from shared.config.auth import Auth, UserIdentifier
from shared.errors import QuillError, invalid
from shared.schema.fields.email import is_email

PASSWORD_CHARS_MAX: Final = 128
NAME_CHARS_MAX: Final = 255
_USERNAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{2,31}", re.ASCII)
_NEEDS_EMAIL: Final = frozenset(
    {UserIdentifier.ONLY_EMAIL, UserIdentifier.REQUIRE_EMAIL,
     UserIdentifier.REQUIRE_EMAIL_AND_USERNAME}
)  # fmt: skip
_NEEDS_USERNAME: Final = frozenset(
    {UserIdentifier.ONLY_USERNAME, UserIdentifier.REQUIRE_USERNAME,
     UserIdentifier.REQUIRE_EMAIL_AND_USERNAME}
)  # fmt: skip


def check_identifiers(auth: Auth, email: str, username: str) -> None:
    """Judge what a new user is to be known by; "" for none. Raises INVALID."""
    known_by = auth.user_identifier
    if not email and (known_by in _NEEDS_EMAIL or not username):
        raise invalid("missing email")
    if not username and known_by in _NEEDS_USERNAME:
        raise invalid("missing username")
    if email and known_by is UserIdentifier.ONLY_USERNAME:
        raise invalid("users have no email here")
    if username and known_by is UserIdentifier.ONLY_EMAIL:
        raise invalid("users have no username here")
    check_email(email)
    if username and not _USERNAME.fullmatch(username):
        raise invalid("invalid username")


def check_email(email: str) -> None:
    """Judge an address; "" is none. Raises INVALID."""
    if email and (len(email) > NAME_CHARS_MAX or not is_email(email)):
        raise invalid("invalid email")


def check_password(auth: Auth, password: str, repeated: str | None = None) -> None:
    """Judge a new password, and that it was typed the same twice. Raises INVALID."""
    if repeated is not None and repeated != password:
        raise invalid("passwords don't match")
    reason = _weakness(auth, password)
    if reason:
        raise _weak(reason)


def _weakness(auth: Auth, password: str) -> str:
    if len(password) < auth.password_minimal_length:
        return "too short"
    if len(password) > PASSWORD_CHARS_MAX:
        return "too long"
    if auth.password_must_contain_upper_and_lower_case and not (
        any(map(str.isupper, password)) and any(map(str.islower, password))
    ):
        return "letters of both cases needed"
    if auth.password_must_contain_digits and not any(map(str.isdigit, password)):
        return "a digit needed"
    if auth.password_must_contain_special_characters and password.isalnum():
        return "a special character needed"
    return ""


def _weak(reason: str) -> QuillError:
    return invalid(f"invalid password: {reason}")
