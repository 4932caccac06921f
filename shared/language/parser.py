"""Builds the tree of an expression out of its tokens.

    expression := all ("||" all)*          "&&" binds tighter, as AND does in SQL
    all        := single ("&&" single)*
    single     := "(" expression ")" | operand OPERATOR operand
    operand    := NAME | TEXT | NUMBER | null | true | false | NAME "(" [operand ("," operand)*] ")"

Recursion happens at parentheses only and is bounded by `FILTER_DEPTH_MAX`.
"""

from __future__ import annotations

from shared.language.errors import LanguageError
from shared.language.expression import (
    Call,
    Comparator,
    Comparison,
    Constant,
    Expression,
    Join,
    Junction,
    Name,
    Number,
    Operand,
    Text,
    Word,
)
from shared.language.lexer import Token, TokenKind, tokens
from shared.limits import (
    FILTER_ARGUMENTS_MAX,
    FILTER_CALL_DEPTH_MAX,
    FILTER_COMPARISONS_MAX,
    FILTER_DEPTH_MAX,
)

_WORDS = {word.value: word for word in Word}


def parse(text: str) -> Expression:
    """The tree of `text`; raises `LanguageError` for anything that is not an expression."""
    return _Parser(tokens(text)).whole()


class _Parser:
    """A place in a list of tokens, and what has been counted up to there."""

    __slots__ = ("_comparisons", "_depth", "_place", "_tokens")

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0
        self._comparisons = 0

    def whole(self) -> Expression:
        """The one expression that all tokens together must be."""
        expression = self._junction(Join.ANY)
        if self._next.kind is not TokenKind.END:
            raise self._unexpected("'&&', '||' or the end")
        return expression

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._tokens[self._place]
        self._place += 1
        return token

    def _take_if(self, kind: TokenKind) -> bool:
        if self._next.kind is not kind:
            return False
        self._place += 1
        return True

    def _unexpected(self, wanted: str) -> LanguageError:
        token = self._next
        seen = token.text if token.text and token.kind is not TokenKind.TEXT else token.kind.value
        return LanguageError(f"expected {wanted}, found {seen[:40]!r}", token.position)

    def _junction(self, join: Join) -> Expression:
        separator = TokenKind.OR if join is Join.ANY else TokenKind.AND
        parts = [self._part(join)]
        while self._take_if(separator):
            parts.append(self._part(join))
        return parts[0] if len(parts) == 1 else Junction(join, tuple(parts))

    def _part(self, join: Join) -> Expression:
        return self._junction(Join.ALL) if join is Join.ANY else self._single()

    def _single(self) -> Expression:
        opening = self._next
        if not self._take_if(TokenKind.OPEN):
            return self._comparison()
        self._depth += 1
        if self._depth > FILTER_DEPTH_MAX:
            raise LanguageError(
                f"more than {FILTER_DEPTH_MAX} nested parentheses", opening.position
            )
        expression = self._junction(Join.ANY)
        if not self._take_if(TokenKind.CLOSE):
            raise self._unexpected("')'")
        self._depth -= 1
        return expression

    def _comparison(self) -> Comparison:
        position = self._next.position
        self._comparisons += 1
        if self._comparisons > FILTER_COMPARISONS_MAX:
            raise LanguageError(f"more than {FILTER_COMPARISONS_MAX} comparisons", position)
        left = self._operand(0)
        if self._next.kind is not TokenKind.OPERATOR:
            raise self._unexpected("a comparison operator")
        operator = self._take().text
        right = self._operand(0)
        comparator = Comparator(operator.removeprefix("?"))
        return Comparison(left, comparator, operator[0] == "?", right, position)

    def _operand(self, call_depth: int) -> Operand:
        token = self._next
        if token.kind is TokenKind.TEXT:
            self._place += 1
            return Text(token.text, token.position)
        if token.kind is TokenKind.NUMBER:
            self._place += 1
            return Number(token.text, token.position)
        if token.kind is not TokenKind.NAME:
            raise self._unexpected("a name or a value")
        self._place += 1
        if self._next.kind is TokenKind.OPEN:
            return self._call(token, call_depth + 1)
        word = _WORDS.get(token.text.lower())
        return Name(token.text, token.position) if word is None else Constant(word, token.position)

    def _call(self, name: Token, call_depth: int) -> Call:
        if call_depth > FILTER_CALL_DEPTH_MAX:
            raise LanguageError(f"functions nest at most {FILTER_CALL_DEPTH_MAX}", name.position)
        self._place += 1
        arguments: list[Operand] = []
        while not self._take_if(TokenKind.CLOSE):
            if arguments and not self._take_if(TokenKind.COMMA):
                raise self._unexpected("',' or ')'")
            if len(arguments) == FILTER_ARGUMENTS_MAX:
                raise LanguageError(f"more than {FILTER_ARGUMENTS_MAX} arguments", name.position)
            arguments.append(self._operand(call_depth))
        return Call(name.text, tuple(arguments), name.position)
