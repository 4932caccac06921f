"""Expressions of the language as the oracle knows them, and their text.

It has a tree of its own, so that nothing is shared with the parser that it helps to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Plain:
    """A literal. `sort`: text, number or word (null, true, false)."""

    sort: str
    text: str


@dataclass(frozen=True)
class Macro:
    """`@now` and its relatives, by their names with the `@`."""

    name: str


@dataclass(frozen=True)
class Name:
    """A name. `root`: row, auth, body, query, headers, method, context or collection."""

    root: str
    parts: tuple[str, ...] = ()
    modifier: str = ""
    collection: str = ""
    alias: str = ""


@dataclass(frozen=True)
class Called:
    """A function with its arguments."""

    function: str
    arguments: tuple[Operand, ...]


Operand = Plain | Macro | Name | Called


@dataclass(frozen=True)
class Asked:
    """One comparison."""

    left: Operand
    sign: str
    right: Operand

    @property
    def any_of(self) -> bool:
        """Whether one of several values is enough."""
        return self.sign[0] == "?"


@dataclass(frozen=True)
class Joined:
    """Parts held together by `&&` or `||`."""

    word: str
    parts: tuple[Tree, ...]


Tree = Asked | Joined


def written(tree: Tree, blank: str = " ") -> str:
    """The expression in the language."""
    if isinstance(tree, Asked):
        return f"{written_operand(tree.left)}{blank}{tree.sign}{blank}{written_operand(tree.right)}"
    parts = [
        f"({written(part, blank)})" if isinstance(part, Joined) else written(part, blank)
        for part in tree.parts
    ]
    return f"{blank}{tree.word}{blank}".join(parts)


def written_operand(operand: Operand) -> str:
    """One operand in the language."""
    if isinstance(operand, Plain):
        return _quoted(operand.text) if operand.sort == "text" else operand.text
    if isinstance(operand, Macro):
        return operand.name
    if isinstance(operand, Called):
        return f"{operand.function}({', '.join(map(written_operand, operand.arguments))})"
    modifier = f":{operand.modifier}" if operand.modifier else ""
    return ".".join((*_prefix(operand), *operand.parts)) + modifier


def _prefix(name: Name) -> tuple[str, ...]:
    if name.root == "row":
        return ()
    if name.root == "collection":
        alias = f":{name.alias}" if name.alias else ""
        return (f"@collection.{name.collection}{alias}",)
    return (f"@request.{name.root}",)


def _quoted(text: str) -> str:
    if "'" in text and '"' not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "\\'") + "'"


def comparisons(tree: Tree) -> Iterator[Asked]:
    """Every comparison in the tree."""
    if isinstance(tree, Asked):
        yield tree
        return
    for part in tree.parts:
        yield from comparisons(part)


def names(operand: Operand) -> Iterator[Name]:
    """Every name in an operand, also as an argument of a function."""
    if isinstance(operand, Name):
        yield operand
    elif isinstance(operand, Called):
        for argument in operand.arguments:
            yield from names(argument)
