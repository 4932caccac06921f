"""Who may log in through the auth API of record APIs, and how."""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec

from shared.config.declaration import setting

_HOUR_SECONDS: Final = 3600
_MONTH_SECONDS: Final = 30 * 24 * 3600


class OAuthProviderId(enum.IntEnum):
    """Those who can say who somebody is."""

    OIDC0 = 2
    APPLE = 9
    DISCORD = 10
    GITLAB = 11
    GOOGLE = 12
    FACEBOOK = 13
    MICROSOFT = 14
    TWITCH = 15
    YANDEX = 16
    GITHUB = 17


class UserIdentifier(enum.IntEnum):
    """What a user is known by."""

    ONLY_EMAIL = 1
    ONLY_USERNAME = 2
    REQUIRE_EMAIL = 3
    REQUIRE_USERNAME = 4
    REQUIRE_EMAIL_AND_USERNAME = 5


class OAuthProvider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One provider. Only OIDC0 needs addresses."""

    client_id: Annotated[str, setting(1, "What the provider calls us.")] = ""
    client_secret: Annotated[str, setting(2, "What proves it.", secret=True)] = ""
    provider_id: Annotated[OAuthProviderId | None, setting(3, "Which provider it is.")] = None
    display_name: Annotated[str, setting(4, "Its name for users.")] = ""
    auth_url: Annotated[str, setting(5, "Where users log in.")] = ""
    token_url: Annotated[str, setting(6, "Where a code becomes a token.")] = ""
    user_api_url: Annotated[str, setting(7, "Where it tells who somebody is.")] = ""
    scopes: Annotated[tuple[str, ...], setting(8, "What we ask for.")] = ()


class Auth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens, passwords and providers."""

    auth_token_ttl_sec: Annotated[
        int, setting(1, "How long an auth token is good, in seconds.", ge=1)
    ] = _HOUR_SECONDS
    refresh_token_ttl_sec: Annotated[
        int, setting(2, "How long a refresh token is good, in seconds.", ge=1)
    ] = _MONTH_SECONDS
    anonymous_refresh_token_ttl_sec: Annotated[
        int, setting(3, "How long one of an anonymous user is good, in seconds.", ge=1)
    ] = _MONTH_SECONDS
    disable_password_auth: Annotated[bool, setting(4, "Whether passwords log nobody in.")] = False
    enable_otp_signin: Annotated[bool, setting(5, "Whether one-time codes log in.")] = False
    enable_anonymous_signin: Annotated[
        bool, setting(6, "Whether anybody may log in as nobody in particular.")
    ] = False
    password_minimal_length: Annotated[
        int, setting(7, "Fewest characters of a password.", ge=1, le=255)
    ] = 8
    password_must_contain_upper_and_lower_case: Annotated[
        bool, setting(8, "Whether passwords need letters of both cases.")
    ] = False
    password_must_contain_digits: Annotated[bool, setting(9, "Whether passwords need a digit.")] = (
        False
    )
    password_must_contain_special_characters: Annotated[
        bool, setting(10, "Whether passwords need something that is neither letter nor digit.")
    ] = False
    oauth_providers: Annotated[
        dict[str, OAuthProvider], setting(11, "Providers, by the lower-case name of each.")
    ] = {}
    custom_uri_schemes: Annotated[
        tuple[str, ...], setting(12, "Schemes of apps that a login may lead back to.")
    ] = ()
    redirect_uri_allowlist: Annotated[
        tuple[str, ...], setting(13, "Addresses that a login may lead back to.")
    ] = ()
    user_identifier: Annotated[UserIdentifier, setting(14, "What a user is known by.")] = (
        UserIdentifier.ONLY_EMAIL
    )
