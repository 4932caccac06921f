"""The auth API of record APIs: login, refresh, status, logout, registration, change of password."""

from __future__ import annotations

from typing import Final

import orjson

from shared.errors import QuillError, forbidden, invalid
from worker.auth.users.identity import (
    REFRESH_COOKIE,
    cookie,
    user_claims,
    user_exists,
    user_tokens,
)
from worker.auth.users.login import (
    EMAIL,
    USERNAME,
    Attempt,
    LoggedIn,
    SecondFactor,
    attempt_of,
    log_in,
    refresh,
    unauthenticated,
)
from worker.auth.users.login import change_password as change
from worker.auth.users.redirect import check_redirect, with_query
from worker.auth.users.register import Registration, confirm
from worker.auth.users.register import register as make_user
from worker.auth.users.sessions import end, end_all
from worker.context import Context
from worker.http.request import Request
from worker.http.response import Header, Response
from worker.wire.trailbase.auth_body import AuthBody, read_auth_body
from worker.wire.trailbase.cookies import auth_cookie, cleared_cookies, session_cookies
from worker.wire.trailbase.encode import TEXT

_NO_STORE: Final[Header] = (b"cache-control", b"no-store")
_REFRESH_HEADER: Final = b"refresh-token"


async def login(context: Context, request: Request) -> Response:
    """POST …/login. Tokens for a program; cookies, and the way on, for a browser."""
    body = await read_auth_body(request)
    if body.is_form and request.header(b"sec-fetch-site") == "cross-site":
        raise forbidden()  # another site would log its visitor in as somebody else
    config = context.catalog.current().config
    redirect = check_redirect(config, body.option("redirect_uri"))
    second = check_redirect(config, body.option("mfa_redirect_uri"))
    if body.option("response_type") not in ("", "token"):
        raise invalid("this response_type is not supported")
    try:
        entered = await log_in(context, user_tokens(), _attempt(body), request.id)
    except QuillError as error:
        if body.is_form and redirect:
            return _see_other(with_query(redirect, alert=f"Login Failed: {error.message}"))
        raise
    if isinstance(entered, SecondFactor):
        return _second_factor(body, second, entered)
    if not body.is_form:
        return _json(200, _trio(entered))
    return _led_on(redirect, "logged in", session_cookies(config, entered))


async def refresh_token(context: Context, request: Request) -> Response:
    """POST …/refresh."""
    body = await read_auth_body(request, only_json=True)
    made = await refresh(context, user_tokens(), body.get("refresh_token"))
    return _json(200, {"auth_token": made.text, "csrf_token": made.csrf_token})


async def status(context: Context, request: Request) -> Response:
    """GET …/status: who is logged in, with a new auth token where there is a live session."""
    sent = request.header(_REFRESH_HEADER)
    token = sent or ("" if request.header(b"authorization") else cookie(request, REFRESH_COOKIE))
    if token:
        made = await refresh(context, user_tokens(), token)
        headers = () if sent else (auth_cookie(context.catalog.current().config, made),)
        answer = LoggedIn(made, token)
        return _json(200, _trio(answer), headers)
    claims = user_claims(request)
    if claims is None or not await user_exists(context, claims):
        return _json(200, {"auth_token": None, "refresh_token": None, "csrf_token": None})
    return _json(
        200,
        {"auth_token": claims.token, "refresh_token": None, "csrf_token": claims.csrf_token},
    )


async def logout(context: Context, request: Request) -> Response:
    """GET …/logout: ends all sessions of the caller, and takes the cookies from a browser."""
    config = context.catalog.current().config
    redirect = check_redirect(config, request.query.get("redirect_uri", ""))
    claims = user_claims(request)
    if claims is not None:
        await end_all(context, claims.user, request.id)
    return _led_on(redirect, "logged out", cleared_cookies(config))


async def logout_session(context: Context, request: Request) -> Response:
    """POST …/logout: ends the session of a refresh token."""
    body = await read_auth_body(request, only_json=True)
    await end(context, body.get("refresh_token"), request.id)
    return Response(200, b"", cleared_cookies(context.catalog.current().config), TEXT)


async def register(context: Context, request: Request) -> Response:
    """POST …/register. The answer is the same for whoever is known already."""
    body = await read_auth_body(request)
    redirect = check_redirect(context.catalog.current().config, body.option("redirect_uri"))
    names = ("email", "username", "password", "password_repeat")
    asked = Registration(*map(body.get, names))
    await make_user(context, asked, request.id)
    told = "registered"
    return _led_on(with_query(redirect, alert=told) if redirect else "", told)


async def confirm_email(context: Context, request: Request, token: str) -> Response:
    """GET …/verify_email/confirm/{token}."""
    config = context.catalog.current().config
    redirect = check_redirect(config, request.query.get("redirect_uri", ""))
    await confirm(context, user_tokens(), token, request.id)
    return _led_on(redirect, "email verified")


async def change_password(context: Context, request: Request) -> Response:
    """POST …/change_password. Other sessions of the caller are over."""
    body = await read_auth_body(request)
    config = context.catalog.current().config
    redirect = check_redirect(config, body.option("redirect_uri"))
    failed = check_redirect(config, body.option("err_redirect_uri"))
    claims = user_claims(request)
    if claims is None:
        raise unauthenticated()
    new = body.get("new_password")
    if body.fields.get("new_password_repeat", new) != new:
        raise invalid("passwords don't match")
    kept = request.header(_REFRESH_HEADER) or cookie(request, REFRESH_COOKIE)
    old = body.get("old_password")
    try:
        await change(context, claims.user, old, new, kept=kept, request_id=request.id)
    except QuillError as error:
        if body.is_form and failed:
            return _see_other(with_query(failed, alert=error.message))
        raise
    return _led_on(redirect, "password changed")


def _attempt(body: AuthBody) -> Attempt:
    """Whom a body names, by whichever of the three fields. Raises INVALID."""
    password = body.get("password")
    named = {name for name in ("email_or_username", EMAIL, USERNAME) if body.get(name)}
    if len(named) != 1 or not password:
        raise invalid("one of email_or_username, email and username, and a password are expected")
    by = named.pop()
    name = body.get(by)
    return attempt_of(name, password) if by == "email_or_username" else Attempt(by, name, password)


def _second_factor(body: AuthBody, redirect: str, entered: SecondFactor) -> Response:
    if not body.is_form:
        return _json(403, {"mfa_token": entered.token})
    if not redirect:
        raise unauthenticated()
    return _see_other(with_query(redirect, mfa_token=entered.token))


def _trio(entered: LoggedIn) -> dict[str, str]:
    return {
        "auth_token": entered.auth.text,
        "refresh_token": entered.refresh_token,
        "csrf_token": entered.auth.csrf_token,
    }


def _json(status_code: int, value: object, headers: tuple[Header, ...] = ()) -> Response:
    return Response(status_code, orjson.dumps(value), (_NO_STORE, *headers))


def _led_on(redirect: str, told: str, headers: tuple[Header, ...] = ()) -> Response:
    """The browser is sent to a page, or told in a word."""
    if redirect:
        return _see_other(redirect, headers)
    return Response(200, told.encode(), (_NO_STORE, *headers), TEXT)


def _see_other(redirect: str, headers: tuple[Header, ...] = ()) -> Response:
    location: Header = (b"location", redirect.encode("ascii"))
    return Response(303, b"", (_NO_STORE, location, *headers), TEXT)
