r"""Random texts from a pattern, such as `[a-z0-9]{15}` or `(ORD|INV)-\d{6}`.

The patterns are a small part of regular expressions: literal characters, classes, `\d \w \s`, `.`,
groups, alternatives, and the repetitions `{n}`, `{n,m}`, `?`, `*`, `+`. Anything else is refused. A
pattern is read once; making a text then costs one random draw a part.
"""

from __future__ import annotations

import re
import secrets
import string
from typing import Final, NamedTuple

from shared.ids import Alphabet
from shared.limits import AUTOGENERATE_CHARS_MAX

_OPEN_ENDED: Final = 10
"""How many more characters than needed `*` and `+` may make."""
_DEPTH_MAX: Final = 8
_CLASSES: Final = {
    "d": string.digits,
    "w": string.ascii_letters + string.digits + "_",
    "s": " ",
}
_ANY: Final = string.ascii_letters + string.digits
_REPEAT: Final = re.compile(r"\{([0-9]{1,4})(?:,([0-9]{1,4})?)?\}")
_PRINTABLE: Final = frozenset(map(chr, range(32, 127)))


class AutogenerateError(ValueError):
    """A pattern from which no text can be generated."""


class Generator:
    """A pattern, ready to make texts."""

    __slots__ = ("_whole",)

    def __init__(self, pattern: str) -> None:
        """Read `pattern`. Raises AutogenerateError."""
        text = pattern.removeprefix("^")
        if text.endswith("$") and not text.endswith(r"\$"):
            text = text[:-1]
        self._whole, position = _read_choice(text, 0, depth=0)
        if position < len(text):
            raise AutogenerateError(f") cannot stand at character {position + 1}")
        if self._whole.most == 0:
            raise AutogenerateError("it is empty")
        if self._whole.most > AUTOGENERATE_CHARS_MAX:
            raise AutogenerateError(f"it makes more than {AUTOGENERATE_CHARS_MAX} characters")

    def text(self) -> str:
        """A new random text."""
        return self._whole.text()


class _Repeated(NamedTuple):
    """Characters of a set, or a choice, a number of times."""

    what: Alphabet | _Choice
    low: int
    high: int

    def text(self) -> str:
        low, high = self.low, self.high
        count = low if low == high else low + secrets.randbelow(high - low + 1)
        if isinstance(self.what, Alphabet):
            return self.what.text(count)
        return "".join(self.what.text() for _ in range(count))


class _Choice(NamedTuple):
    """Alternatives, each a row of parts. `most`: characters of the longest text."""

    branches: tuple[tuple[_Repeated, ...], ...]
    most: int

    def text(self) -> str:
        branches = self.branches
        chosen = branches[0] if len(branches) == 1 else secrets.choice(branches)
        return "".join(part.text() for part in chosen)


def _read_choice(text: str, position: int, *, depth: int) -> tuple[_Choice, int]:
    """The alternatives from `position` on, up to a closing parenthesis or the end."""
    if depth > _DEPTH_MAX:
        raise AutogenerateError(f"its groups are nested deeper than {_DEPTH_MAX}")
    branches: list[tuple[_Repeated, ...]] = []
    parts: list[_Repeated] = []
    most = length = 0
    while position < len(text) and text[position] != ")":
        if text[position] == "|":
            branches.append(tuple(parts))
            parts, length, position = [], 0, position + 1
            continue
        what, size, position = _read_part(text, position, depth)
        low, high, position = _read_repeat(text, position)
        parts.append(_Repeated(what, low, high))
        length += size * high
        most = max(most, length)
    return _Choice((*branches, tuple(parts)), most), position


def _read_part(text: str, position: int, depth: int) -> tuple[Alphabet | _Choice, int, int]:
    """A set or a group, the most characters that it makes, and where what follows begins."""
    if text[position] != "(":
        chars, position = _read_set(text, position)
        return Alphabet(chars), 1, position
    position += 1
    if text.startswith("?", position) and not text.startswith("?:", position):
        raise AutogenerateError("only plain groups are supported")
    position += 2 * text.startswith("?:", position)
    group, position = _read_choice(text, position, depth=depth + 1)
    if position >= len(text):
        raise AutogenerateError("a group is not closed")
    return group, group.most, position + 1


def _read_set(text: str, position: int) -> tuple[str, int]:
    """The characters that may stand at `position`, and where the next part begins."""
    char = text[position]
    if char == "[":
        return _read_class(text, position + 1)
    if char == "\\":
        return _read_escape(text, position + 1)
    if char == ".":
        return _ANY, position + 1
    if char in "()|^$*+?{}]":
        raise AutogenerateError(f"{char} cannot stand at character {position + 1}")
    return _literal(char), position + 1


def _read_escape(text: str, position: int) -> tuple[str, int]:
    if position >= len(text):
        raise AutogenerateError("it ends in a backslash")
    char = text[position]
    if char in _CLASSES:
        return _CLASSES[char], position + 1
    if char.isalnum():
        raise AutogenerateError(f"\\{char} is not supported")
    return _literal(char), position + 1


def _read_class(text: str, position: int) -> tuple[str, int]:
    end = position
    while end < len(text) and text[end] != "]":
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise AutogenerateError("a class is not closed")
    negated = text[position] == "^"
    chars = _class_chars(text[position + negated : end])
    chosen = _PRINTABLE - chars if negated else chars
    if not chosen:
        raise AutogenerateError("a class is empty")
    return "".join(sorted(chosen)), end + 1


def _class_chars(text: str) -> set[str]:
    chars: set[str] = set()
    position = 0
    while position < len(text):
        if text[position] == "\\":
            first, position = _read_escape(text, position + 1)
        else:
            first, position = _literal(text[position]), position + 1
        if len(first) == 1 and text[position : position + 1] == "-" and position + 1 < len(text):
            last = _literal(text[position + 1])
            if last < first:
                raise AutogenerateError(f"{first}-{last} runs backwards")
            chars.update(map(chr, range(ord(first), ord(last) + 1)))
            position += 2
        else:
            chars.update(first)
    return chars


def _literal(char: str) -> str:
    if char not in _PRINTABLE:
        raise AutogenerateError("only printable ASCII can be generated")
    return char


def _read_repeat(text: str, position: int) -> tuple[int, int, int]:
    """Least and most repetitions at `position`, and where the next part begins."""
    char = text[position : position + 1]
    if char == "?":
        return 0, 1, position + 1
    if char == "*":
        return 0, _OPEN_ENDED, position + 1
    if char == "+":
        return 1, _OPEN_ENDED, position + 1
    found = _REPEAT.match(text, position)
    if found is None:
        return 1, 1, position
    low = int(found[1])
    high = low + _OPEN_ENDED if "," in found[0] else low
    if found[2] is not None:
        high = int(found[2])
    if high < low:
        raise AutogenerateError(f"{found[0]} runs backwards")
    return low, high, found.end()
