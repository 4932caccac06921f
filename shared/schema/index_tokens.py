"""The words of a CREATE INDEX statement, read so that nothing in it can mean more than it shows.

Only what an index definition needs is a token: names, quoted names, text and number literals and
operators. Comments, parameters, semicolons and NUL bytes are refused, so one definition stays one
statement whatever quoting it tries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from shared.quote import quote_backtick, quote_text

WORD: Final = "word"
QUOTED: Final = "quoted"
TEXT: Final = "text"
NUMBER: Final = "number"
OPERATOR: Final = "operator"


class IndexDefinitionError(ValueError):
    """An index definition that is refused; the text says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word. `text` is its meaning: names and literals without their quotes."""

    kind: str
    text: str

    def is_operator(self, text: str) -> bool:
        """Whether this is that operator."""
        return self.kind == OPERATOR and self.text == text

    def is_word(self, *texts: str) -> bool:
        """Whether this is one of those bare words, given in upper case."""
        return self.kind == WORD and self.text.upper() in texts


_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))"
    r"|'(?P<text>(?:[^']|'')*)'"
    r'|"(?P<double>(?:[^"]|"")*)"'
    r"|`(?P<back>(?:[^`]|``)*)`"
    r"|\[(?P<bracket>[^\[\]]*)\]"
    r"|(?P<operator>->>|->|\|\||<<|>>|<=|>=|<>|!=|==|--|/\*|[=<>+\-*/%&|~(),])"
    r")",
    re.ASCII,
)


def read_tokens(text: str) -> list[Token]:
    """The tokens of `text`. Raises IndexDefinitionError."""
    if "\x00" in text:
        raise IndexDefinitionError("it holds a NUL character")
    text = text.strip()
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise IndexDefinitionError(f"it cannot be read from character {position + 1} on")
        tokens.append(_token(found))
        position = found.end()
    return tokens


def _token(found: re.Match[str]) -> Token:
    kind = found.lastgroup or ""
    text = found[kind]
    if kind in ("--", "/*") or (kind == OPERATOR and text in ("--", "/*")):
        raise IndexDefinitionError("comments are not allowed")
    if kind == "text":
        return Token(TEXT, text.replace("''", "'"))
    if kind == "double":
        return Token(QUOTED, text.replace('""', '"'))
    if kind == "back":
        return Token(QUOTED, text.replace("``", "`"))
    if kind == "bracket":
        return Token(QUOTED, text)
    return Token(kind, text)


def render_tokens(tokens: tuple[Token, ...]) -> str:
    """SQL text for `tokens`: one spelling for each meaning."""
    parts: list[str] = []
    before: Token | None = None
    for token in tokens:
        if before is not None and _spaced(before, token):
            parts.append(" ")
        parts.append(_spelling(token))
        before = token
    return "".join(parts)


def _spelling(token: Token) -> str:
    if token.kind == QUOTED:
        return quote_backtick(token.text)
    if token.kind == TEXT:
        return quote_text(token.text)
    return token.text


def _spaced(before: Token, token: Token) -> bool:
    if before.is_operator("(") or token.is_operator(")") or token.is_operator(","):
        return False
    # Function names keep their bracket; keywords such as IN are told apart by their upper case.
    return not (token.is_operator("(") and before.kind == WORD and before.text.islower())
