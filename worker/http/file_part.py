"""The one file of a large form, written to the disk as it arrives: memory stays small.

Other parts of the form are read over. Nothing is kept of a body that breaks off or is too large:
the caller removes what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import BinaryIO, Final

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from shared.errors import invalid
from shared.limits import (
    FORM_PART_HEADER_BYTES_MAX,
    FORM_PART_HEADERS_MAX,
    FORM_VALUES_MAX,
    UPLOAD_WRITE_BYTES,
)
from worker.http.multipart import boundary_of
from worker.http.request import Request

_MULTIPART: Final = "multipart/form-data"


async def save_file_part(
    request: Request, part: str, file: BinaryIO, largest: int, before_write: Callable[[int], None]
) -> str | None:
    """Write the file of that part; its name as the client says it, None when there is no such part.

    `largest`: bytes of the whole body.  `before_write` is told how many bytes will be written and
    may raise. Raises INVALID, TOO_LARGE, UNAVAILABLE, Disconnected; OSError of the disk.
    """
    content_type = request.header(b"content-type") or ""
    if not content_type.lower().startswith(_MULTIPART):
        raise invalid(f"The body must be {_MULTIPART}.")
    saving = _Saving(part, file, before_write)
    try:
        with PushMultipartParser(
            boundary_of(content_type),
            max_header_size=FORM_PART_HEADER_BYTES_MAX,
            max_header_count=FORM_PART_HEADERS_MAX,
            max_segment_count=FORM_VALUES_MAX,
            strict=True,
        ) as parser:
            async for chunk in request.chunks(largest):
                for event in parser.parse(chunk):
                    saving.take(event)
                if saving.waiting >= UPLOAD_WRITE_BYTES:
                    await asyncio.to_thread(saving.write)
        await asyncio.to_thread(saving.write)
    except ParserLimitReached as error:
        raise invalid(f"The form is too large: {error}.") from None
    except MultipartError:
        raise invalid("The request body is not a valid multipart form.") from None
    return saving.name


class _Saving:
    """What of the parser's events is for the file."""

    def __init__(self, part: str, file: BinaryIO, before_write: Callable[[int], None]) -> None:
        self.name: str | None = None
        self.waiting = 0
        self._part, self._file, self._before_write = part, file, before_write
        self._chunks: list[bytes | bytearray] = []
        self._wanted = False

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if event is None:
            self._wanted = False
        elif isinstance(event, MultipartSegment):
            self._wanted = event.name == self._part and bool(event.filename)
            if self._wanted and self.name is not None:
                raise invalid(f"The form has more than one file {self._part!r}.")
            if self._wanted:
                self.name = str(event.filename)
        elif self._wanted:
            self._chunks.append(event)
            self.waiting += len(event)

    def write(self) -> None:
        self._before_write(self.waiting)
        for chunk in self._chunks:
            self._file.write(chunk)
        self._chunks.clear()
        self.waiting = 0
