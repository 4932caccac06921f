"""Records of SQL text: the rows of `INSERT INTO <table> (<columns>) VALUES (…), (…)`.

Nothing is executed. Only literals are understood, as our own export and most programs that dump
tables write them; all other statements are passed over, and told in the end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import IO, Final

from shared.errors import FieldError, invalid
from worker.transfer.json_rows import Window
from worker.transfer.rows import MALFORMED, WRONG_COLUMNS, Input, Named, Row, input_of_named

_NAME: Final = r'(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|\w+)'
_SPACE: Final = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_HEAD: Final = re.compile(
    rf"(?:INSERT(?:\s+OR\s+\w+)?|REPLACE)\s+INTO\s+(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)\s*"
    rf"(?:\((?P<columns>\s*{_NAME}(?:\s*,\s*{_NAME})*)\s*\)\s*)?VALUES{_SPACE}*(?=\()",
    re.IGNORECASE | re.DOTALL,
)
_INSERT: Final = re.compile(r"(?:INSERT|REPLACE)\b", re.IGNORECASE)
_TRIGGER: Final = re.compile(r"CREATE\s+(?:TEMP(?:ORARY)?\s+)?TRIGGER\b", re.IGNORECASE)
_COMMENT: Final = re.compile(rf"{_SPACE}+", re.DOTALL)
_LITERAL: Final = re.compile(
    r"\s*(?:'(?P<text>[^']*(?:''[^']*)*)'"
    r"|(?P<whole>[+-]?\d{1,400})(?![\d.eE])|(?P<number>[+-]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)"
    r"|(?P<word>NULL|TRUE|FALSE))\s*(?P<end>[,)])",
    re.IGNORECASE | re.ASCII,
)
_PIECE: Final = re.compile(
    r"'[^']*(?:''[^']*)*'|\"[^\"]*\"|`[^`]*`|--[^\n]*\n|/\*.*?\*/|(?P<end>;)|[^'\"`;/-]+|[/-]",
    re.DOTALL,
)
_WORDS: Final = {"NULL": None, "TRUE": True, "FALSE": False}
_STATEMENT_CHARS: Final = 64


def read_sql(text: IO[str], table: str) -> Input:
    """The rows that a script inserts into `table`."""
    notes: list[str] = []
    return input_of_named(_rows(Window(text), table.lower(), notes), notes, literal=True)


def _rows(window: Window, table: str, notes: list[str]) -> Iterator[Row]:
    passed: Counter[str] = Counter()
    while _begin(window):
        head = _head(window)
        if head is None:
            passed[_first_word(window)] += 1
            _pass_statement(window)
        elif _unquoted(head["table"]).lower() != table:
            passed[f"rows of {_unquoted(head['table'])}"] += 1
            _pass_statement(window)
        else:
            yield from _statement(window, head)
    notes += [f"{count} {what} passed over" for what, count in passed.most_common(10)]


def _begin(window: Window) -> bool:
    """Go to the next statement; False at the end."""
    while window.skip(" \t\r\n;"):
        found = _matched(window, _COMMENT)
        if found is None:
            return True
        window.take(len(found[0]))
    return False


def _matched(window: Window, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """What matches here, but never up to the very end of what has been read so far."""
    while True:
        found = pattern.match(window.text, window.at)
        if found is not None and found.end() < len(window.text):
            return found
        if len(window.text) - window.at > _STATEMENT_CHARS and found is None:
            return None
        if not window.grow():
            return found


def _head(window: Window) -> re.Match[str] | None:
    """The head of an INSERT, None for another statement."""
    if _matched(window, _INSERT) is None:
        return None
    while True:
        found = _HEAD.match(window.text, window.at)
        if found is not None or ";" in window.text[window.at :] or not window.grow():
            return found


def _statement(window: Window, head: re.Match[str]) -> Iterator[Row]:
    if head["columns"] is None:
        raise invalid(f"Line {window.line}: the INSERT must name its columns.")
    names = [_unquoted(one) for one in re.findall(_NAME, head["columns"])]
    window.take(head.end() - window.at)
    while True:
        line = window.line
        window.take(1)
        found = _values(window, names)
        yield line, found
        if isinstance(found, FieldError) and found.code == MALFORMED:
            _pass_statement(window)
            return
        if window.skip(" \t\r\n") == ",":
            window.take(1)
            if window.skip(" \t\r\n") == "(":
                continue
        _pass_statement(window)
        return


def _values(window: Window, names: list[str]) -> Named | FieldError:
    """The literals up to the closing bracket."""
    values: list[object] = []
    while True:
        found = _LITERAL.match(window.text, window.at)
        if found is None:
            if window.grow():
                continue
            return FieldError(
                MALFORMED, "A value is no literal; the rest of the statement is not read."
            )
        window.take(found.end() - window.at)
        values.append(_literal(found))
        if found["end"] == ")":
            break
    if len(values) != len(names):
        message = f"Has {len(values)} values where the statement names {len(names)} columns."
        return FieldError(WRONG_COLUMNS, message)
    return dict(zip(names, values, strict=True))


def _literal(found: re.Match[str]) -> object:
    if found["text"] is not None:
        return found["text"].replace("''", "'")
    if found["whole"] is not None:
        return int(found["whole"])
    if found["number"] is not None:
        return float(found["number"])
    return _WORDS[found["word"].upper()]


def _pass_statement(window: Window) -> None:
    """Go behind the statement's end; a trigger ends with END."""
    trigger = _matched(window, _TRIGGER) is not None
    last = ""
    while True:
        found = _PIECE.match(window.text, window.at)
        if found is None or found.end() == len(window.text):
            if window.grow():
                continue
            window.take(len(window.text) - window.at)
            return
        window.take(found.end() - window.at)
        if found["end"] and (not trigger or last.rstrip().upper().endswith("END")):
            return
        last = found[0]


def _first_word(window: Window) -> str:
    return window.text[window.at : window.at + _STATEMENT_CHARS].split(None, 1)[0].upper()


def _unquoted(name: str) -> str:
    """The last part of a name, without its quotes."""
    last = re.findall(_NAME, name)[-1].strip()
    if last[0] in '"`':
        return str(last[1:-1].replace(last[0] * 2, last[0]))
    return str(last[1:-1] if last[0] == "[" else last)
