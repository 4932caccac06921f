"""The tree that the parser builds: junctions of comparisons between operands.

Each node keeps its `position` (index of its first character in the text) for error messages. The
names are as written; what they mean is decided by `shared.sql.conditions`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Word(enum.Enum):
    """The three literal words."""

    NULL = "null"
    TRUE = "true"
    FALSE = "false"


class Comparator(enum.Enum):
    """What a comparison asks, apart from its any-of form.

    The last two are not written in the language: trees have them that were made of other filters.
    """

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    LIKE = "~"
    NOT_LIKE = "!~"
    EXACT_LIKE = "$like"
    """SQL's LIKE with a literal pattern, where upper and lower case differ."""
    REGEXP = "$re"
    """A regular expression, a literal one, found anywhere in the text."""


class Join(enum.Enum):
    """How the parts of a junction hold together."""

    ALL = "&&"
    ANY = "||"


@dataclass(frozen=True, slots=True)
class Name:
    """A field, a path, a macro or a `@request…` name, with its modifiers."""

    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted text, unescaped."""

    value: str
    position: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, so that a text field can be compared with what the user typed."""

    source: str
    position: int

    @property
    def value(self) -> int | float:
        """The number, an `int` where SQLite can store it as one."""
        if "." in self.source:
            return float(self.source)
        whole = int(self.source)
        return whole if -(2**63) <= whole < 2**63 else float(self.source)


@dataclass(frozen=True, slots=True)
class Constant:
    """`null`, `true` or `false`."""

    word: Word
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Operand, ...]
    position: int


Operand = Name | Text | Number | Constant | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left comparator right`; `any_of` marks the `?` forms."""

    left: Operand
    comparator: Comparator
    any_of: bool
    right: Operand
    position: int


@dataclass(frozen=True, slots=True)
class Junction:
    """Two or more parts, all of which or any of which must hold.

    Chains are flat, so the depth of a tree is the depth of the parentheses in its text.
    """

    join: Join
    parts: tuple[Expression, ...]


Expression = Comparison | Junction
