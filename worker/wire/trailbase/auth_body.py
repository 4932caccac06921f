"""Bodies of the auth API: fields of text, in JSON or a form, and how an answer to each is given.

A program that sends JSON is answered in JSON; a browser that sends a form gets cookies and is led on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from shared.errors import invalid
from shared.limits import JSON_DEPTH_MAX
from worker.http.multipart import Form, read_multipart, read_urlencoded
from worker.http.request import Request

_JSON: Final = "application/json"
_MULTIPART: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"


class AuthBody(NamedTuple):
    """The fields of a body. `is_form`: a browser sent it."""

    fields: dict[str, str]
    is_form: bool
    query: dict[str, str]

    def get(self, name: str) -> str:
        """A field, "" where it was not sent."""
        return self.fields.get(name, "")

    def option(self, name: str) -> str:
        """What may stand in the query or in the body; the query wins."""
        return self.query.get(name) or self.fields.get(name, "")


async def read_auth_body(request: Request, *, only_json: bool = False) -> AuthBody:
    """The body's fields; without a content type it is JSON. Raises INVALID, TOO_LARGE."""
    raw = await request.body()
    content_type = request.header(b"content-type") or _JSON
    kind = content_type.split(";")[0].strip().lower()
    if kind == _JSON:
        return AuthBody(_json_fields(raw), is_form=False, query=request.query)
    if only_json or kind not in (_MULTIPART, _URLENCODED):
        raise invalid("unexpected content type")
    form = read_multipart(content_type, raw) if kind == _MULTIPART else read_urlencoded(raw)
    return AuthBody(_form_fields(form), is_form=True, query=request.query)


def _json_fields(raw: bytes) -> dict[str, str]:
    if raw.count(b"{") + raw.count(b"[") > JSON_DEPTH_MAX:
        raise invalid("invalid JSON")
    try:
        value = orjson.loads(raw or b"{}")
    except orjson.JSONDecodeError:
        raise invalid("invalid JSON") from None
    if not isinstance(value, dict):
        raise invalid("an object was expected")
    return _texts({name: one for name, one in value.items() if one is not None})


def _form_fields(form: Form) -> dict[str, str]:
    return _texts(dict(form))


def _texts(values: dict[str, object]) -> dict[str, str]:
    """All of them are texts that can be stored, whatever else was sent beside them."""
    fields: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, str):
            if "\0" in value:
                raise invalid(f"{name}: NUL characters are not accepted")
            fields[name] = value
    return fields
