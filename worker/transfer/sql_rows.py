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
_SPACE: Final = r"(?>\s|--[^\n]*\n|/\*.*?\*/)"
_HEAD: Final = re.compile(
    rf"(?:INSERT(?:{_SPACE}+(?:OR{_SPACE}+)?\w+)?|REPLACE){_SPACE}+INTO{_SPACE}+"
    rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME}){{0,2}})"
    rf"(?:{_SPACE}*(?:\((?P<columns>\s*{_NAME}(?:\s*,\s*{_NAME})*)\s*\){_SPACE}*)?"
    rf"(?P<values>VALUES){_SPACE}*(?=\())?",
    re.IGNORECASE | re.DOTALL,
)
_INSERT: Final = re.compile(r"(?:INSERT|REPLACE)\b", re.IGNORECASE)
_TRIGGER: Final = re.compile(
    rf"CREATE{_SPACE}+(?:TEMP(?:ORARY)?{_SPACE}+)?TRIGGER\b", re.IGNORECASE | re.DOTALL
)
_BLOCK: Final = re.compile(r"\b(?:BEGIN|CASE|(END))\b", re.IGNORECASE)
_COMMENT_BEGINS: Final = re.compile(r"--|/\*")
_COMMENT: Final = re.compile(r"--[^\n]*\n|/\*.*?\*/", re.DOTALL)
_LITERAL: Final = re.compile(
    r"(?:'(?P<text>[^']*+(?:''[^']*+)*+)'"
    r"|(?P<whole>[+-]?\d{1,400})(?![\d.eE])|(?P<number>[+-]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)"
    rf"|(?P<word>NULL|TRUE|FALSE)){_SPACE}*(?P<end>[,)])",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
_PIECE: Final = re.compile(
    r"'[^']*+(?:''[^']*+)*+'|\"[^\"]*\"|`[^`]*`|--[^\n]*\n|/\*.*?\*/|(?P<end>;)"
    r"|(?P<plain>[^'\"`;/-]+)|/(?!\*)|-(?!-)",
    re.DOTALL,
)
_WORDS: Final = {"NULL": None, "TRUE": True, "FALSE": False}
_STATEMENT_CHARS: Final = 64
_NO_LITERAL: Final = FieldError(
    MALFORMED, "A value is no literal; the rest of the statement is not read."
)
_NO_ROW: Final = FieldError(MALFORMED, "A row is missing after a comma.")
_NO_VALUES: Final = FieldError(MALFORMED, "The INSERT does not say its values as literals.")


def read_sql(text: IO[str], table: str) -> Input:
    """The rows that a script inserts into `table`."""
    notes: list[str] = []
    return input_of_named(_rows(Window(text), table.lower(), notes), notes, literal=True)


def _rows(window: Window, table: str, notes: list[str]) -> Iterator[Row]:
    passed: Counter[str] = Counter()
    while _skip(window, " \t\r\n;"):
        if _matched(window, _INSERT) is None:
            passed[_first_word(window)] += 1
            _pass_statement(window)
            continue
        head = _head(window)
        if head is not None and _unquoted(head["table"]).lower() != table:
            passed[f"rows of {_unquoted(head['table'])}"] += 1
            _pass_statement(window)
        elif head is None or head["values"] is None:
            yield window.line, _NO_VALUES
            _pass_statement(window)
        else:
            yield from _statement(window, head)
    notes += [f"{count} {what} passed over" for what, count in passed.most_common(10)]


def _skip(window: Window, blank: str = " \t\r\n") -> str:
    """Pass over blanks and comments; the character that follows, `""` at the end."""
    while (follows := window.skip(blank)) in ("-", "/"):
        if _matched(window, _COMMENT_BEGINS) is None:
            break
        found = _COMMENT.match(window.text, window.at)
        if found is not None:
            window.take(len(found[0]))
        elif not window.grow():
            _end_in_a_comment(window, window.line)
    return follows


def _end_in_a_comment(window: Window, line: int) -> None:
    """Go to the end, which a comment's last line may lack. Raises INVALID for all else without end."""
    if not window.ended or not window.text.startswith("--", window.at):
        raise invalid(f"Line {line}: a text, a name or a comment does not end.")
    window.take(len(window.text) - window.at)


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
    """The head of an INSERT; without `values` where it has none, None where it cannot be read."""
    while True:
        found = _HEAD.match(window.text, window.at)
        if found is not None and found["values"]:
            return found
        if window.text.find(";", window.at) >= 0 or not window.grow():
            return found


def _statement(window: Window, head: re.Match[str]) -> Iterator[Row]:
    if head["columns"] is None:
        raise invalid(f"Line {window.line}: the INSERT must name its columns.")
    names = [_unquoted(one) for one in re.findall(_NAME, head["columns"])]
    if len(set(names)) < len(names):
        raise invalid(f"Line {window.line}: the INSERT names a column twice.")
    window.take(head.end() - window.at)
    while True:
        line = window.line
        window.take(1)
        found = _values(window, names)
        yield line, found
        if isinstance(found, FieldError) and found.code == MALFORMED:
            _pass_statement(window)
            return
        if _skip(window) != ",":
            _pass_statement(window)
            return
        window.take(1)
        if _skip(window) != "(":
            yield window.line, _NO_ROW
            _pass_statement(window)
            return


def _values(window: Window, names: list[str]) -> Named | FieldError:
    """The literals up to the closing bracket."""
    values: list[object] = []
    while _skip(window):
        found = _LITERAL.match(window.text, window.at)
        if found is None:
            if window.grow():
                continue
            return _NO_LITERAL
        window.take(found.end() - window.at)
        values.append(_literal(found))
        if found["end"] == ")":
            break
    else:
        return _NO_LITERAL
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
    """Go behind the statement's end; a trigger's is not within its BEGIN … END."""
    trigger = _matched(window, _TRIGGER) is not None
    line, depth = window.line, 0
    while window.at < len(window.text) or window.grow():
        found = _PIECE.match(window.text, window.at)
        if (found is None or found.end() == len(window.text)) and window.grow():
            continue
        if found is None:
            _end_in_a_comment(window, line)
            return
        window.take(found.end() - window.at)
        if trigger and found["plain"]:
            depth += sum(-1 if ends else 1 for ends in _BLOCK.findall(found["plain"]))
        if found["end"] and depth <= 0:
            return


def _first_word(window: Window) -> str:
    return window.text[window.at : window.at + _STATEMENT_CHARS].split(None, 1)[0].upper()


def _unquoted(name: str) -> str:
    """The last part of a name, without its quotes."""
    last = re.findall(_NAME, name)[-1].strip()
    if last[0] in '"`':
        return str(last[1:-1].replace(last[0] * 2, last[0]))
    return str(last[1:-1] if last[0] == "[" else last)
