"""The first step of every request in PocketBase's dialect: bodies, paging and switches.

Refuses what could harm later steps (deep nesting, NUL bytes) so that those need not look again.
Knows no collection and no rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from shared.errors import QuillError, invalid
from shared.limits import JSON_NODES_MAX, PER_PAGE_DEFAULT, PER_PAGE_MAX
from worker.http.json_body import check_nodes, parse_json
from worker.http.multipart import read_multipart, read_urlencoded
from worker.http.request import Request
from worker.wire.pocketbase.forms import PAYLOAD, inferred, values_of

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})
_JSON: Final = frozenset({"", "application/json"})
_MULTIPART: Final = "multipart/form-data"
_URLENCODED: Final = "application/x-www-form-urlencoded"


async def json_object(
    request: Request, read: Callable[[str], object] = inferred
) -> dict[str, object]:
    """The body as a JSON object, also of a form; an empty body is an empty object.

    Texts of a form are read by `read`, as numbers and booleans where they spell one unless given;
    its files are values of type Upload. Raises INVALID, TOO_LARGE.
    """
    raw = await request.body()
    if not raw:
        return {}
    kind = _kind(request)
    return parse_object(raw) if kind in _JSON else _object_of_form(request, kind, raw, read)


async def json_value(request: Request) -> dict[str, object] | list[object]:
    """The body as a JSON object or array; forms and an empty body are objects, as `json_object`.

    Raises INVALID, TOO_LARGE.
    """
    raw = await request.body()
    if not raw:
        return {}
    kind = _kind(request)
    if kind not in _JSON:
        return _object_of_form(request, kind, raw, inferred)
    value = parse_json(raw)
    if isinstance(value, dict | list):
        return value
    raise invalid("The request body must be a JSON object or array.")


async def text_object(request: Request, *lists: str) -> dict[str, object]:
    """As `json_object`, but the texts of a form stay texts: for bodies of names and passwords.

    `lists`: keys that hold a list, also where a form has one value for them.
    """
    raw = await request.body()
    if not raw:
        return {}
    kind = _kind(request)
    if kind in _JSON:
        return parse_object(raw)
    value = _object_of_form(request, kind, raw, str)
    for name in lists:
        if isinstance(value.get(name), str):
            value[name] = [value[name]]
    return value


def parse_object(raw: bytes) -> dict[str, object]:
    """Decode one JSON object under the limits, payloads merged in. Raises INVALID."""
    value = _parse(raw)
    return _merged(value) if PAYLOAD in value else value


def _parse(raw: bytes) -> dict[str, object]:
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object.")
    return value


def _kind(request: Request) -> str:
    """The media type of the body, in lower case; "" where none is named."""
    return (request.header(b"content-type") or "").partition(";")[0].strip().lower()


def _object_of_form(
    request: Request, kind: str, raw: bytes, read: Callable[[str], object]
) -> dict[str, object]:
    if kind.endswith("+json"):
        return parse_object(raw)
    if kind == _MULTIPART:
        form = read_multipart(request.header(b"content-type") or "", raw)
    elif kind == _URLENCODED:
        form = read_urlencoded(raw)
    else:
        raise invalid(
            f"Content-Type {kind[:100]!r} is not supported; send application/json or a form."
        )
    value = values_of(form, read)
    return _merged(value) if PAYLOAD in value else value


def _merged(value: dict[str, object]) -> dict[str, object]:
    """The object with the payloads, which are JSON objects as texts, laid over it in order."""
    payload = value.pop(PAYLOAD)
    texts = payload if isinstance(payload, list) else [payload]
    sources = [text.encode() for text in texts if isinstance(text, str)]
    if len(sources) < len(texts):
        raise invalid(f"The key {PAYLOAD} must hold a JSON object in a text.")
    if sum(map(len, sources)) > JSON_NODES_MAX:
        check_nodes(b",".join(sources))
    for source in sources:
        value.update(_parse(source))
    value.pop(PAYLOAD, None)
    return value


def check_text(text: str) -> str:
    """A path or query value that is sound UTF-8 without NUL. Raises INVALID."""
    if text.isascii():
        sound = "\0" not in text
    else:
        sound = "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
    if not sound:
        raise invalid("The request contains characters that are not allowed.")
    return text


def paging(query: Mapping[str, str]) -> tuple[int, int]:
    """(page, perPage), clamped in silence as in the reference. Raises INVALID for no integers."""
    page, per_page = integer(query, "page", 1), integer(query, "perPage", PER_PAGE_DEFAULT)
    if per_page <= 0:
        per_page = PER_PAGE_DEFAULT
    return max(page, 1), min(per_page, PER_PAGE_MAX)


def integer(query: Mapping[str, str], name: str, default: int) -> int:
    """An integer of the query. Raises INVALID."""
    text = query.get(name, "")
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise _bad_parameter(name)
    return int(text)


def switch(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query, with the spellings that Go's ParseBool takes. Raises INVALID."""
    text = query.get(name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _bad_parameter(name)


def _bad_parameter(name: str) -> QuillError:
    return invalid(f"The query parameter {name} is not valid.")
