"""Whether a value is an address or JSON. NULL passes: NOT NULL is a constraint of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

from shared.limits import SQL_TEXT_BYTES_MAX
from shared.sqlite.functions.function import Function, text_argument


def is_email(value: object) -> bool:
    """Whether `value` is an e-mail address, as fields of type email take it; also for NULL."""
    if value is None:
        return True
    return type(value) is str and _email_judge()(value)


def is_json(value: object) -> bool:
    """Whether `value` is a text of JSON (RFC 8259); also for NULL.

    Raises FunctionError for a text that is too large.
    """
    if value is None:
        return True
    if type(value) is not str:
        return False
    return _json_judge()(text_argument("is_json", value, SQL_TEXT_BYTES_MAX))


@cache
def _email_judge() -> Callable[[str], bool]:
    from shared.schema.fields.email import is_email as judge  # noqa: PLC0415 - at the first call

    return judge


@cache
def _json_judge() -> Callable[[str], bool]:
    import msgspec  # noqa: PLC0415 - at the first call

    # Looks through all of it and builds nothing: values cost time that only their number bounds.
    decode = msgspec.json.Decoder(msgspec.Raw).decode

    def judge(text: str) -> bool:
        try:
            decode(text)
        except (ValueError, RecursionError):  # its errors are ValueErrors
            return False
        return True

    return judge


FUNCTIONS: Final = (
    Function("is_email", is_email, 1),
    Function("is_json", is_json, 1),
)
