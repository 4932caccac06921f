"""An SQL script taken apart into its statements, as SQLite itself tells where one ends.

A semicolon within a text, a quoted name, a comment or a trigger's body ends nothing. It reads no
meaning; what may stand in a migration is judged by `worker.migrations.statement`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\n\f\r]+)
  | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<quoted>'[^']*(?P<open_text>'|\Z) | "[^"]*(?P<open_name>"|\Z)
      | `[^`]*(?P<open_tick>`|\Z) | \[[^\]]*(?P<open_bracket>\]|\Z))
  | (?P<word>\w[\w$]*)
  | (?P<parameter>\?[0-9]*|[:@\#$][\w$]+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSINGS: Final = ("open_text", "open_name", "open_tick", "open_bracket")
_HEAD_WORDS: Final = 4
_TRIGGER: Final = re.compile(r"CREATE (TEMP |TEMPORARY )?TRIGGER\b")


class ScriptError(Exception):
    """The text is no script. `line`: where, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class Statement(NamedTuple):
    """One statement, from its first word on, without its semicolon.

    `line`: of its first word, from 1. `words`: those that it begins with, four at most, in capitals.
    `names`: all its words and what stands in quotes, in lower case. `parameters`: as they are written.
    """

    sql: str
    line: int
    words: tuple[str, ...]
    names: frozenset[str]
    parameters: tuple[str, ...]


def split(script: str) -> list[Statement]:
    """The statements of a script; the last one needs no semicolon. Raises ScriptError."""
    statements: list[Statement] = []
    line, found = 1, _Growing()
    for match in _TOKEN.finditer(script):
        kind, text = str(match.lastgroup), match[0]
        if kind in _CLOSINGS:
            kind = "quoted"
        if kind == "quoted" and any(match[name] == "" for name in _CLOSINGS):
            raise ScriptError(line, f"{text[0]} is opened and never closed.")
        if text == "\0":
            raise ScriptError(line, "A zero byte has no place in a script.")
        if text == ";" and found.ends_here():
            statements += found.take(script)
            found = _Growing()
        elif kind not in ("space", "comment"):
            found.add(kind, text, line, match.start(), match.end())
        line += text.count("\n")
    return [*statements, *found.take(script)]


def masked(script: str) -> str:
    """The script without its texts: `'?'` stands for each that stands in single quotes."""
    return _TOKEN.sub(lambda token: "'?'" if token[0].startswith("'") else token[0], script)


class _Growing:
    """The statement that is being read."""

    def __init__(self) -> None:
        self._start, self._end, self._line = -1, -1, 0
        self._words: list[str] = []
        self._in_head = True
        self._names: set[str] = set()
        self._parameters: list[str] = []
        self._last: tuple[str, str] = ("", "")

    def add(self, kind: str, text: str, line: int, start: int, end: int) -> None:
        """One more token that means something."""
        if self._start < 0:
            self._start, self._line = start, line
        self._end = end
        self._last = (self._last[1], text.upper())
        self._in_head = self._in_head and kind == "word" and len(self._words) < _HEAD_WORDS
        if self._in_head:
            self._words.append(text.upper())
        if kind == "word":
            self._names.add(text.lower())
        elif kind == "quoted":
            self._names.add(text[1:-1].lower())
        elif kind == "parameter":
            self._parameters.append(text)

    def ends_here(self) -> bool:
        """Whether a semicolon ends it: within a trigger only the one after `; END`."""
        if _TRIGGER.match(" ".join(self._words)) is None:
            return True
        return self._last == (";", "END")

    def take(self, script: str) -> list[Statement]:
        """It, unless it is empty."""
        if self._start < 0:
            return []
        return [
            Statement(
                script[self._start : self._end],
                self._line,
                tuple(self._words),
                frozenset(self._names),
                tuple(self._parameters),
            )
        ]
