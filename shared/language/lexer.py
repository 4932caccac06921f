"""Cuts the text of an expression into tokens, each with its position.

One pass, linear in the length of the text: simple tokens by one regular expression without nested
repetition, quoted texts by hand.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from shared.language.errors import LanguageError
from shared.limits import FILTER_CHARS_MAX


class TokenKind(enum.Enum):
    """What a token is."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    OPERATOR = "operator"
    AND = "&&"
    OR = "||"
    OPEN = "("
    CLOSE = ")"
    COMMA = ","
    END = "end of expression"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; the text of a TEXT token is already unescaped."""

    kind: TokenKind
    text: str
    position: int


_SIMPLE = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*)
      | (?P<name>[A-Za-z@_#][A-Za-z0-9_.:]*)
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
      | (?P<operator>\?!=|\?!~|\?>=|\?<=|\?=|\?~|\?>|\?<|!=|!~|>=|<=|=|~|>|<)
      | (?P<and>&&) | (?P<or>\|\|) | (?P<open>\() | (?P<close>\)) | (?P<comma>,)""",
    re.VERBOSE,
)

_KINDS = {
    "name": TokenKind.NAME,
    "number": TokenKind.NUMBER,
    "operator": TokenKind.OPERATOR,
    "and": TokenKind.AND,
    "or": TokenKind.OR,
    "open": TokenKind.OPEN,
    "close": TokenKind.CLOSE,
    "comma": TokenKind.COMMA,
}

_WORD_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@#.:")


def tokens(text: str) -> list[Token]:
    """All tokens of `text`, closed by an END token; raises `LanguageError`."""
    _check_characters(text)
    found: list[Token] = []
    position = 0
    while position < len(text):
        if text[position] in "'\"":
            token, position = _quoted(text, position)
            found.append(token)
            continue
        match = _SIMPLE.match(text, position)
        if match is None:
            raise LanguageError(f"unexpected character {text[position]!r}", position)
        kind = _KINDS.get(match.lastgroup or "")
        if kind is not None:
            found.append(_simple(kind, match.group(), position, text))
        position = match.end()
    found.append(Token(TokenKind.END, "", len(text)))
    return found


def _check_characters(text: str) -> None:
    """Refuse what no SQLite text can hold, and texts of hostile length."""
    if len(text) > FILTER_CHARS_MAX:
        raise LanguageError(f"longer than {FILTER_CHARS_MAX} characters", FILTER_CHARS_MAX)
    if "\0" in text:
        raise LanguageError("a NUL character is not allowed", text.index("\0"))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise LanguageError("not valid Unicode", error.start) from None


def _simple(kind: TokenKind, text: str, position: int, whole: str) -> Token:
    if kind is TokenKind.NAME and text[-1] in ".:":
        raise LanguageError(f"a name may not end in {text[-1]!r}", position + len(text) - 1)
    if kind is TokenKind.NUMBER:
        end = position + len(text)
        if end < len(whole) and whole[end] in _WORD_CHARACTERS:
            raise LanguageError("not a number", position)
        if float(text) in (float("inf"), float("-inf")):
            raise LanguageError("number too large", position)
    return Token(kind, text, position)


def _quoted(text: str, start: int) -> tuple[Token, int]:
    """The quoted text at `start` and where it ends.

    A quote after a backslash never closes, whatever stands before that backslash: clients escape
    values by putting a backslash before quotes only, so any other reading would let a value that
    ends in a backslash break out of its quotes.
    """
    quote = text[start]
    end = text.find(quote, start + 1)
    while end > start + 1 and text[end - 1] == "\\":
        end = text.find(quote, end + 1)
    if end == -1:
        raise LanguageError("the quote is never closed", start)
    value = text[start + 1 : end].replace("\\" + quote, quote)
    return Token(TokenKind.TEXT, value, start), end + 1
