"""Points in time as the API writes them: `YYYY-MM-DD HH:MM:SS.mmmZ`, always UTC.

The text form sorts like the time it means, so it is what is stored, compared and sent. Reading is
generous (ISO 8601, RFC 822/850/1123, the C library's forms, Unix seconds), as PocketBase's is; what
cannot be read is `""`, which stands for "no date".
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

DATE_CHARS: Final = 24
_INPUT_CHARS_MAX: Final = 64
_STORED: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_SECONDS: Final = range(-62_135_596_800, 253_402_300_800)  # years 1 to 9999

# "12:30:00.5 +0200 CEST" → the offset joined to the time, the zone's name left out.
_SPACED_OFFSET: Final = re.compile(r"(?<=[\d]) ([+-]\d\d:?\d\d)(?: [A-Z]{3,5})?\Z", re.ASCII)
_ZONE_NAME: Final = re.compile(r" (?:UTC|GMT|[A-Z]{3,4})(?=\Z| \d{4}\Z)", re.ASCII)
_DATE_FORMS: Final = (
    "%d %b %Y",
    "%a, %d %b %Y %H:%M:%S",  # RFC 1123
    "%a, %d %b %Y %H:%M:%S %z",
    "%d %b %y %H:%M",  # RFC 822
    "%d %b %y %H:%M %z",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S %z",
    "%A, %d-%b-%y %H:%M:%S",  # RFC 850
    "%a %b %d %H:%M:%S %Y",  # ANSI C's asctime, and `date` without its zone
    "%a %b %d %H:%M:%S %z %Y",  # Ruby
)


class _Clock:
    """The present moment as text; all but the milliseconds is made once a second."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known = (-1, "")

    def text(self) -> str:
        second, rest = divmod(time.time_ns(), 1_000_000_000)
        known, prefix = self._known  # one attribute, so that threads see both or neither
        if known != second:
            prefix = time.strftime("%Y-%m-%d %H:%M:%S.", time.gmtime(second))
            self._known = (second, prefix)
        return f"{prefix}{rest // 1_000_000:03d}Z"


now_text: Final = _Clock().text


def date_text(moment: datetime) -> str:
    """`moment` as stored text, cut to whole milliseconds; a naive one is taken as UTC.

    Raises OverflowError when its UTC form lies outside the years 1 to 9999.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    elif moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(sep=" ", timespec="milliseconds")[:23] + "Z"


def parse(raw: object) -> str:
    """The stored text for a date in any form that is understood, else `""`. Never raises.

    An int or float is Unix time in seconds.
    """
    if isinstance(raw, str):
        return _parse_text(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return ""
    return _parse_unix(raw)


def _parse_unix(seconds: float) -> str:
    if not _UNIX_SECONDS.start <= seconds < _UNIX_SECONDS.stop:  # nor is NaN in between
        return ""
    whole = int(seconds // 1)
    milliseconds = min(999, int((seconds - whole) * 1000))
    return date_text(_EPOCH + timedelta(seconds=whole, milliseconds=milliseconds))


def _parse_text(raw: str) -> str:
    if _STORED.fullmatch(raw) and _read_iso(raw) is not None:
        return raw
    text = raw.strip()
    if not text or len(text) > _INPUT_CHARS_MAX or not text.isascii() or "\x00" in text:
        return ""
    moment = _read_iso(text)
    if moment is None:
        moment = _read_other(text)
    if moment is None:
        return ""
    try:
        return date_text(moment)
    except OverflowError:
        return ""


def _read_iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    joined = _SPACED_OFFSET.sub(r"\1", text)
    if joined == text:
        return None
    try:
        return datetime.fromisoformat(joined)
    except ValueError:
        return None


def _read_other(text: str) -> datetime | None:
    for candidate in dict.fromkeys((text, _ZONE_NAME.sub("", text))):
        for form in _DATE_FORMS:
            try:
                return datetime.strptime(candidate, form)  # noqa: DTZ007  no zone means UTC
            except ValueError:
                continue
    return None
