"""The words of an SQL text as SQLite reads them, comments left out.

Only what SQLite has stored is read: a definition that it has parsed itself. So anything that is no
word here is a sign of one character and never an error.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Final, NamedTuple


class Spelling(enum.Enum):
    """What a word is by its spelling."""

    BARE = enum.auto()
    QUOTED = enum.auto()
    TEXT = enum.auto()
    BLOB = enum.auto()
    NUMBER = enum.auto()
    SIGN = enum.auto()


class Word(NamedTuple):
    """One word. `text` is its meaning, without quotes; `start` and `end` are where it stands."""

    spelling: Spelling
    text: str
    start: int
    end: int

    def is_bare(self, *texts: str) -> bool:
        """Whether this is one of those keywords, given in upper case."""
        return self.spelling is Spelling.BARE and self.text.upper() in texts

    def is_sign(self, text: str) -> bool:
        """Whether this is that sign."""
        return self.spelling is Spelling.SIGN and self.text == text


Words = Sequence[Word]

_WORD: Final = re.compile(
    r"""
    (?P<blank>[ \t\n\f\r]+|--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<blob>[xX]'[0-9a-fA-F]*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
  | (?P<number>0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)
  | (?P<bare>[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_$\x80-\U0010ffff]*)
  | (?P<sign>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_SPELLINGS: Final = {
    "blob": Spelling.BLOB,
    "text": Spelling.TEXT,
    "quoted": Spelling.QUOTED,
    "number": Spelling.NUMBER,
    "bare": Spelling.BARE,
    "sign": Spelling.SIGN,
}


def fold(name: str) -> str:
    """A name as SQLite compares it: ASCII letters in lower case, all others as they are."""
    return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def read_words(sql: str) -> list[Word]:
    """The words of `sql`, in their order."""
    return [
        Word(_SPELLINGS[kind], _meaning(kind, found.group()), found.start(), found.end())
        for found in _WORD.finditer(sql)
        if (kind := found.lastgroup or "") != "blank"
    ]


def _meaning(kind: str, spelled: str) -> str:
    if kind == "blob":
        return spelled[2:-1]
    if kind == "text" or (kind == "quoted" and spelled[0] != "["):
        return spelled[1:-1].replace(spelled[0] * 2, spelled[0])
    return spelled[1:-1] if kind == "quoted" else spelled


def depth_after(word: Word, depth: int) -> int:
    """How deep one stands in brackets and CASEs after a word."""
    if word.is_sign("(") or word.is_bare("CASE"):
        return depth + 1
    return depth - 1 if word.is_sign(")") or word.is_bare("END") else depth


def closing(words: Words, opening: int) -> int:
    """Where the bracket that opens at `opening` is closed. Raises ValueError if nowhere."""
    depth = 0
    for at in range(opening, len(words)):
        depth += words[at].is_sign("(") - words[at].is_sign(")")
        if depth == 0:
            return at
    raise ValueError("a bracket is not closed")


def split(words: Words, *between: str) -> list[Words]:
    """The parts between those keywords or signs, where they stand in no bracket and no CASE.

    The AND of a BETWEEN belongs to it and parts nothing.
    """
    parts: list[Words] = []
    depth = begin = 0
    of_between = False
    for at, word in enumerate(words):
        depth = depth_after(word, depth)
        if depth:
            continue
        if of_between and word.is_bare("AND"):
            of_between = False
        elif word.is_bare("BETWEEN"):
            of_between = True
        elif word.is_bare(*between) or any(word.is_sign(one) for one in between):
            parts.append(words[begin:at])
            begin = at + 1
    return [*parts, words[begin:]]
