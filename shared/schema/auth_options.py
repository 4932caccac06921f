"""What only collections of kind auth have: tokens, ways to log in, mail templates and the rest.

Stored as one JSON object beside the fields, in wire form with the secrets added.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from shared.ids import ALNUM_ALPHABET

TOKEN_KEYS: Final = (
    "authToken",
    "passwordResetToken",
    "emailChangeToken",
    "verificationToken",
    "fileToken",
)
OAUTH2_PROVIDERS: Final = frozenset(
    {
        "apple", "google", "microsoft", "yandex", "facebook", "instagram2", "github",
        "gitlab", "bitbucket", "gitee", "gitea", "discord", "twitter", "kakao", "vk",
        "linear", "notion", "monday", "lark", "box", "spotify", "trakt", "twitch",
        "patreon", "strava", "wakatime", "livechat", "mailcow", "planningcenter", "oidc",
        "oidc2", "oidc3",
    }
)  # fmt: skip
"""Names under which a provider's settings may be stored; none can be logged in with yet."""
_NEW_SECRET_CHARS: Final = 50
_DURATIONS: Final = {
    "authToken": 432_000,
    "passwordResetToken": 1_800,
    "emailChangeToken": 1_800,
    "verificationToken": 86_400,
    "fileToken": 180,
}


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
        options[key] = {"duration": seconds, "secret": new_secret()}
    return options


def new_secret() -> str:
    """A token secret of 297 random bits."""
    return ALNUM_ALPHABET.text(_NEW_SECRET_CHARS)


def shown_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as they may leave the server: without secrets."""
    shown = copy.deepcopy(dict(options))
    for key in TOKEN_KEYS:
        if isinstance(shown.get(key), dict):
            shown[key].pop("secret", None)
    for provider in shown.get("oauth2", {}).get("providers") or ():
        provider.pop("clientSecret", None)
    return shown
