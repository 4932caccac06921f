"""Forms as browsers and SDKs send them: `multipart/form-data`, `application/x-www-form-urlencoded`.

A name that occurs once has its one value, a name that is repeated the list of its values. Values are
texts or uploads; what a text means is the dialect's business. Whatever the bytes are, reading them
takes time in proportion to their number, and fails with QuillError only.
"""

from __future__ import annotations

from typing import Final

from falcon.uri import parse_query_string
from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from shared.errors import Kind, QuillError, invalid
from shared.limits import (
    FORM_PART_HEADER_BYTES_MAX,
    FORM_PART_HEADERS_MAX,
    FORM_URLENCODED_BYTES_MAX,
    FORM_VALUES_MAX,
)
from worker.http.upload import Upload

FormValue = str | Upload
Form = dict[str, FormValue | list[FormValue]]

_CONTENT_TYPE_CHARS_MAX: Final = 1_024
_BOUNDARY_CHARS_MAX: Final = 70  # RFC 2046, section 5.1.1
_CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_REPLACED: Final = "\ufffd"
_FILE_TYPE: Final = "application/octet-stream"


def read_multipart(content_type: str, raw: bytes) -> Form:
    """The form of a multipart body. Raises INVALID."""
    boundary = boundary_of(content_type)
    form: Form = {}
    try:
        with PushMultipartParser(
            boundary,
            content_length=len(raw),
            max_header_size=FORM_PART_HEADER_BYTES_MAX,
            max_header_count=FORM_PART_HEADERS_MAX,
            max_segment_count=FORM_VALUES_MAX,
            strict=True,
        ) as parser:
            segment: MultipartSegment | None = None
            chunks: list[bytes] = []
            for event in parser.parse(raw):
                if isinstance(event, MultipartSegment):
                    segment, chunks = event, []
                elif event is not None:
                    chunks.append(event)
                elif segment is not None:
                    _add(form, str(segment.name), _value(segment, b"".join(chunks)))
    except ParserLimitReached as error:
        raise invalid(f"The form is too large: {error}.") from None
    except MultipartError:
        raise invalid("The request body is not a valid multipart form.") from None
    return form


def read_urlencoded(raw: bytes) -> Form:
    """The form of a urlencoded body. Raises INVALID, TOO_LARGE."""
    if len(raw) > FORM_URLENCODED_BYTES_MAX:
        raise QuillError(
            Kind.TOO_LARGE,
            f"A urlencoded form may have {FORM_URLENCODED_BYTES_MAX} bytes; send multipart/form-data.",
        )
    if raw.count(b"&") >= FORM_VALUES_MAX:
        raise _too_many()
    parsed = parse_query_string(_text(raw), keep_blank=True, csv=False)
    form: Form = {}
    for name, value in parsed.items():
        form[name] = value if isinstance(value, str) else list(value)
    written = _REPLACED.encode()
    if written in raw or b"%EF%BF%BD" in raw.upper():
        return form
    # The reader puts U+FFFD in the place of what is no UTF-8, where it should be refused.
    for name, value in parsed.items():
        if _REPLACED in name or any(_REPLACED in text for text in value):
            raise _no_utf8()
    return form


def boundary_of(content_type: str) -> str:
    """What separates the parts of a multipart body. Raises INVALID."""
    options: dict[str, str] = {}
    if len(content_type) <= _CONTENT_TYPE_CHARS_MAX:
        options = parse_options_header(content_type)[1]
    boundary = options.get("boundary", "")
    if not 0 < len(boundary) <= _BOUNDARY_CHARS_MAX or not boundary.isascii():
        raise invalid("The Content-Type has no valid boundary.")
    return boundary


def _value(segment: MultipartSegment, data: bytes) -> FormValue:
    """A part with a file name is a file; browsers send an empty name where none was chosen."""
    if segment.filename:
        return Upload(segment.filename, segment.content_type or _FILE_TYPE, data)
    if (segment.charset or "").lower() not in _CHARSETS:
        raise invalid("The texts of a form must be UTF-8.")
    return _text(data)


def _add(form: Form, name: str, value: FormValue) -> None:
    held = form.get(name)
    if held is None:
        form[name] = value
    elif isinstance(held, list):
        held.append(value)
    else:
        form[name] = [held, value]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _no_utf8() from None


def _no_utf8() -> QuillError:
    return invalid("The request body is not valid UTF-8.")


def _too_many() -> QuillError:
    return invalid(f"The form has more than {FORM_VALUES_MAX} values.")
