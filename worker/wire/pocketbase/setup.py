"""The one-time page that makes the first superuser: `/_/setup?token=…`, a plain HTML form.

No script, no cookie, nothing cached, on this machine only. What is shown is escaped, and the token
is never echoed into anything but the form's own address.
"""

from __future__ import annotations

from html import escape
from typing import Final
from urllib.parse import parse_qsl, quote

from shared.errors import Kind, QuillError, invalid
from worker.auth.setup import create_first, link_holds
from worker.context import Context
from worker.http.request import Request
from worker.http.response import HTML, Response

_FORM_BYTES_MAX: Final = 16 * 1024
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_POLICY: Final = (
    b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _POLICY),
    (b"referrer-policy", b"no-referrer"),
)
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quillbase setup</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px system-ui,sans-serif;max-width:24em;margin:4em auto;padding:0 1em}}
label{{display:block;margin:1em 0}}input{{width:100%;padding:.4em;box-sizing:border-box}}
.problem{{color:#a00}}</style></head>
<body><h1>Quillbase</h1>{content}</body></html>
"""
_FORM: Final = """<p>Create the first superuser.</p>{problem}
<form method="post" action="/_/setup?token={token}">
<label>Email <input type="email" name="email" value="{email}" required autofocus></label>
<label>Password <input type="password" name="password" minlength="8" required
 autocomplete="new-password"></label>
<label>Password again <input type="password" name="passwordConfirm" required
 autocomplete="new-password"></label>
<button>Create</button></form>"""
_DONE: Final = "<p>The superuser was created. This link no longer works.</p>"
_GONE: Final = "<p>This link does not work (any more).</p>"


async def show(context: Context, request: Request) -> Response:
    """GET /_/setup: the form, or 403 without a live link."""
    token = request.query.get("token", "")
    if not _allowed(context, request, token):
        return _page(403, _GONE)
    return _page(200, _form(token))


async def submit(context: Context, request: Request) -> Response:
    """POST /_/setup: create the superuser; what is wrong is told above the form."""
    token = request.query.get("token", "")
    if not _allowed(context, request, token):
        return _page(403, _GONE)
    email = ""
    try:
        form = _read_form(request, await request.body())
        email = form.get("email", "").strip()
        if form.get("passwordConfirm") != form.get("password"):
            raise invalid("The passwords are not the same.")
        await create_first(context, email, form.get("password", ""), request.id)
    except QuillError as error:
        return _problem_page(error, token, email)
    return _page(200, _DONE)


def _allowed(context: Context, request: Request, token: str) -> bool:
    """A live link, opened on this machine and not through a proxy."""
    if not request.is_loopback or request.header(b"x-forwarded-for") is not None:
        return False
    return link_holds(context.run_directory.setup, token)


def _read_form(request: Request, body: bytes) -> dict[str, str]:
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind != _FORM_TYPE or len(body) > _FORM_BYTES_MAX:
        raise invalid("Send the form of this page.")
    try:
        text = body.decode()
        form = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=10))
    except ValueError:
        raise invalid("The form could not be read.") from None
    if any("\0" in value for value in form.values()):
        raise invalid("The form could not be read.")
    return form


def _problem_page(error: QuillError, token: str, email: str) -> Response:
    if error.kind is Kind.FORBIDDEN:
        return _page(403, _GONE)
    if error.kind is not Kind.INVALID:
        raise error
    told = [f"{name}: {one.message}" for name, one in error.fields.items()] or [error.message]
    return _page(400, _form(token, "; ".join(told), email))


def _form(token: str, problem: str = "", email: str = "") -> str:
    told = f'<p class="problem">{escape(problem)}</p>' if problem else ""
    return _FORM.format(problem=told, token=quote(token, safe=""), email=escape(email))


def _page(status: int, content: str) -> Response:
    return Response(status, _PAGE.format(content=content).encode(), _HEADERS, HTML)
