"""What only collections of kind auth have: tokens, password login, mail templates and the rest.

Stored as one JSON object beside the fields, in wire form with the secrets added. In this version the
one auth collection is `_superusers`; of its options only tokens' durations and secrets can be changed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from shared.errors import FieldError
from shared.ids import ALNUM_ALPHABET
from shared.schema.fields.options import OptionError, at_least, at_most, read_count, read_text

TOKEN_KEYS: Final = (
    "authToken",
    "passwordResetToken",
    "emailChangeToken",
    "verificationToken",
    "fileToken",
)
SECRET_CHARS_MIN: Final = 30
SECRET_CHARS_MAX: Final = 255
_NEW_SECRET_CHARS: Final = 50
_DURATION_SECONDS_MIN: Final = 10
_DURATION_SECONDS_MAX: Final = 94_670_856  # three years
_DURATIONS: Final = {
    "authToken": 432_000,
    "passwordResetToken": 1_800,
    "emailChangeToken": 1_800,
    "verificationToken": 86_400,
    "fileToken": 180,
}
_NOT_YET: Final = FieldError("validation_invalid_value", "Changing this is not supported yet.")


def _mail(subject: str, text: str, link: str = "") -> dict[str, str]:
    anchor = f'<p><a href="{{APP_URL}}/_/#/auth/{link}/{{TOKEN}}">Continue</a></p>' if link else ""
    return {"subject": subject, "body": f"<p>{text}</p>{anchor}"}


def new_options(*, auth_token_seconds: int = _DURATIONS["authToken"]) -> dict[str, Any]:
    """The options of a new auth collection, with new secrets."""
    options: dict[str, Any] = {
        "authRule": "",
        "manageRule": None,
        "authAlert": {
            "enabled": False,
            "emailTemplate": _mail(
                "Login from a new location",
                "{ALERT_INFO} If this was not you, change your password.",
            ),
        },
        "oauth2": {
            "enabled": False,
            "providers": [],
            "mappedFields": {"id": "", "name": "", "username": "", "avatarURL": ""},
        },
        "passwordAuth": {"enabled": True, "identityFields": ["email"]},
        "mfa": {"enabled": False, "duration": 600, "rule": ""},
        "otp": {
            "enabled": False,
            "duration": 180,
            "length": 8,
            "emailTemplate": _mail("Code for {APP_NAME}", "Your one-time code: {OTP}"),
        },
        "verificationTemplate": _mail(
            "Verify your address for {APP_NAME}",
            "Please verify your address.",
            "confirm-verification",
        ),
        "resetPasswordTemplate": _mail(
            "New password for {APP_NAME}", "Choose a new password.", "confirm-password-reset"
        ),
        "confirmEmailChangeTemplate": _mail(
            "New address for {APP_NAME}", "Please confirm your new address.", "confirm-email-change"
        ),
    }
    for key, seconds in (_DURATIONS | {"authToken": auth_token_seconds}).items():
        options[key] = {"duration": seconds, "secret": ALNUM_ALPHABET.text(_NEW_SECRET_CHARS)}
    return options


def shown_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they may leave the server: without secrets."""
    shown = copy.deepcopy(dict(options))
    for key in TOKEN_KEYS:
        if isinstance(shown.get(key), dict):
            shown[key].pop("secret", None)
    for provider in shown.get("oauth2", {}).get("providers", ()):
        provider.pop("clientSecret", None)
    return shown


def merge_options(
    old: Mapping[str, Any], body: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, FieldError]]:
    """`old` with the changes that `body` asks for, and what is wrong with them.

    Sending back what was shown is no change; other changes than those of tokens are refused.
    """
    merged = copy.deepcopy(dict(old))
    problems: dict[str, FieldError] = {}
    shown = shown_options(old)
    for key in old.keys() & body.keys():
        asked = body[key]
        if asked == shown[key] or asked == old[key]:
            continue
        if key in TOKEN_KEYS and isinstance(asked, Mapping):
            _merge_token(key, merged[key], asked, problems)
        else:
            problems[key] = _NOT_YET
    return merged, problems


def _merge_token(
    key: str,
    token: dict[str, Any],
    asked: Mapping[str, object],
    problems: dict[str, FieldError],
) -> None:
    try:
        if asked.get("duration") is not None:
            token["duration"] = _read_duration(asked["duration"])
    except OptionError as problem:
        problems[f"{key}.duration"] = problem.error
    try:
        if asked.get("secret"):
            token["secret"] = _read_secret(asked["secret"])
    except OptionError as problem:
        problems[f"{key}.secret"] = problem.error


def _read_duration(raw: object) -> int:
    seconds = read_count(raw)
    if seconds < _DURATION_SECONDS_MIN:
        raise OptionError(at_least(_DURATION_SECONDS_MIN))
    if seconds > _DURATION_SECONDS_MAX:
        raise OptionError(at_most(_DURATION_SECONDS_MAX))
    return seconds


def _read_secret(raw: object) -> str:
    secret = read_text(raw)
    if not SECRET_CHARS_MIN <= len(secret) <= SECRET_CHARS_MAX:
        raise OptionError(
            FieldError(
                "validation_length_out_of_range",
                f"Must have between {SECRET_CHARS_MIN} and {SECRET_CHARS_MAX} characters.",
                {"min": SECRET_CHARS_MIN, "max": SECRET_CHARS_MAX},
            )
        )
    return secret
