"""Records of JSON: one object a line, or an array of objects that is read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedReader
from typing import IO, Any, Final

import orjson

from shared.errors import FieldError, QuillError, invalid
from shared.limits import TRANSFER_READ_BYTES, TRANSFER_RECORD_CHARS_MAX
from worker.transfer.rows import MALFORMED, Input, Row, input_of_named

_NOT_AN_OBJECT: Final = FieldError(MALFORMED, "Must be a JSON object.")
_TOO_LONG: Final = FieldError(
    MALFORMED, f"Is longer than {TRANSFER_RECORD_CHARS_MAX} bytes, so nothing after it is read."
)
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = " \t\r\n"


def read_json_lines(lines: BufferedReader) -> Input:
    """One object a line; blank lines are none."""
    return input_of_named(_line_rows(lines), [], literal=False)


def _line_rows(lines: BufferedReader) -> Iterator[Row]:
    number = 0
    while line := lines.readline(TRANSFER_RECORD_CHARS_MAX + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > TRANSFER_RECORD_CHARS_MAX:
            yield number, _TOO_LONG
            return
        try:
            found = orjson.loads(line)
        except ValueError as error:
            if not line.isspace():
                yield number, FieldError(MALFORMED, f"Not JSON: {error}.")
            continue
        yield number, found if isinstance(found, dict) else _NOT_AN_OBJECT


def read_json(text: IO[str]) -> Input:
    """An array of objects. Raises INVALID for anything else, when it comes to it."""
    return input_of_named(_array_rows(text), [], literal=False)


def _array_rows(text: IO[str]) -> Iterator[Row]:
    window = Window(text)
    if window.skip(_BLANK) != "[":
        raise invalid("The file must hold a JSON array of objects; one object a line is jsonl.")
    window.take(1)
    if window.skip(_BLANK) == "]":
        window.take(1)
    else:
        yield from _items(window)
    if window.skip(_BLANK):
        raise invalid(f"Line {window.line}: nothing may follow the array.")


def _items(window: Window) -> Iterator[Row]:
    while True:
        window.skip(_BLANK)
        line = window.line
        found = _value(window)
        yield line, found if isinstance(found, dict) else _NOT_AN_OBJECT
        follows = window.skip(_BLANK)
        if follows not in (",", "]"):
            raise invalid(f"Line {window.line}: a comma or the end of the array is missing.")
        window.take(1)
        if follows == "]":
            return


def _no_constant(name: str) -> Any:
    raise invalid(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_no_constant)


def _value(window: Window) -> object:
    """The value at the window's place; as much is read as it takes. Raises INVALID."""
    while True:
        try:
            found, end = _decoder.raw_decode(window.text, window.at)
        except (ValueError, RecursionError, QuillError) as error:
            if isinstance(error, json.JSONDecodeError) and window.grow():
                continue
            deep = isinstance(error, RecursionError)
            reason = "nested too deeply" if deep else getattr(error, "msg", str(error))
            raise invalid(f"Not JSON in the value at line {window.line}: {reason}.") from None
        window.take(end - window.at)
        return found


class Window:
    """The part of a text that is being read: `text`, from `at` on. `line`: of that place, from 1."""

    def __init__(self, source: IO[str]) -> None:
        self._source = source
        self._ended = False
        self.text = ""
        self.at = 0
        self.line = 1

    @property
    def ended(self) -> bool:
        """Nothing follows what has been read."""
        return self._ended

    def grow(self) -> bool:
        """Read on, as much again as there is; False at the end or where a record is too long."""
        left = len(self.text) - self.at
        if self._ended or left > TRANSFER_RECORD_CHARS_MAX:
            return False
        try:
            more = self._source.read(max(TRANSFER_READ_BYTES, left))
        except UnicodeError as error:
            raise invalid(f"After line {self.line} the text cannot be decoded: {error}.") from None
        self._ended = not more
        self.text, self.at = self.text[self.at :] + more, 0
        return bool(more)

    def skip(self, chars: str) -> str:
        """Pass over any of these characters; the one that follows, `""` at the end."""
        while True:
            text, at = self.text, self.at
            end = len(text)
            while at < end and text[at] in chars:
                at += 1
            self.take(at - self.at)
            if at < end:
                return text[at]
            if not self.grow():
                return ""

    def take(self, count: int) -> None:
        """Pass over so many characters."""
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count
