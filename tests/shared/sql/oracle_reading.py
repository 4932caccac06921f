"""Reads the text of an expression into the oracle's tree, for cases that are written by hand."""

from __future__ import annotations

import re

from tests.shared.sql.oracle_tree import Asked, Called, Joined, Macro, Name, Operand, Plain, Tree

_TOKEN = re.compile(
    r"""\s*(?P<text>'(?:\\'|[^'])*'|"(?:\\"|[^"])*")
      | \s*(?P<number>-?\d+(?:\.\d+)?)
      | \s*(?P<name>[A-Za-z@_#][\w.:]*)
      | \s*(?P<sign>\?!=|\?!~|\?>=|\?<=|\?[=~<>]|!=|!~|>=|<=|[=~<>])
      | \s*(?P<mark>&&|\|\||[(),])""",
    re.VERBOSE,
)
_REQUEST = ("auth", "body", "query", "headers", "method", "context")


def read(text: str) -> Tree:
    """The tree of a valid expression."""
    found = [(str(m.lastgroup), m[str(m.lastgroup)]) for m in _TOKEN.finditer(text)]
    return _any(found)


def _any(tokens: list[tuple[str, str]]) -> Tree:
    return _joined(tokens, "||")


def _joined(tokens: list[tuple[str, str]], word: str) -> Tree:
    """`||` holds together what `&&` holds together."""
    parts = [_joined(tokens, "&&") if word == "||" else _single(tokens)]
    while tokens and tokens[0][1] == word:
        tokens.pop(0)
        parts.append(_joined(tokens, "&&") if word == "||" else _single(tokens))
    return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))


def _single(tokens: list[tuple[str, str]]) -> Tree:
    if tokens[0] == ("mark", "("):
        tokens.pop(0)
        tree = _any(tokens)
        assert tokens.pop(0) == ("mark", ")")
        return tree
    left = _operand(tokens)
    kind, sign = tokens.pop(0)
    assert kind == "sign", sign
    return Asked(left, sign, _operand(tokens))


def _operand(tokens: list[tuple[str, str]]) -> Operand:
    kind, text = tokens.pop(0)
    if kind == "text":
        return Plain("text", text[1:-1].replace("\\" + text[0], text[0]))
    if kind == "number":
        return Plain("number", text)
    assert kind == "name", text
    if tokens and tokens[0] == ("mark", "("):
        return _called(text, tokens)
    if text.lower() in ("null", "true", "false"):
        return Plain("word", text)
    return name_of(text)


def _called(function: str, tokens: list[tuple[str, str]]) -> Called:
    arguments = []
    while tokens.pop(0)[1] != ")":
        if tokens[0][1] != ")":
            arguments.append(_operand(tokens))
    return Called(function, tuple(arguments))


def name_of(text: str) -> Macro | Name:
    """A name without quotes."""
    if text.startswith("@collection."):
        return _crossed(text.removeprefix("@collection."))
    stem, _, modifier = text.partition(":")
    if not text.startswith("@request."):
        if text[0] == "@":
            return Macro(text)
        return Name("row", tuple(stem.split(".")), modifier)
    root, *parts = stem.removeprefix("@request.").split(".")
    assert root in _REQUEST, root
    return Name(root, tuple(parts), modifier)


def _crossed(text: str) -> Name:
    whose, _, path = text.partition(".")
    collection, _, alias = whose.partition(":")
    stem, _, modifier = path.partition(":")
    return Name("collection", tuple(stem.split(".")), modifier, collection, alias)
