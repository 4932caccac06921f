"""Bodies of writes to record APIs: JSON or a form, by the content type; without one it is JSON.

A text of a form says so of itself (`FormText`): what number it spells is for its column to know.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import orjson

from shared.errors import Kind, QuillError, invalid
from shared.limits import BODY_BYTES_MAX
from worker.apis.values import FormText
from worker.http.json_body import parse_json
from worker.http.multipart import Form, FormValue, read_multipart, read_urlencoded
from worker.http.request import Request

_JSON: Final = "application/json"
_MULTIPART: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"
_REDIRECT: Final = "redirect_uri"
_ESCAPED_BYTES: Final = 6
"""What JSON needs for one byte of a text, at most."""
_Record = dict[str, object]


class RecordsBody(NamedTuple):
    """The records of a body. `redirect`: where a browser wants to be led afterwards, "" if nowhere."""

    records: list[_Record]
    redirect: str


async def read_records(request: Request) -> RecordsBody:
    """One record, or the array of several that JSON may have. Raises INVALID, TOO_LARGE."""
    query = request.query.get(_REDIRECT, "") if request.raw_query else ""
    raw = await request.body()
    form = _form(request, raw)
    if form is not None:
        led = form.get(_REDIRECT)
        return RecordsBody([form], query or (str(led) if isinstance(led, FormText) else ""))
    value = parse_json(raw)
    if type(value) is dict:
        return RecordsBody([value], query)
    if not isinstance(value, list) or not all(type(one) is dict for one in value):
        raise invalid("a record, or an array of records, is expected")
    return RecordsBody(value, query)


async def read_record(request: Request) -> _Record:
    """One record, or the part of it that changes. Raises INVALID, TOO_LARGE."""
    raw = await request.body()
    form = _form(request, raw)
    if form is not None:
        return form
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise invalid("an object is expected")
    return value


def is_json(request: Request) -> bool:
    """Whether the request says that its body is JSON."""
    return _kind(request) == _JSON


def _kind(request: Request) -> str:
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower()


def _form(request: Request, raw: bytes) -> _Record | None:
    """The values of a form; None for JSON. Raises INVALID."""
    header = request.header(b"content-type")
    if header is None or header == _JSON:
        return None
    kind = _kind(request)
    if kind in ("", _JSON):
        return None
    if kind == _MULTIPART:
        form = read_multipart(header, raw)
        if len(raw) > BODY_BYTES_MAX // _ESCAPED_BYTES:
            _check_shown(form)
        return _values(form)
    if kind == _URLENCODED:
        return _values(read_urlencoded(raw))
    raise invalid("unexpected content type")


def _check_shown(form: Form) -> None:
    """Refuse texts that would be too large for the JSON of any answer. Raises TOO_LARGE."""
    values = [
        one for value in form.values() for one in (value if isinstance(value, list) else [value])
    ]
    if sum(len(orjson.dumps(one)) for one in values if isinstance(one, str)) > BODY_BYTES_MAX:
        raise QuillError(Kind.TOO_LARGE, "The texts of the form are too large.")


def _values(form: Form) -> _Record:
    return {
        name: [_value(one) for one in value] if isinstance(value, list) else _value(value)
        for name, value in form.items()
    }


def _value(value: FormValue) -> object:
    return FormText(value) if isinstance(value, str) else value
