"""What a form means in PocketBase's dialect: its texts become JSON values, `@jsonPayload` is merged in.

A text becomes a number or a boolean only where casting that back yields the very same text. So a
field of texts gets back what was written (`007`, `1.50` and `1e3` stay texts, `12` may come as 12),
and nothing needs to be known of fields here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from shared.errors import invalid
from shared.schema.fields.cast import text_of
from worker.http.multipart import Form, FormValue
from worker.http.upload import Upload

PAYLOAD: Final = "@jsonPayload"
"""The key under which SDKs send JSON beside the parts of a form."""
_WORDS: Final[dict[str, object]] = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,20})?", re.ASCII)
_INT64_END: Final = 2**63


def values_of(form: Form, read: Callable[[str], object]) -> dict[str, object]:
    """The form as an object. `read`: what a text means. Raises INVALID for NUL characters."""
    found: dict[str, object] = {}
    for name, value in form.items():
        _check(name)
        if isinstance(value, list):
            found[name] = [_read(one, read) for one in value]
        else:
            found[name] = _read(value, read)
    return found


def inferred(text: str) -> object:
    """The boolean or number that `text` is another spelling of, else `text`."""
    if (word := _WORDS.get(text)) is not None:
        return word
    if _NUMBER.fullmatch(text) is None:
        return text
    number = float(text) if "." in text else int(text)
    if isinstance(number, int) and abs(number) >= _INT64_END:
        return text
    return number if text_of(number) == text else text


def _read(value: FormValue, read: Callable[[str], object]) -> object:
    if isinstance(value, Upload):
        _check(value.name)
        return value
    _check(value)
    return read(value)


def _check(text: str) -> None:
    if "\0" in text:
        raise invalid("The request body may not contain NUL characters.")
