"""Records of a CSV file (RFC 4180, any delimiter): the first line names the columns.

Lines are physical ones: a quoted line break counts, so that an editor finds what is told.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Final

from shared.errors import FieldError, invalid
from shared.limits import TRANSFER_RECORD_CHARS_MAX
from worker.transfer.rows import MALFORMED, WRONG_COLUMNS, Input, Row, input_of_cells

_NAMED: Final = {"tab": "\t", "\\t": "\t", "semicolon": ";", "comma": ",", "pipe": "|"}
_TOO_LONG: Final = FieldError(
    MALFORMED,
    f"Is longer than {TRANSFER_RECORD_CHARS_MAX} characters, so nothing after it is read;"
    " a quote may be open.",
)


def read_csv(text: IO[str], delimiter: str) -> Input:
    """The records of a CSV text. Raises INVALID where it has no usable first line."""
    csv.field_size_limit(TRANSFER_RECORD_CHARS_MAX)
    source = _Lines(text)
    lines = csv.reader(source, delimiter=read_delimiter(delimiter), strict=True)
    header: list[str] = []
    try:
        while not any(header):
            header = next(lines)
    except StopIteration:
        raise invalid("The file is empty: its first line must name the columns.") from None
    except (csv.Error, UnicodeError, _TooLongError) as error:
        raise invalid(f"The first line cannot be read: {error}.") from None
    columns = tuple(name.strip() for name in header)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise invalid(f"The first line names {twice[0]!r} twice.")
    return input_of_cells(columns, _rows(source, lines, len(columns)))


def read_delimiter(text: str) -> str:
    """One character, or its name. Raises INVALID."""
    delimiter = _NAMED.get(text.lower(), text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise invalid("The delimiter must be one character, or the word tab.")
    return delimiter


class _TooLongError(Exception):
    """A record is longer than may be held in memory."""

    def __init__(self) -> None:
        super().__init__(f"it is longer than {TRANSFER_RECORD_CHARS_MAX} characters")


class _Lines:
    """The lines of a text. `chars`: how many were read since it was last set to 0."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self.chars = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(TRANSFER_RECORD_CHARS_MAX + 1)
        if not line:
            raise StopIteration
        self.chars += len(line)
        if self.chars > TRANSFER_RECORD_CHARS_MAX:
            raise _TooLongError
        return line


def _rows(source: _Lines, lines: Iterator[list[str]], width: int) -> Iterator[Row]:
    reached = lines.line_num  # type: ignore[attr-defined]
    while True:
        line = reached + 1
        source.chars = 0
        try:
            for cells in lines:
                if len(cells) == width:
                    yield line, cells
                elif cells:  # a blank line is none
                    yield line, _wrong_width(len(cells), width)
                line = lines.line_num + 1  # type: ignore[attr-defined]
                source.chars = 0
        except _TooLongError:
            yield line, _TOO_LONG
            return
        except csv.Error as error:
            yield line, FieldError(MALFORMED, f"Not CSV: {error}.")
        except UnicodeError as error:
            raise invalid(f"After line {line} the text cannot be decoded: {error}.") from None
        else:
            return
        reached = lines.line_num  # type: ignore[attr-defined]


def _wrong_width(found: int, width: int) -> FieldError:
    return FieldError(WRONG_COLUMNS, f"Has {found} columns where the first line has {width}.")
