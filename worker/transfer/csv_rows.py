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


def read_csv(text: IO[str], delimiter: str) -> Input:
    """The records of a CSV text. Raises INVALID where it has no usable first line."""
    csv.field_size_limit(TRANSFER_RECORD_CHARS_MAX)
    lines = csv.reader(text, delimiter=read_delimiter(delimiter), strict=True)
    header: list[str] = []
    try:
        while not any(header):
            header = next(lines)
    except StopIteration:
        raise invalid("The file is empty: its first line must name the columns.") from None
    except (csv.Error, UnicodeError) as error:
        raise invalid(f"The first line cannot be read: {error}.") from None
    columns = tuple(name.strip() for name in header)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise invalid(f"The first line names {twice[0]!r} twice.")
    return input_of_cells(columns, _rows(lines, len(columns)))


def read_delimiter(text: str) -> str:
    """One character, or its name. Raises INVALID."""
    delimiter = _NAMED.get(text.lower(), text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise invalid("The delimiter must be one character, or the word tab.")
    return delimiter


def _rows(lines: Iterator[list[str]], width: int) -> Iterator[Row]:
    reached = lines.line_num  # type: ignore[attr-defined]
    while True:
        line = reached + 1
        try:
            for cells in lines:
                if len(cells) == width:
                    yield line, cells
                elif cells:  # a blank line is none
                    yield line, _wrong_width(len(cells), width)
                line = lines.line_num + 1  # type: ignore[attr-defined]
        except csv.Error as error:
            yield line, FieldError(MALFORMED, f"Not CSV: {error}.")
        except UnicodeError as error:
            raise invalid(f"After line {line} the text cannot be decoded: {error}.") from None
        else:
            return
        reached = lines.line_num  # type: ignore[attr-defined]


def _wrong_width(found: int, width: int) -> FieldError:
    return FieldError(WRONG_COLUMNS, f"Has {found} columns where the first line has {width}.")
