"""Base64, in both alphabets of RFC 4648 and with padding: blobs become texts and texts blobs."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from shared.limits import SQL_BLOB_BYTES_MAX, SQL_TEXT_BYTES_MAX
from shared.sqlite.functions.function import Function, blob_argument, refuse, text_argument

_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]*={0,2}")


def standard(value: object) -> str | bytes | None:
    """A blob encoded, or a text decoded. Raises FunctionError."""
    if value is None:
        return None
    if type(value) is not str:
        return base64.b64encode(blob_argument("base64", value, SQL_BLOB_BYTES_MAX)).decode()
    return _decoded("base64", text_argument("base64", value, SQL_TEXT_BYTES_MAX))


def url_safe(value: object) -> str | bytes | None:
    """A blob encoded, or a text decoded, in the alphabet that addresses take.

    Raises FunctionError.
    """
    if value is None:
        return None
    name = "base64_url_safe"
    if type(value) is not str:
        return base64.urlsafe_b64encode(blob_argument(name, value, SQL_BLOB_BYTES_MAX)).decode()
    text = text_argument(name, value, SQL_TEXT_BYTES_MAX)
    if not _URL_SAFE.fullmatch(text):
        refuse(name, "this is no base64")
    return _decoded(name, text.replace("-", "+").replace("_", "/"))


def _decoded(name: str, text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # also for what is not ASCII
        refuse(name, "this is no base64")


FUNCTIONS: Final = (
    Function("base64", standard, 1),
    Function("base64_url_safe", url_safe, 1),
)
